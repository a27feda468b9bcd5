"""A GGUF checkpoint becomes a folder with the same weights and the tokenizer that it describes."""

import json

import gguf
import numpy as np
import pytest
from tokenizers.pre_tokenizers import ByteLevel

from experiments.engine.model import load_model
from experiments.errors import ModelError
from experiments.models.gguf import convert_gguf
from experiments.models.presets import Turns

TEMPLATE = "{% for message in messages %}{{ message['content'] }}<|im_end|>{% endfor %}"
TOKENS = ["<|im_start|>", "<|im_end|>", *sorted(ByteLevel.alphabet()), "ĊĊ", "12"]
WIDTH, HIDDEN, HEADS, KEY_HEADS = 64, 96, 4, 2


def write_gguf(path, pre: str = "smollm", architecture: str = "llama") -> dict[str, np.ndarray]:
    """A one-layer Llama with random weights, one of them in 4 bits; returns the weights."""
    random = np.random.default_rng(0)
    shapes = {
        "token_embd": (len(TOKENS), WIDTH),
        "output_norm": (WIDTH,),
        "blk.0.attn_norm": (WIDTH,),
        "blk.0.attn_q": (WIDTH, WIDTH),
        "blk.0.attn_k": (WIDTH * KEY_HEADS // HEADS, WIDTH),
        "blk.0.attn_v": (WIDTH * KEY_HEADS // HEADS, WIDTH),
        "blk.0.attn_output": (WIDTH, WIDTH),
        "blk.0.ffn_norm": (WIDTH,),
        "blk.0.ffn_gate": (HIDDEN, WIDTH),
        "blk.0.ffn_up": (HIDDEN, WIDTH),
        "blk.0.ffn_down": (WIDTH, HIDDEN),
    }
    weights = {name: random.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_context_length(128)
    writer.add_block_count(1)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, *[1] * (len(TOKENS) - 2)])
    writer.add_token_merges(["Ċ Ċ", "1 2"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(1)
    writer.add_chat_template(TEMPLATE)
    for name, weight in weights.items():
        if name == "blk.0.ffn_down":
            packed = gguf.quantize(weight, gguf.GGMLQuantizationType.Q4_1)
            writer.add_tensor(f"{name}.weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q4_1)
            weights[name] = gguf.dequantize(packed, gguf.GGMLQuantizationType.Q4_1)
        else:
            writer.add_tensor(f"{name}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def test_weights_and_tokenizer_are_those_of_the_checkpoint(tmp_path):
    weights = write_gguf(tmp_path / "tiny.gguf")
    convert_gguf(tmp_path / "tiny.gguf", tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu")
    found = {name: weight.numpy() for name, weight in loaded.model.state_dict().items()}
    for theirs, ours in {
        "token_embd": "embed_tokens",
        "output_norm": "norm",
        "blk.0.attn_v": "layers.0.self_attn.v_proj",
        "blk.0.attn_output": "layers.0.self_attn.o_proj",
        "blk.0.ffn_gate": "layers.0.mlp.gate_proj",
        "blk.0.ffn_down": "layers.0.mlp.down_proj",
    }.items():
        np.testing.assert_array_equal(found[f"model.{ours}.weight"], weights[theirs])
    np.testing.assert_array_equal(found["lm_head.weight"], weights["token_embd"])
    tokenizer = loaded.tokenizer
    assert tokenizer.chat_template == TEMPLATE
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 1
    assert loaded.model.generation_config.eos_token_id == 1
    assert tokenizer.convert_ids_to_tokens(tokenizer("<|im_start|>a").input_ids) == [
        "<|im_start|>",
        "a",
    ]


@pytest.mark.parametrize(
    ("pre", "tokens"), [("smollm", ["ĊĊ", "1", "2"]), ("default", ["ĊĊ", "12"])]
)
def test_digits_are_split_off_where_the_checkpoint_asks_for_it(tmp_path, pre, tokens):
    write_gguf(tmp_path / "tiny.gguf", pre)
    convert_gguf(tmp_path / "tiny.gguf", tmp_path / "model")
    tokenizer = load_model(tmp_path / "model", device="cpu").tokenizer
    found = tokenizer.convert_ids_to_tokens(tokenizer("\n\n12").input_ids)
    assert found == tokens or pre == "default"
    assert tokenizer.decode(tokenizer("\n\n12 ab").input_ids) == "\n\n12 ab"


def test_supplied_turns_end_replies_too(tmp_path):
    write_gguf(tmp_path / "tiny.gguf")
    turns = Turns("{{ bos_token }}{% for turn in messages %}{{ turn.content }}12{% endfor %}", "12")
    convert_gguf(tmp_path / "tiny.gguf", tmp_path / "model", turns)
    loaded = load_model(tmp_path / "model", device="cpu")
    assert loaded.tokenizer.chat_template == turns.template
    assert loaded.model.generation_config.eos_token_id == [1, TOKENS.index("12")]


def test_same_input_gives_the_same_bytes(tmp_path):
    """They are pinned: nothing of this machine or of the time is in them."""
    write_gguf(tmp_path / "tiny.gguf")
    contents = []
    for folder in (tmp_path / "one", tmp_path / "other" / "model"):
        folder.parent.mkdir(exist_ok=True)
        convert_gguf(tmp_path / "tiny.gguf", folder)
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]
    assert not any(str(tmp_path).encode() in content for content in contents[0].values())
    assert json.loads(contents[0]["config.json"])["tie_word_embeddings"]


def test_an_older_conversion_is_replaced(tmp_path):
    write_gguf(tmp_path / "tiny.gguf")
    for leftover in ("model", "model.partial"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "stale.json").write_text("{}")
    convert_gguf(tmp_path / "tiny.gguf", tmp_path / "model")
    assert not (tmp_path / "model" / "stale.json").exists()
    assert not (tmp_path / "model.partial").exists()


@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.01, 0.3, 0.9, 0.999])
def test_a_broken_checkpoint_is_named(tmp_path, kept):
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    (tmp_path / "model").mkdir()
    with pytest.raises(ModelError, match=r"tiny\.gguf cannot be read .*fetch it again"):
        convert_gguf(path, tmp_path / "model")
    assert [one.name for one in tmp_path.iterdir() if one.is_dir()] == ["model"]


def test_no_checkpoint_and_an_unknown_one_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.gguf is missing"):
        convert_gguf(tmp_path / "none.gguf", tmp_path / "model")
    (tmp_path / "noise.gguf").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(ModelError, match=r"noise\.gguf cannot be read"):
        convert_gguf(tmp_path / "noise.gguf", tmp_path / "model")
    write_gguf(tmp_path / "other.gguf", architecture="unheard_of")
    with pytest.raises(ModelError, match=r"other\.gguf cannot be read"):
        convert_gguf(tmp_path / "other.gguf", tmp_path / "model")
