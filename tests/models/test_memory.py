"""Memory is estimated from sizes alone, near what is known; too little of it is one sentence."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import params
from experiments.errors import ModelError
from experiments.models import memory
from experiments.models.memory import Device, Estimate
from experiments.models.presets import PRESETS
from experiments.params import Params

ROOT = Path(__file__).resolve().parents[2]
FILE = params.load(ROOT / "params.yaml")
SMALL, LLAMA = PRESETS["smollm2-135m-instruct"].shape, PRESETS["llama-2-7b-chat"].shape
QLORA = replace(FILE.train, method="qlora", gradient_checkpointing=True, token_budget=1024)


def evaluated(**changes: object) -> Params:
    """The committed parameters with another way to evaluate."""
    engine = replace(FILE.evaluate.engine, **changes.pop("engine", {}))
    adapters = {name: one for name, one in FILE.adapters.items() if one.method != "full"}
    evaluate = replace(FILE.evaluate, engine=engine, **changes)
    return replace(FILE, adapters=adapters, evaluate=evaluate)


def test_the_engine_does_as_much_at_once_as_is_counted() -> None:
    """memory.py comes before torch and so cannot import the engine's constants."""
    from experiments.engine.asking import generate, score

    assert memory.LOGITS_AT_ONCE == score.LOGITS_AT_ONCE
    assert memory.REPLY_STEP == generate.COMPILED_STEP


def test_near_what_was_measured_on_a_cpu() -> None:
    """2.5 GB and 2.2 GB resident: SmolLM2-135M, LoRA training and evaluation at pocket scale."""
    settings = replace(
        FILE.train, method="lora", token_budget=1024, max_tokens=384, batch_size=4,
        gradient_checkpointing=False, loss_on="completion", matmul="ieee",
    )  # fmt: skip
    assert 2.5e9 <= memory.training(SMALL, settings, "cpu").total <= 1.4 * 2.5e9
    assert 2.2e9 <= memory.evaluation(SMALL, FILE, "cpu").total <= 1.5 * 2.2e9


def test_llama_by_qlora_fits_16_gb_and_only_with_checkpointing() -> None:
    assert memory.training(LLAMA, QLORA, "cuda").total < 16e9
    without = replace(QLORA, gradient_checkpointing=False)
    assert memory.training(LLAMA, without, "cuda").total > 16e9
    assert memory.training(LLAMA, replace(QLORA, method="lora"), "cuda").total > 16e9


def test_full_tuning_takes_at_least_16_bytes_per_weight() -> None:
    """Float32 weights, gradients and Adam's two moments, before any activation."""
    for preset in PRESETS.values():
        settings = replace(QLORA, method="full")
        assert memory.training(preset.shape, settings, "cpu").total > 16 * 0.999 * preset.parameters


def test_weights_are_known_sizes() -> None:
    """Llama-2-7B: 13.5 GB in bfloat16, twice that in float32, about 4 GB in 4 bits."""
    assert memory.loaded(LLAMA, 2, four_bit=False) == pytest.approx(13.48e9, rel=1e-3)
    assert memory.loaded(LLAMA, 4, four_bit=False) == pytest.approx(26.95e9, rel=1e-3)
    assert 3.6e9 < memory.loaded(LLAMA, 2, four_bit=True) < 4.4e9


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize("name", PRESETS)
def test_each_remedy_lowers_its_part(name: str, kind: str) -> None:
    shape = PRESETS[name].shape
    full, lora = (replace(FILE.train, method=method) for method in ("full", "lora"))
    qlora = replace(FILE.train, method="qlora")
    assert (
        memory.training(shape, lora, kind).states < memory.training(shape, full, kind).states / 10
    )
    assert memory.training(shape, qlora, kind).weights < memory.training(shape, lora, kind).weights
    for settings in (full, lora, qlora):
        plain = memory.training(shape, settings, kind)
        checkpointed = memory.training(shape, replace(settings, gradient_checkpointing=True), kind)
        assert checkpointed.activations < plain.activations / 3
        shorter = memory.training(shape, replace(settings, token_budget=512), kind)
        assert shorter.activations < plain.activations and shorter.logits < plain.logits
    plain = memory.evaluation(shape, FILE, kind)
    for part, change in {
        "weights": {"quantization": "nf4"},
        "replies": {"engine": {"generation_slots": 8}},
        "cache": {"engine": {"cache_gib": 0.1}},
        "activations": {"engine": {"token_budget": 512}},
    }.items():
        lowered = memory.evaluation(shape, evaluated(**change), kind)
        assert getattr(lowered, part) < getattr(plain, part)
        assert lowered.total < plain.total


