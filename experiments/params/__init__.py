"""params.yaml as frozen dataclasses. All validation is here, and nothing heavy is imported.

`load()` raises ParameterError with one sentence naming the key, the value and what is allowed.
"""

from __future__ import annotations

import json
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from experiments.errors import ParameterError
from experiments.params.analysis import Analyze, Diff, Paper, Simulate
from experiments.params.sections import (
    BASE,
    BASE_SEED,
    BENCHMARKS,
    DIALOGUES,
    FRAMES,
    PAIRED_CHOICE,
    SYCOPHANCY_TESTS,
    TESTS,
    TRAINING_SETS,
    Adapter,
    Claude,
    Curate,
    Engine,
    Evaluate,
    Lora,
    Model,
    Prepare,
    Scale,
    Seed,
    Sizes,
    Train,
    strict,
)  # fmt: skip
from experiments.yaml_files import YAMLProblem, read_yaml

# Names of devices, which no file or folder can have on Windows.
RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)

# Where runs are: the one at hand has its params.yaml in the top folder, archived ones below RUNS.
AT_HAND, RUNS, FILE = "results", "runs", "params.yaml"


@strict
class Params:
    """The whole of params.yaml."""

    corpus: Literal["pocket", "upstream"]
    scale: Scale
    protocol: Literal["controlled", "published"]
    seed: Seed
    model: Model
    sizes: dict[Scale, Sizes]
    prepare: Prepare
    curate: Curate
    adapters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Adapter]
    train: Train
    evaluate: Evaluate
    analyze: Analyze
    simulate: Simulate
    diff: Diff = field(default_factory=lambda: Diff(tolerance=0.0))
    paper: Paper = field(default_factory=lambda: Paper(run=AT_HAND))

    def __post_init__(self) -> None:
        if BASE in self.adapters:
            raise ValueError(f"adapters may not use the name {BASE!r}: it means no adapter")
        reserved = sorted(RESERVED & set(self.adapters))
        if reserved:
            raise ValueError(f"adapters may not use the name {reserved[0]!r}: Windows reserves it")
        if self.scale not in self.sizes:
            raise ValueError(f"sizes lacks an entry for scale {self.scale!r}")
        if self.prepare.overlap == "keep" and self.protocol != "published":
            raise ValueError(
                "prepare.overlap: keep tests on what was trained on; it needs protocol: published"
            )
        precision = (self.evaluate.dtype, self.evaluate.quantization, self.evaluate.matmul)
        if precision != ("float32", "none", "ieee"):
            for name, adapter in self.adapters.items():
                if (adapter.method or self.train.method) == "full":
                    raise ValueError(
                        f"adapters.{name} trains every weight, and evaluation in fewer bits than "
                        "float32 would round much of it away; set evaluate.dtype: float32, "
                        "evaluate.quantization: none and evaluate.matmul: ieee, or leave the "
                        "adapter out"
                    )
        for name, adapter in self.adapters.items():
            plain = self.corpus == "upstream" and self.protocol == "published"
            if adapter.labels == "own" and plain and set(adapter.train_on) - {DIALOGUES}:
                raise ValueError(
                    f"adapters.{name} has labels: own, and the source study's plain texts offer no "
                    "answers to choose from; take labels: shuffled or protocol: controlled"
                )
            if adapter.control is not None:
                self.check_control(name, adapter)
        for name in self.analyze.correlate:
            if name not in self.adapters:
                raise ValueError(f"analyze.correlate names {name!r}, which is no adapter")
            lacking = sorted(set(BENCHMARKS + SYCOPHANCY_TESTS) - set(self.tests(name)))
            if lacking:
                raise ValueError(
                    f"analyze.correlate names {name!r}, which does not take the test {lacking[0]}"
                )

    def check_control(self, name: str, adapter: Adapter) -> None:
        """ValueError unless the control of an adapter is an adapter with its seeds and tests."""
        key = f"adapters.{name}.control"
        if adapter.control == name or adapter.control not in self.adapters:
            raise ValueError(f"{key}: {adapter.control!r} is no other adapter")
        lacking = sorted(set(self.seeds(name)) - set(self.seeds(adapter.control)))
        if lacking:
            raise ValueError(f"{key}: {adapter.control} lacks the training seed {lacking[0]}")

    @property
    def size(self) -> Sizes:
        """The sizes of the chosen scale."""
        return self.sizes[self.scale]

    @property
    def analysis(self) -> Analyze:
        """`analyze` with the measures that exist under the protocol."""
        if self.protocol == "controlled":
            return self.analyze
        chosen = self.analyze.published
        return replace(
            self.analyze,
            primary=chosen.primary,
            headline=chosen.headline,
            continuous=chosen.continuous,
        )

    @property
    def models(self) -> tuple[str, ...]:
        """The base model and every adapter, in the order of tables and figures."""
        return (BASE, *self.adapters)

    def adapter(self, name: str) -> Adapter:
        """The adapter called `name`; ParameterError lists the known ones if there is none."""
        if name not in self.adapters:
            known = ", ".join(self.adapters)
            raise ParameterError(f"there is no adapter {name!r} in params.yaml; it has {known}")
        return self.adapters[name]

    def training(self, name: str) -> Train:
        """How the adapter called `name` is trained: `train` with what the adapter overrides."""
        adapter = self.adapter(name)
        given = {
            field: getattr(adapter, field)
            for field in ("method", "learning_rate", "epochs", "seeds")
            if getattr(adapter, field) is not None
        }
        return replace(self.train, **given)

    def seeds(self, name: str) -> tuple[int, ...]:
        """The training seeds of the model called `name`; the base model has one that is none."""
        if name == BASE:
            return (BASE_SEED,)
        own = self.adapter(name).seeds
        return tuple(self.train.seeds if own is None else own)

    @property
    def controls(self) -> dict[str, str]:
        """Adapter -> its control, where it has one."""
        return {name: one.control for name, one in self.adapters.items() if one.control}

    def tests(self, name: str) -> tuple[str, ...]:
        """The tests that the model called `name` takes, in the order of tables."""
        chosen = None if name == BASE else self.adapter(name).evaluate_on
        return TESTS if chosen is None else tuple(test for test in TESTS if test in chosen)

    @property
    def unasked(self) -> set[tuple[str, str]]:
        """(adapter, test) of the tests that adapters do not take."""
        return {(name, test) for name in self.adapters for test in set(TESTS) - {*self.tests(name)}}


