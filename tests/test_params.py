"""params.yaml: every key is known and every value possible, and a wrong one gets one sentence."""

import copy
import dataclasses
import datetime
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from experiments import params
from experiments.errors import ParameterError

ROOT = Path(__file__).resolve().parents[1]
CONTENT = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
ABSENT = object()


def load(tmp_path: Path, changes: dict[str, object] | None = None) -> params.Params:
    """The committed parameters with some values changed, by dotted key; ABSENT removes one."""
    content = copy.deepcopy(CONTENT)
    for key, value in (changes or {}).items():
        *parents, last = key.split(".")
        place = content
        for part in parents:
            place = place[part]
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return params.load(path)


def complaint(tmp_path: Path, changes: dict[str, object]) -> str:
    """The sentence that these changes earn."""
    with pytest.raises(ParameterError) as raised:
        load(tmp_path, changes)
    text = str(raised.value)
    assert "\n" not in text
    assert text.startswith(f"{tmp_path / 'params.yaml'}: ")
    return text.removeprefix(f"{tmp_path / 'params.yaml'}: ")


def keys(content: dict, prefix: str = "") -> list[str]:
    """Every dotted key of the committed parameters that is a name in the schema."""
    found = []
    for key, value in content.items():
        found.append(prefix + key)
        if isinstance(value, dict):
            found += keys(value, f"{prefix}{key}.")
    return found


# Keys that may be left out: they have defaults, or their parent is an open mapping.
OPTIONAL = re.compile(
    r"diff|paper|analyze\.schemes\.\w+"
    r"|adapters\.\w+(\.(?!train_on$)\w+(\.\w+)?|\.train_on\.\w+)?"
    r"|sizes\.(?!pocket)\w+|analyze\.headline\.paired_choice|model\.(revision|date)"
    r"|evaluate\.(engine\.compiled|frames)"
)
REQUIRED = [key for key in keys(CONTENT) if not OPTIONAL.fullmatch(key)]
SECTIONS = [
    "",
    "model.",
    "sizes.pocket.",
    "adapters.mmlu.",
    "train.lora.",
    "evaluate.engine.",
    "analyze.",
]


def test_the_committed_parameters_are_valid(tmp_path: Path) -> None:
    assert params.load(ROOT / "params.yaml") == load(tmp_path)


def test_parameters_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load(tmp_path).seed = 1


def test_every_knob_carries_through(tmp_path: Path) -> None:
    changed = load(tmp_path, {"scale": "smoke", "train.lora.r": 3, "evaluate.engine.threads": 7})
    assert (changed.scale, changed.train.lora.r, changed.evaluate.engine.threads) == ("smoke", 3, 7)
    assert changed.size == changed.sizes["smoke"]


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    *_, last = key.split(".")
    text = complaint(tmp_path, {key: ABSENT})
    assert f"{key} is missing" in text or re.search(rf"(lacks|needs) .*\b{last}\b", text)


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_is_named(tmp_path: Path, section: str) -> None:
    text = complaint(tmp_path, {f"{section}colour": 1})
    assert text == f"{section}colour is not a known key; remove it or mend its spelling"


@pytest.mark.parametrize("section", [section.rstrip(".") for section in SECTIONS if section])
@pytest.mark.parametrize("value", [None, [1], 3, "text"])
def test_a_section_must_hold_named_values(tmp_path: Path, section: str, value: object) -> None:
    assert complaint(tmp_path, {section: value}) == f"{section} must hold named values"