def test_processes_share_what_fsdp_divides_and_nothing_else() -> None:
    settings = replace(QLORA, method="full", batch_size=16)
    alone = memory.training(LLAMA, settings, "cuda")
    copies = memory.training(LLAMA, settings, "cuda", processes=4)
    divided = memory.training(LLAMA, settings, "cuda", processes=4, sharded=True)
    assert divided.states == pytest.approx(alone.states / 4)
    assert copies.states > alone.states
    assert divided.weights == alone.weights  # loaded whole before it is divided


def test_published_replies_are_longer() -> None:
    published = replace(FILE, protocol="published", prepare=FILE.prepare)
    assert (
        memory.evaluation(LLAMA, published, "cuda").replies
        > memory.evaluation(LLAMA, FILE, "cuda").replies
    )


@pytest.mark.parametrize(
    ("part", "what", "says"),
    [
        ("weights", "training", "choose train.method: qlora or a smaller model"),
        ("states", "training", "choose train.method: lora"),
        ("activations", "training", "set train.gradient_checkpointing: true"),
        ("logits", "training", "lower train.token_budget"),
        ("weights", "evaluation", "set evaluate.dtype: bfloat16 or evaluate.quantization: nf4"),
        ("cache", "evaluation", "lower evaluate.engine.cache_gib"),
        ("replies", "evaluation", "lower evaluate.engine.generation_slots"),
        ("activations", "evaluation", "lower evaluate.engine.token_budget"),
    ],
)
def test_too_little_memory_names_the_largest_part_and_what_to_lower(
    part: str, what: str, says: str
) -> None:
    sizes = {"weights": 1e9, "activations": 1e9, "logits": 1e9, "runtime": 9e9, part: 7e9}
    with pytest.raises(ModelError) as raised:
        memory.compare(Estimate(**sizes), Device("cuda", 15.9e9), what)
    text = str(raised.value)
    assert "\n" not in text and says in text
    assert f"(of which {part} 7.0 GB) and the cuda device has 15.9 GB free" in text
    memory.compare(Estimate(**sizes), Device("cuda", 20e9), what)


@pytest.fixture
def tiny_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "this_device", lambda: Device("cpu", 0.1e9))


def write_config(folder: Path, **changes: object) -> Path:
    config = {
        "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 64,
        "num_attention_heads": 4, "vocab_size": 400, **changes,
    }  # fmt: skip
    content = {key: value for key, value in config.items() if value is not ...}
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.usefixtures("tiny_memory")
def test_both_stages_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    folder = write_config(tmp_path)
    with pytest.raises(ModelError, match=r"training would take about 0\.[4-9] GB"):
        memory.require_training(folder, FILE.train)
    with pytest.raises(ModelError, match=r"evaluation would take about .* lower evaluate\.engine"):
        memory.require_evaluation(folder, FILE)


def test_memory_that_is_not_known_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "this_device", lambda: None)
    memory.require_training(tmp_path / "absent", FILE.train)
    memory.require_evaluation(tmp_path / "absent", FILE)


def test_shapes_are_read_as_the_configurations_write_them(tmp_path: Path) -> None:
    plain = memory.shape_of(write_config(tmp_path))
    assert (plain.kv_heads, plain.head_size, plain.tied, plain.softcap) == (4, 8, False, False)
    gemma = write_config(
        tmp_path, model_type="gemma2", head_dim=16, num_key_value_heads=2,
        attn_logit_softcapping=50.0,
    )  # fmt: skip
    shape = memory.shape_of(gemma)
    assert (shape.kv_heads, shape.head_size, shape.tied, shape.softcap) == (2, 16, True, True)
    nested = json.loads((gemma / "config.json").read_text(encoding="utf-8"))
    (gemma / "config.json").write_text(json.dumps({"text_config": nested}), encoding="utf-8")
    assert memory.shape_of(gemma) == shape


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hidden_size": ...}, "does not name hidden_size"),
        ({"num_attention_heads": "four"}, "cannot be read"),
    ],
)
def test_sizes_that_cannot_be_read_are_one_sentence(
    tmp_path: Path, changes: dict, says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        memory.shape_of(write_config(tmp_path, **changes))
    with pytest.raises(ModelError, match=r"holds no model; run"):
        memory.shape_of(tmp_path / "absent")


def test_estimates_need_no_torch() -> None:
    code = (
        "import sys; from experiments.models import memory; from experiments import params; "
        "from experiments.models.presets import PRESETS; p = params.load(); "
        "[memory.training(preset.shape, p.train, 'cuda') for preset in PRESETS.values()]; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_this_machine_has_memory() -> None:
    device = memory.this_device()
    assert device is None or device.free > 0