def folder_of_run(name: str, root: Path = Path()) -> Path:
    """The folder with params.yaml and results/ of a run; ParameterError names those there are."""
    folder = root if name == AT_HAND else root / RUNS / name
    if name != AT_HAND and not (folder / FILE).is_file():
        known = ", ".join(sorted(path.parent.name for path in root.glob(f"{RUNS}/*/{FILE}")))
        raise ParameterError(
            f"paper.run: there is no run {name!r} in {RUNS}/; it has {known or 'none'}, and "
            f"{AT_HAND!r} is the run at hand"
        )
    return folder


def load(path: Path = Path(FILE)) -> Params:
    """Read and validate params.yaml; ParameterError names every key that is wrong."""
    try:
        content = read_yaml(path)
    except FileNotFoundError:
        raise ParameterError(
            f"{path} does not exist here; run from the repository's top folder"
        ) from None
    except YAMLProblem as problem:
        raise ParameterError(f"{path}: {problem}") from None
    try:
        # as JSON, in which strict types still admit a mapping for a dataclass; dates become texts
        return TypeAdapter(Params).validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise ParameterError(f"{path}: " + "; ".join(map(sentence, error.errors()))) from None


def sentence(problem: dict) -> str:
    """One pydantic problem in words: the key, what is wrong, and the value given."""
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]") or "the file"
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{key} is not a known key; remove it or mend its spelling"
    if problem["type"] in ("missing", "missing_argument"):
        return f"{key} is missing"
    if problem["type"] == "dataclass_type":
        return f"{key} must hold named values"
    if problem["type"] == "value_error" and not problem["loc"]:
        return problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}{shown}"