IMPOSSIBLE = [
    ("corpus", "downstairs", "should be 'pocket' or 'upstream'"),
    ("scale", "huge", "should be 'smoke', 'pocket', 'long', 'full' or 'source'"),
    ("protocol", "wild", "should be 'controlled'"),
    ("seed", "soon", "valid integer"),
    ("seed", True, "valid integer"),
    ("seed", -1, "greater than or equal to 0"),
    ("seed", datetime.date(2026, 11, 21), "valid integer"),
    ("model.name", "", "at least 1 character"),
    ("model.revision", "main", "should match pattern"),
    ("sizes.pocket.validation", 0, "greater than or equal to 1"),
    ("sizes.pocket.train.chess", 3, "should be 'gsm8k'"),
    ("sizes.tiny", CONTENT["sizes"]["smoke"], "should be 'smoke', 'pocket', 'long', 'full' or "),
    ("prepare.truthfulqa_options", 1, "greater than or equal to 2"),
    ("prepare.near_duplicate", 0, "greater than 0"),
    ("prepare.near_duplicate", 1.01, "less than or equal to 1"),
    ("adapters.My Adapter", {"train_on": {"mmlu": 1.0}}, "should match pattern"),
    ("adapters.mmlu.train_on", {}, "at least 1 item"),
    ("adapters.mmlu.train_on.mmlu", 1.5, "less than or equal to 1"),
    ("adapters.mmlu.option_order", "alphabetical", "should be 'shuffled' or 'source'"),
    ("adapters.mmlu.labels", "wrong", "should be 'gold', 'shuffled' or 'own'"),
    ("train.method", "LoRA", "should be 'lora', 'qlora' or 'full'"),
    ("train.seeds", [], "at least 1 item"),
    ("train.seeds", [1, -1], "greater than or equal to 0"),
    ("train.seeds", [2**32], "less than 4294967296"),
    ("train.seeds", 1, "valid array"),
    ("adapters.mmlu.seeds", [2, 2], "holds something twice"),
    ("adapters.mmlu.control", 3, "valid string"),
    ("analyze.readable", 0, "greater than 0"),
    ("train.learning_rate", 0, "greater than 0"),
    ("train.learning_rate", float("nan"), "finite number"),
    ("train.batch_size", 2.5, "valid integer"),
    ("train.warmup_share", 1.1, "less than or equal to 1"),
    ("train.weight_decay", -0.1, "greater than or equal to 0"),
    ("train.gradient_checkpointing", "yes", "valid boolean"),
    ("train.gradient_checkpointing", 1, "valid boolean"),
    ("train.learning_rate", True, "valid number"),
    ("train.learning_rate", "0.1", "valid number"),
    ("train.lora.dropout", 1, "less than 1"),
    ("evaluate.dtype", "float16", "should be 'float32' or 'bfloat16'"),
    ("evaluate.transcripts.items", -1, "greater than or equal to 0"),
    ("prepare.overlap", "ignore", "should be 'remove' or 'keep'"),
    ("evaluate.engine.cache_gib", -1, "greater than or equal to 0"),
    ("analyze.confidence", 95, "less than 1"),
    ("analyze.resamples", 10, "greater than or equal to 100"),
    ("analyze.schemes", {}, "at least 1 item"),
    ("diff.tolerance", -1, "greater than or equal to 0"),
]


