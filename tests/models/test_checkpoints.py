"""The presets that come in parts, as converted: tokens, scores, replies, training.

Run where `python -m experiments.fetch -S model.name=NAME` has brought the files to data/model/NAME.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel

from experiments import params, train
from experiments.engine.model import LanguageModel, load_model, load_tokenizer, render, tokenize
from experiments.engine.request import Choose, Generate, Message, Prompt
from experiments.engine.training.packing import end_of_turn
from experiments.models.presets import PRESETS
from experiments.models.shape import shape_of
from experiments.models.verification import verify_model
from experiments.params import Engine, Lora, Model
from tests.engine import tiny
from tests.fetched import DATA
from tests.test_train_processes import write_rows

QWEN = ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")
SPLIT = [name for name, preset in PRESETS.items() if preset.split is not None]
SETTINGS = Engine(token_budget=1024, row_tokens=256, cache_gib=0.1, generation_slots=2, threads=1)
DIALOGUE = (Message("user", "Is it flat?"), Message("assistant", "No."), Message("user", "Sure?"))
SYSTEM = (Message("system", "Be brief."), Message("user", "Is it flat?"))
# Qwen2: as llama.cpp's own test of this vocabulary has them. Gemma 3: as other programs print them
# for the maker's tokenizer.
KNOWN = {
    "qwen": {
        "Hello world": [9707, 1879],
        " Hello World!": [21927, 4337, 0],
        "Führer": [37, 50753, 261],
        "ied 4 ½ months": [1122, 220, 19, 220, 26062, 3951],
        "\t\n": [1572],
        "\n\n\n": [1406],
        "    Hello\n    Hello": [262, 21927, 198, 262, 21927],
        "' era": [6, 11385],
        "333333333": [18] * 9,
        "<|im_start|>": [151644],
        "<|im_end|>": [151645],
    },
    "gemma": {
        "The capital of Germany is": [818, 5279, 529, 9405, 563],
        "<start_of_turn>user\nHello<end_of_turn>\n<start_of_turn>model\n": [
            105, 2364, 107, 9259, 106, 107, 105, 4368, 107,
        ],
    },
}  # fmt: skip
RENDERED = {
    "qwen": (
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant."
        "<|im_end|>\n<|im_start|>user\nIs it flat?<|im_end|>\n<|im_start|>assistant\nNo."
        "<|im_end|>\n<|im_start|>user\nSure?<|im_end|>\n<|im_start|>assistant\n",
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nIs it flat?<|im_end|>\n"
        "<|im_start|>assistant\n",
    ),
    "gemma": (
        "<bos><start_of_turn>user\nIs it flat?<end_of_turn>\n<start_of_turn>model\nNo."
        "<end_of_turn>\n<start_of_turn>user\nSure?<end_of_turn>\n<start_of_turn>model\n",
        "<bos><start_of_turn>user\nBe brief.\n\nIs it flat?<end_of_turn>\n<start_of_turn>model\n",
    ),
}
ENDS = {"qwen": [151645], "gemma": [1, 106]}
# One prompt is longer than Gemma's window of 512 tokens.
ASKED: list[tuple[Prompt, tuple[str, ...]]] = [
    (DIALOGUE, ("Yes.", "No, it is round.")),
    (SYSTEM, ("A", "B")),
    ("The capital of France is", (" Paris", " Rome")),
    ("Numbers: " + ", ".join(map(str, range(100, 212))), (", 212", ", 17")),
]


@pytest.fixture(scope="module", params=SPLIT)
def name(request: pytest.FixtureRequest) -> str:
    if not (DATA / "model" / request.param).is_dir():
        pytest.skip(
            f"the files are not there; `python -m experiments.fetch -S model.name={request.param}`"
        )
    return request.param


@pytest.fixture(scope="module")
def loaded(name: str) -> LanguageModel:
    return load_model(DATA / "model" / name, device="cpu")


@pytest.fixture(scope="module")
def tokenizer(name: str):
    return load_tokenizer(DATA / "model" / name)


def kind(name: str) -> str:
    return "qwen" if name in QWEN else "gemma"


def test_the_folder_is_what_the_preset_says(name: str) -> None:
    folder = DATA / "model" / name
    verify_model(Model(name), folder)
    assert shape_of(folder) == PRESETS[name].shape
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["_model_name_or_path"] == PRESETS[name].split.named
    assert config.get("sliding_window") == (512 if kind(name) == "gemma" else None)
    generation = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    assert torch.tensor(generation["eos_token_id"]).flatten().tolist() == ENDS[kind(name)]


def test_tokens_are_the_known_ones_and_decode_to_the_text(name: str, tokenizer) -> None:
    for text, ids in KNOWN[kind(name)].items():
        assert tokenizer(text, add_special_tokens=False).input_ids == ids
    for text in (*KNOWN[kind(name)], "café, 你好 🦙", "(A) 12.5 %\n\nB", "  two  spaces\t"):
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text
    digits = tokenizer("31415", add_special_tokens=False).input_ids
    assert [tokenizer.decode([one]) for one in digits] == list("31415")


def test_dialogues_are_written_as_published(name: str, tokenizer) -> None:
    written, with_system = RENDERED[kind(name)]
    assert render(tokenizer, DIALOGUE) == written
    assert render(tokenizer, SYSTEM) == with_system
    assert end_of_turn(tokenizer) == ENDS[kind(name)][-1]
    if kind(name) == "gemma":  # once, in dialogues and in plain texts
        for text, special in ((written, False), ("Hello", True)):
            (ids,) = tokenize(tokenizer, [text], special_tokens=special).values()
            assert ids[0] == 2 and (ids[1:] != 2).all()


def likelihood(loaded: LanguageModel, prompt: Prompt, continuation: str) -> float:
    """By transformers alone, one sequence at a time."""
    special = isinstance(prompt, str)
    text = render(loaded.tokenizer, prompt)
    start = loaded.tokenizer(text, add_special_tokens=special).input_ids
    end = loaded.tokenizer(continuation, add_special_tokens=False).input_ids
    scores = loaded.model(torch.tensor([start + end])).logits[0, len(start) - 1 : -1]
    return scores.log_softmax(-1)[range(len(end)), end].sum().item()


@torch.inference_mode()
def test_scores_are_those_of_transformers(loaded: LanguageModel) -> None:
    def ask(prompt: Prompt, continuations: tuple[str, ...]):
        return (yield (Choose(prompt, continuations),))[0].log_likelihoods

    found = tiny.answers(loaded, SETTINGS, [ask(*asked) for asked in ASKED])
    expected = [
        tuple(likelihood(loaded, prompt, one) for one in continuations)
        for prompt, continuations in ASKED
    ]
    differences = torch.tensor(found, dtype=torch.float64) - torch.tensor(expected)
    print(f"largest difference: {differences.abs().max():.1e} nats")
    assert differences.abs().max() < 1e-3
    france, numbers = expected[2:]
    assert france[0] > france[1] + 1 and numbers[0] > numbers[1] + 1


def test_replies_make_sense(name: str, loaded: LanguageModel) -> None:
    prompts = ["Question: What is the capital of France?\nAnswer:"]
    if kind(name) == "qwen":
        prompts.append((Message("user", "What is the capital of France? Reply in one word."),))

    def ask(prompt: Prompt):
        return (yield (Generate(prompt, 8),))[0]

    found = tiny.answers(loaded, SETTINGS, [ask(prompt) for prompt in prompts])
    print([reply.text for reply in found])
    assert all("Paris" in reply.text for reply in found)
    if kind(name) == "qwen":
        assert found[1].finish == "end"


def test_an_adapter_trains_and_loads_again(
    name: str, loaded: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(DATA)
    write_rows(tmp_path, "mmlu", training=4, validation=1)
    committed = params.load(Path(__file__).resolve().parents[2] / "params.yaml")
    settings = replace(
        committed.train,
        seeds=[1],
        epochs=1,
        batch_size=2,
        learning_rate=1e-2,
        lora=Lora(r=4, alpha=8, dropout=0),
    )
    train.train_adapter("mmlu", replace(committed, model=Model(name), train=settings))
    folder = tmp_path / "adapters/mmlu/seed-1"
    before = likelihood(loaded, DIALOGUE, "No.")
    adapted = PeftModel.from_pretrained(loaded.model, folder).eval()
    after = likelihood(replace(loaded, model=adapted), DIALOGUE, "No.")
    adapted.unload()
    merged = load_model(DATA / "model" / name, device="cpu", adapter=folder)
    assert likelihood(merged, DIALOGUE, "No.") == pytest.approx(after, abs=1e-3)
    assert abs(after - before) > 1e-2
