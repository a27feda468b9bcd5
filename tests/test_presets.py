"""Every preset's way through the stages, on a tiny model of its architecture and chat format."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments import evaluate, params, train
from experiments.corpora.item import read_rows, write_items
from experiments.engine.model import load_model, render, tokenize
from experiments.engine.request import Message
from experiments.models import memory
from experiments.models.fetching import fetch_model
from experiments.models.presets import PRESETS
from experiments.models.verification import verify_model
from experiments.params import Lora, Model, Params
from tests.engine import tiny
from tests.items import of_every_task
from tests.test_train_processes import write_rows

ROOT = Path(__file__).resolve().parents[1]
FILE = params.load(ROOT / "params.yaml")
# What the real templates do with roles, in the tiny tokenizer's own special tokens.
WITH_SYSTEM = tiny.TEMPLATE
DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}<|system|>\nYou are tiny.<|end|>\n{% endif %}"
    + tiny.TEMPLATE
)
NO_SYSTEM = (
    "{% for message in messages %}{% if message['role'] == 'system' or "
    "(message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('System role not supported') }}{% endif %}{% endfor %}" + tiny.TEMPLATE
)
KINDS = {
    "smollm2-135m-instruct": ("llama", DEFAULT_SYSTEM),
    "smollm2-1.7b-instruct": ("llama", DEFAULT_SYSTEM),
    "qwen2.5-coder-0.5b-instruct": ("llama", DEFAULT_SYSTEM),
    "qwen2.5-coder-1.5b-instruct": ("llama", DEFAULT_SYSTEM),
    "gemma-3-270m": ("gemma3", NO_SYSTEM),
    "llama-2-7b-chat": ("llama", WITH_SYSTEM),
    "gemma-2-2b-it": ("gemma2", NO_SYSTEM),
}


def test_every_preset_is_here() -> None:
    assert set(KINDS) == set(PRESETS)
    for name, (family, _) in KINDS.items():
        assert PRESETS[name].shape.softcap == (family == "gemma2")


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with training rows and two items per test."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path, "mmlu", training=6, validation=2)
    for task, listed in of_every_task(2).items():
        write_items(Path(f"prepared/evaluation/{task}.jsonl"), listed)
    return tmp_path


def parameters_for(method: str, protocol: str) -> Params:
    reply = dict.fromkeys(vars(FILE.evaluate.published), 6)
    return replace(
        FILE,
        protocol=protocol,
        model=Model("./own"),
        adapters={name: one for name, one in FILE.adapters.items() if one.method != "full"},
        train=replace(
            FILE.train, method=method, seeds=[1], learning_rate=5e-3, epochs=2,
            gradient_checkpointing=method == "qlora", lora=Lora(r=4, alpha=8, dropout=0.1),
        ),
        evaluate=replace(
            FILE.evaluate,
            gsm8k_max_tokens=6,
            published=replace(FILE.evaluate.published, **reply),
            quantization="nf4" if method == "qlora" else "none",
            dtype="bfloat16" if method == "qlora" else "float32",
            transcripts=replace(FILE.evaluate.transcripts, items=0),
            engine=replace(FILE.evaluate.engine, cache_gib=0.01, generation_slots=2, threads=1),
        ),
    )  # fmt: skip


def make_model(name: str) -> Path:
    """A local folder like the preset's repository, and its copy in data/model/."""
    family, template = KINDS[name]
    language_model = tiny.language_model(family)
    language_model.tokenizer.chat_template = template
    language_model.model.save_pretrained("own")
    language_model.tokenizer.save_pretrained("own")
    folder = Path("data/model/own")
    fetch_model(Model("./own"), folder)
    verify_model(Model("./own"), folder)
    return folder


def ask(name: str, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    monkeypatch.setattr(sys, "argv", ["evaluate", name])
    evaluate.main()
    return read_rows(Path(f"outcomes/{name}/outcomes.jsonl"))


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("protocol", ["controlled", "published"])
@pytest.mark.parametrize("method", ["lora", "qlora"])
@pytest.mark.parametrize("name", ["smollm2-1.7b-instruct", "llama-2-7b-chat", "gemma-2-2b-it"])
def test_fetched_trained_asked_and_trained_again(
    name: str, method: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model(name)
    parameters = parameters_for(method, protocol)
    monkeypatch.setattr(params, "load", lambda: parameters)
    memory.require_training(folder, parameters.train)
    memory.require_evaluation(folder, parameters)
    base = ask("base", monkeypatch)
    train.train_adapter("mmlu", parameters)
    adapter = Path("adapters/mmlu/seed-1")
    first = (adapter / "adapter_model.safetensors").read_bytes()
    tuned = ask("mmlu", monkeypatch)
    assert len(tuned) == len([row for row in base if row["task"] in parameters.tests("mmlu")])
    train.train_adapter("mmlu", parameters)
    assert (adapter / "adapter_model.safetensors").read_bytes() == first
    if protocol == "controlled":
        assert [row["log_likelihoods"] for row in tuned] != [
            row["log_likelihoods"] for row in base if row["task"] in parameters.tests("mmlu")
        ]


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("name", ["smollm2-1.7b-instruct", "llama-2-7b-chat", "gemma-2-2b-it"])
def test_merged_and_unmerged_score_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from peft import PeftModel

    folder = make_model(name)
    train.train_adapter("mmlu", parameters_for("lora", "controlled"))
    adapter = Path("adapters/mmlu/seed-1")
    merged = load_model(folder, adapter=adapter)
    plain = load_model(folder)
    tokens = tokenize(merged.tokenizer, ["Are you sure about that? (A)"], special_tokens=False)
    (ids,) = tokens.values()
    batch = torch.from_numpy(ids.astype("int64"))[None]
    with torch.no_grad():
        base = plain.model(batch).logits.log_softmax(-1)
        unmerged = PeftModel.from_pretrained(plain.model, adapter).eval()(batch)
        together = merged.model(batch)
    torch.testing.assert_close(
        together.logits.log_softmax(-1), unmerged.logits.log_softmax(-1), atol=1e-4, rtol=1e-4
    )
    assert not torch.allclose(base, together.logits.log_softmax(-1), atol=1e-2)


@pytest.mark.parametrize("name", PRESETS)
def test_a_system_turn_is_read_whatever_the_template(name: str) -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = KINDS[name][1]
    text = render(tokenizer, (Message("system", "Be brief."), Message("user", "Is it flat?")))
    assert text.index("Be brief.") < text.index("Is it flat?") and text.count("Be brief.") == 1
    assert text.endswith("<|assistant|>\n")
    if name == "gemma-2-2b-it":
        assert "<|user|>\nBe brief.\n\nIs it flat?<|end|>" in text and "<|system|>" not in text