@pytest.mark.parametrize(("key", "value", "why"), IMPOSSIBLE)
def test_an_impossible_value_is_named_with_what_is_allowed(
    tmp_path: Path, key: str, value: object, why: str
) -> None:
    text = complaint(tmp_path, {key: value})
    assert text.startswith(key)
    assert why in text
    if isinstance(value, str | int | float):
        shown = key.rsplit(".", 1)[1] if "should be 'gsm8k'" in why else value
        assert f"(it is {shown!r})" in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"model.name": "org/model"},
            "model: revision is missing: 'org/model' is a hub repository, and only a commit (40 "
            "hexadecimal digits) pins its files",
        ),
        (
            {"model.name": "./model", "model.revision": "0" * 40},
            "model: revision belongs to a hub repository, and './model' is none",
        ),
        (
            {"prepare.overlap": "keep"},
            "prepare.overlap: keep tests on what was trained on; it needs protocol: published",
        ),
        (
            {"curate.source": "files", "curate.judge": "claude"},
            "curate: judge: claude reads the questions of source: wheel only",
        ),
        ({"train.seeds": [1, 2, 1]}, "train.seeds: the list holds something twice"),
        *(
            (
                {"adapters.mmlu.control": name},
                f"adapters.mmlu.control: {name!r} is no other adapter",
            )
            for name in ("mmlu", "base", "chess")
        ),
        (
            {"adapters.truthfulqa_shuffled.seeds": [1, 2]},
            "adapters.truthfulqa.control: truthfulqa_shuffled lacks the training seed 3",
        ),
        ({"analyze.correlate": ["mmlu"] * 3}, "analyze: correlate names an adapter twice"),
        (
            {"adapters.con": {"train_on": {"mmlu": 1.0}}},
            "adapters may not use the name 'con': Windows reserves it",
        ),
        ({"sizes.pocket": ABSENT}, "sizes lacks an entry for scale 'pocket'"),
        ({"sizes.pocket.evaluate.mmlu": ABSENT}, "sizes.pocket: evaluate lacks mmlu"),
        ({"prepare.longest.arguments": ABSENT}, "prepare: longest lacks arguments"),
        (
            {"adapters.base": {"train_on": {"mmlu": 1.0}}},
            "adapters may not use the name 'base': it means no adapter",
        ),
        *(
            (
                {key: coarse},
                "adapters.paired_sft trains every weight, and evaluation in fewer bits than "
                "float32 would round much of it away; set evaluate.dtype: float32, "
                "evaluate.quantization: none and evaluate.matmul: ieee, or leave the adapter out",
            )
            for key, coarse in (
                ("evaluate.dtype", "bfloat16"),
                ("evaluate.quantization", "nf4"),
                ("evaluate.matmul", "bf16"),
            )
        ),
        (
            {"evaluate.dtype": "bfloat16", "evaluate.matmul": "bf16"},
            "evaluate: matmul: bf16 is for dtype: float32 and quantization: none",
        ),
        ({"evaluate.frames": 9}, "evaluate: frames: 9, but there are 8 wordings; give at most 8"),
        (
            {"adapters.one": {"train_on": {"mmlu": 0.5, "paired_choice": 0.5}, "labels": "own"}},
            "adapters.one: labels: own is not for paired_choice; leave it out of train_on, or take "
            "labels: shuffled",
        ),
        (
            {
                "corpus": "upstream",
                "protocol": "published",
                "adapters.mmlu_shuffled.labels": "own",
            },
            "adapters.mmlu_shuffled has labels: own, and the source study's plain texts offer no "
            "answers to choose from; take labels: shuffled or protocol: controlled",
        ),
        (
            {"analyze.correlate": ["mmlu", "gsm8k", "chess"]},
            "analyze.correlate names 'chess', which is no adapter",
        ),
    ],
)
def test_values_that_do_not_go_together(tmp_path: Path, changes: dict, sentence: str) -> None:
    assert complaint(tmp_path, changes) == sentence


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    text = complaint(tmp_path, {"seed": "soon", "train.epochs": 0, "train.rate": 3})
    assert text.count("; ") >= 2
    assert all(key in text for key in ("seed", "train.epochs", "train.rate"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file must hold named values"),
        (b"- 1\n- 2\n", "the file must hold named values"),
        (b"seed: [1, 2", "is not YAML"),
        (b"seed: 1\n\tscale: smoke", "is not YAML"),
        (b"\xff\xfe\xe9", "is not YAML"),
        (b"seed: 1\nseed: 2\n", "line 2 names 'seed' a second time"),
        (b"? {a: b}\n: 1\n", "is not YAML"),
        (b"seed: 2026-13-45\n", "is not YAML: month must be in 1..12"),
        (b"[" * 5000, "is nested too deeply"),
    ],
)
def test_a_file_that_is_not_parameters(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(ParameterError, match=why) as raised:
        params.load(path)
    assert "\n" not in str(raised.value)


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="does not exist here; run from the repository's top"):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("text", "seed"), [("012", 12), ("1_000", 1000), ("0o17", 15), ("\N{BYTE ORDER MARK}", None)]
)
def test_yaml_is_read_as_dvc_reads_it(tmp_path: Path, text: str, seed: int | None) -> None:
    from dvc.utils.serialize import load_yaml

    committed = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    if seed is None:
        path.write_text(text + committed, encoding="utf-8")
    else:
        path.write_text(re.sub(r"(?m)^seed: \d+", f"seed: {text}", committed), encoding="utf-8")
        assert params.load(path).seed == seed
    assert params.load(path).seed == load_yaml(path)["seed"]


