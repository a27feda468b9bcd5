"""Models load from a folder or say in one sentence why not; prompts become the right tokens."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners import lora
from safetensors.torch import load_file, save_file
from tokenizers.processors import TemplateProcessing
from transformers import LlamaConfig, LlamaForCausalLM

from experiments import params
from experiments.engine.lora import FastLinear
from experiments.engine.model import load_asked, load_model, load_tokenizer, render, tokenize
from experiments.engine.request import Choose, Generate, Message
from experiments.errors import ModelError
from tests.engine import tiny

EVALUATE = params.load(Path(__file__).resolve().parents[2] / "params.yaml").evaluate


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    made = tiny.language_model("llama")
    made.model.save_pretrained(folder)
    made.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapter(checkpoint, tmp_path_factory):
    """A LoRA adapter that changes every reply, and the logits it gives unmerged."""
    folder = tmp_path_factory.mktemp("adapter")
    model = load_model(checkpoint, device="cpu").model
    model = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "down_proj"]))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_(0, 0.5, generator=torch.Generator().manual_seed(len(name)))
    model.save_pretrained(folder)
    return folder, logits(model.eval())


def logits(model):
    with torch.inference_mode():
        return model(torch.arange(9)[None]).logits


def test_loads_float32_on_a_cpu(checkpoint):
    loaded = load_model(checkpoint, device="cpu")
    assert loaded.model.dtype == torch.float32 and not loaded.model.training
    torch.testing.assert_close(logits(loaded.model), logits(tiny.language_model("llama").model))
    assert load_model(checkpoint, device="cpu", dtype="bfloat16").model.dtype == torch.bfloat16


def test_adapter_is_merged(checkpoint, adapter):
    folder, unmerged = adapter
    merged = load_model(checkpoint, device="cpu", adapter=folder).model
    assert not any("lora" in name for name, _ in merged.named_modules())
    torch.testing.assert_close(logits(merged), unmerged, atol=1e-4, rtol=1e-4)
    assert (logits(merged) - logits(load_model(checkpoint, device="cpu").model)).abs().max() > 0.1


def test_a_model_is_asked_in_the_precision_of_the_parameters(checkpoint):
    chosen = replace(EVALUATE, matmul="bf16")
    weights = load_asked(checkpoint, chosen).model.model.layers[0].mlp.down_proj.weight
    assert weights.dtype == torch.bfloat16
    assert load_asked(checkpoint, replace(EVALUATE, dtype="bfloat16")).model.dtype == torch.bfloat16


def test_an_adapter_is_not_merged_into_weights_that_would_round_it_away(checkpoint, tmp_path):
    """A change of less than half a step of bfloat16 leaves every merged weight what it was."""
    model = load_model(checkpoint, device="cpu", dtype="bfloat16").model
    before = model.model.layers[0].self_attn.q_proj.weight.clone()
    wrapped = get_peft_model(model, LoraConfig(r=1, lora_alpha=1, target_modules=["q_proj"]))
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_" in name:
                weight.fill_(before.abs().mean().item() ** 0.5 / 64)
    wrapped.save_pretrained(tmp_path)
    merged = wrapped.merge_and_unload().model.layers[0].self_attn.q_proj.weight
    assert (merged == before).float().mean() > 0.7
    loaded = load_model(checkpoint, device="cpu", dtype="bfloat16", adapter=tmp_path).model
    assert any("lora" in name for name, _ in loaded.named_modules())
    change = loaded(torch.arange(9)[None]).logits
    assert not torch.equal(change, logits(load_model(checkpoint, dtype="bfloat16").model))


def test_products_in_bfloat16_round_and_keep_the_adapter(checkpoint, adapter):
    """Frozen weights are rounded once; norms, embeddings and logits are not, nor is the adapter."""
    folder, unmerged = adapter
    exact = load_model(checkpoint, device="cpu").model
    rounded = load_model(checkpoint, device="cpu", matmul="bf16").model
    assert rounded.dtype == rounded.lm_head.weight.dtype == torch.float32
    kinds = {name: weight.dtype for name, weight in rounded.named_parameters()}
    assert {name for name, kind in kinds.items() if kind == torch.bfloat16} == {
        name for name in kinds if "proj" in name
    }
    difference = (logits(rounded) - logits(exact)).abs().max()
    assert 0 < difference < 0.02 * logits(exact).abs().max()
    adapted = load_model(checkpoint, device="cpu", matmul="bf16", adapter=folder).model
    layers = [module for module in adapted.modules() if isinstance(module, FastLinear)]
    assert len(layers) == 4  # two targets in two layers
    error = (logits(adapted) - unmerged).abs().max()
    assert 0 < error < 0.1 * (unmerged - logits(exact)).abs().max()
    fast = logits(adapted)
    for module in layers:
        module.__class__ = lora.Linear
    torch.testing.assert_close(logits(adapted), fast, atol=1e-4, rtol=1e-4)


def test_a_tuned_checkpoint_takes_the_place_of_the_base(checkpoint, tmp_path):
    tuned = load_model(checkpoint, device="cpu")
    with torch.no_grad():
        tuned.model.lm_head.weight *= 2
    tuned.model.save_pretrained(tmp_path)
    loaded = load_model(checkpoint, device="cpu", adapter=tmp_path)
    torch.testing.assert_close(logits(loaded.model), logits(tuned.model))
    assert loaded.tokenizer.chat_template == tiny.TEMPLATE


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"short"), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text("{}"), "cannot be loaded"),
    ],
)
def test_a_broken_folder_is_named(checkpoint, tmp_path, spoil, message):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    spoil(tmp_path)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(tmp_path, device="cpu")
    assert str(tmp_path) in str(caught.value)


def test_missing_folders_and_adapters(checkpoint, tmp_path):
    with pytest.raises(ModelError, match=r"nowhere holds no model .*fetch or train it again"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=f"{tmp_path} holds no model"):
        load_model(checkpoint, adapter=tmp_path)
    with pytest.raises(ModelError, match="nf4"):
        load_model(checkpoint, quantization="int8")
    with pytest.raises(ModelError, match="float17"):
        load_model(checkpoint, dtype="float17")


def test_quantised_model_keeps_its_adapter_apart(tmp_path, settings):
    config = tiny.CONFIGS["llama"]
    wide = {**config.to_dict(), "hidden_size": 128, "head_dim": 32}
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**wide))
    model.save_pretrained(tmp_path / "base")
    tiny.tokenizer().save_pretrained(tmp_path / "base")
    lora = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    get_peft_model(model, lora).save_pretrained(tmp_path / "adapter")
    loaded = load_model(
        tmp_path / "base", device="cpu", adapter=tmp_path / "adapter", quantization="nf4"
    )
    assert any("lora" in name for name, _ in loaded.model.named_modules())

    def ask():
        return list((yield (Choose("The fox", (" jumps", " over")), Generate("The fox", 3))))

    (found,) = tiny.answers(loaded, settings, [ask()])
    assert len(found) == 2


def test_only_safetensors_are_read(checkpoint, tmp_path):
    """A pickle could run code."""
    for file in checkpoint.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_model(checkpoint, device="cpu").model.state_dict()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only pickled weights"):
        load_model(tmp_path, device="cpu")
    index = {"weight_map": dict.fromkeys(weights, "pytorch_model.bin")}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="must name a safetensors file beside it"):
        load_model(tmp_path, device="cpu")


def test_a_pickled_adapter_is_not_read(checkpoint, adapter, tmp_path):
    shutil.copytree(adapter[0], tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_model.safetensors").unlink()
    torch.save(weights, tmp_path / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"lacks adapter_model\.safetensors"):
        load_model(checkpoint, device="cpu", adapter=tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: {},
        lambda weights: dict(sorted(weights.items())[::2]),
        lambda weights: {name: one for name, one in weights.items() if "layers.1" not in name},
        lambda weights: {name.replace("q_proj", "k_proj"): one for name, one in weights.items()},
        lambda weights: {
            name.replace("model.layers", "_orig_mod.model.layers"): one
            for name, one in weights.items()
        },
        lambda weights: {name: one[:1] for name, one in weights.items()},
        lambda weights: weights | {"base_model.model.model.norm.lora_A.weight": torch.ones(1, 1)},
    ],
    ids=["none", "half", "no layer", "renamed", "compiled", "rank", "more"],
)
def test_an_adapter_must_hold_exactly_its_weights(checkpoint, adapter, tmp_path, change):
    shutil.copytree(adapter[0], tmp_path, dirs_exist_ok=True)
    weights = change(load_file(tmp_path / "adapter_model.safetensors"))
    save_file(
        {name: one.contiguous() for name, one in weights.items()},
        tmp_path / "adapter_model.safetensors",
    )
    with pytest.raises(ModelError, match=r"does not hold the weights|size mismatch") as caught:
        load_model(checkpoint, device="cpu", adapter=tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_adapter_for_fewer_layers_is_refused(checkpoint, adapter, tmp_path):
    shutil.copytree(adapter[0], tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(
        json.dumps(config | {"target_modules": ["q_proj"]})
    )
    with pytest.raises(ModelError, match="does not hold the weights"):
        load_model(checkpoint, device="cpu", adapter=tmp_path)


@pytest.mark.parametrize("absent", ["lm_head.weight", "model.layers.1.mlp.up_proj.weight"])
def test_a_checkpoint_that_lacks_a_weight_is_refused(checkpoint, tmp_path, absent):
    """transformers draws it at random, or ties an output layer that its configuration unties."""
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    del weights[absent]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    for loaded in ({"path": tmp_path}, {"path": checkpoint, "adapter": tmp_path}):
        with pytest.raises(ModelError, match=f"does not hold the weights.*{absent}"):
            load_model(**loaded, device="cpu")


def test_the_date_of_a_chat_template_is_fixed(checkpoint, tmp_path):
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    (tmp_path / "chat_template.jinja").write_text(
        "{% set today = strftime_now('%d %b %Y, %-d %B') if strftime_now is defined else '?' %}"
        "{{ today }}|{{ messages[0]['content'] }}"
    )
    with pytest.raises(ModelError, match=r"today's date into every prompt; set model\.date"):
        load_tokenizer(tmp_path)
    tokenizer = load_tokenizer(tmp_path, "2024-07-06")
    assert render(tokenizer, (Message("user", "U"),)) == "06 Jul 2024, 6 July|U"


def test_no_remote_code(checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(tmp_path, device="cpu")


def test_dialogue_ends_where_the_reply_begins(llama):
    text = render(llama.tokenizer, (Message("system", "S"), Message("user", "U")))
    assert text == "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\n"
    assert render(llama.tokenizer, "as it is") == "as it is"


def test_a_refused_system_turn_begins_the_first_user_turn():
    """Other faults of a dialogue are refused as before."""
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = tiny.GEMMA_TEMPLATE
    system, user = Message("system", "Be brief."), Message("user", "Is it?")
    rest = (Message("assistant", "No."), Message("user", "Sure?"))
    joined = "<|user|>user\nBe brief.\n\nIs it?<|end|>\n"
    assert render(tokenizer, (system, user)) == f"{joined}<|user|>model\n"
    assert render(tokenizer, (system, user, *rest)) == (
        f"{joined}<|user|>model\nNo.<|end|>\n<|user|>user\nSure?<|end|>\n<|user|>model\n"
    )
    assert "Be brief" not in render(tokenizer, (user, *rest))
    for refused in ((system,), (system, system, user), (user, user)):
        with pytest.raises(ValueError, match="refuses the dialogue"):
            render(tokenizer, refused)


def test_a_system_turn_that_the_template_leaves_out_is_kept():
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = (
        "{% for message in messages if message['role'] != 'system' %}"
        "<|{{ message['role'] }}|>{{ message['content'] }}{% endfor %}"
    )
    turns = (Message("system", "Be brief."), Message("user", "Is it?"))
    assert render(tokenizer, turns) == "<|user|>Be brief.\n\nIs it?"


def test_special_tokens_are_the_tokenizers_choice():
    """With a BOS-adding tokenizer: once for a raw string, never for a continuation."""
    tokenizer = tiny.tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", 0)]
    )
    raw = tokenize(tokenizer, ["The fox", "The fox"], special_tokens=True)
    bare = tokenize(tokenizer, ["The fox"], special_tokens=False)
    assert list(raw) == ["The fox"]
    np.testing.assert_array_equal(raw["The fox"], [0, *bare["The fox"]])
    assert tokenize(tokenizer, [], special_tokens=True) == {}