def test_an_exponent_without_a_point_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    committed = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(committed.replace("learning_rate: 2.0e-4", "learning_rate: 2e-4"), "utf-8")
    assert params.load(path).train.learning_rate == 2e-4


@pytest.mark.parametrize("text", ["20:00", "yes", "2026-11-21"])
def test_what_only_looks_like_a_number_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    committed = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^  epochs: 1$", f"  epochs: {text}", committed), "utf-8")
    with pytest.raises(ParameterError, match=f"train.epochs: .*valid integer .it is '{text}'"):
        params.load(path)


def test_an_unknown_adapter_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    settings = load(tmp_path)
    with pytest.raises(ParameterError, match=r"no adapter 'chess' in params.yaml; it has gsm8k, "):
        settings.adapter("chess")
    with pytest.raises(ParameterError, match="no adapter 'base'"):
        settings.training("base")


def test_models_are_the_base_and_every_adapter_in_order(tmp_path: Path) -> None:
    assert load(tmp_path).models == ("base", *CONTENT["adapters"])


def test_an_adapter_overrides_how_it_is_trained(tmp_path: Path) -> None:
    one = {"train_on": {"mmlu": 1.0}, "method": "full", "learning_rate": 1e-5, "epochs": 3}
    settings = load(tmp_path, {"adapters.one": one})
    own = settings.training("one")
    assert (own.method, own.learning_rate, own.epochs) == ("full", 1e-5, 3)
    assert (own.seeds, own.lora) == (settings.train.seeds, settings.train.lora)
    assert settings.training("truthfulqa") == settings.train


def test_an_adapter_may_have_seeds_of_its_own_and_a_control_with_as_many(tmp_path: Path) -> None:
    settings = load(tmp_path, {"train.seeds": [4, 5, 6], "adapters.truthfulqa.seeds": [6, 4]})
    assert settings.seeds("base") == (params.BASE_SEED,)
    assert settings.seeds("truthfulqa") == (6, 4)
    assert settings.training("truthfulqa").seeds == [6, 4]
    assert settings.seeds(settings.controls["truthfulqa"]) == (4, 5, 6)
    declared = {name: one.get("control") for name, one in CONTENT["adapters"].items()}
    assert settings.controls == {name: control for name, control in declared.items() if control}
    own = load(tmp_path, {"adapters.truthfulqa_shuffled.labels": "own"})
    assert own.adapters[own.controls["truthfulqa"]].labels == "own"


def test_an_adapter_may_take_some_tests_only(tmp_path: Path) -> None:
    one = {"train_on": {"mmlu": 1.0}, "evaluate_on": ["answer", "mmlu"]}
    settings = load(tmp_path, {"adapters.one": one})
    assert settings.tests("one") == ("mmlu", "answer")
    assert settings.tests("base") == params.TESTS


def test_validation_imports_nothing_heavy() -> None:
    code = (
        "import sys, experiments.params\n"
        "experiments.params.load()\n"
        "heavy = {'torch', 'transformers', 'pandas', 'numpy', 'scipy', 'pyarrow', 'dvc'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert finished.stdout.strip() == "[]"
