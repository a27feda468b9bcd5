"""params.yaml as frozen dataclasses. All validation is here, and nothing heavy is imported.

`load()` raises ParameterError with one sentence naming the key, the value and what is allowed.
"""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from experiments.errors import ParameterError

BENCHMARKS = ("gsm8k", "mmlu", "hellaswag", "truthfulqa")
SYCOPHANCY_TESTS = ("answer", "are_you_sure", "feedback")
PAIRED_CHOICE, DIALOGUES = "paired_choice", "dialogues"
TESTS = (*BENCHMARKS, *SYCOPHANCY_TESTS, PAIRED_CHOICE)
TRAINING_SETS = (*BENCHMARKS, PAIRED_CHOICE, DIALOGUES)
BASE = "base"

Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy and torch both take
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Benchmark = Literal["gsm8k", "mmlu", "hellaswag", "truthfulqa"]
Task = Literal[Benchmark, "answer", "are_you_sure", "feedback", "paired_choice"]
TrainingSet = Literal[Benchmark, "paired_choice", "dialogues"]
Method = Literal["lora", "qlora", "full"]
Scale = Literal["smoke", "pocket", "long", "full", "source"]

strict = dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))


@strict
class Model:
    """Which model is studied: a preset of corpora/models.py, a hub repository, or a local folder.

    `name` with a slash inside is a hub repository and needs `revision`, the 40 hexadecimal digits
    of a commit; a name that begins with "." or "/" is a local folder; any other is a preset.
    """

    name: Annotated[str, Field(min_length=1)]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None

    def __post_init__(self) -> None:
        if self.on_hub and self.revision is None:
            raise ValueError(
                f"revision is missing: {self.name!r} is a hub repository, and only a commit (40 "
                "hexadecimal digits) pins its files"
            )
        if not self.on_hub and self.revision is not None:
            raise ValueError(f"revision belongs to a hub repository, and {self.name!r} is none")

    @property
    def is_folder(self) -> bool:
        return self.name.startswith((".", "/"))

    @property
    def on_hub(self) -> bool:
        return "/" in self.name and not self.is_folder

    @property
    def folder_name(self) -> str:
        """The name of the model's folder below data/model/."""
        return Path(self.name).name if self.is_folder else self.name.replace("/", "--")


@strict
class Sizes:
    """Items per training set, validation set and test at one scale."""

    train: dict[TrainingSet, PositiveCount]
    validation: PositiveCount
    evaluate: dict[Task, PositiveCount]

    def __post_init__(self) -> None:
        for name, given, wanted in (
            ("train", self.train, TRAINING_SETS),
            ("evaluate", self.evaluate, TESTS),
        ):
            missing = sorted(set(wanted) - set(given))
            if missing:
                raise ValueError(f"{name} lacks {', '.join(missing)}")


@strict
class Prepare:
    """How items are filtered and joined into clusters."""

    longest: dict[Literal[Benchmark, "arguments", "paired_choice"], PositiveCount] | None
    truthfulqa_options: Annotated[int, Field(ge=2)]
    near_duplicate: Annotated[float, Field(gt=0, le=1)]
    overlap: Literal["remove", "keep"]

    def __post_init__(self) -> None:
        wanted = set() if self.longest is None else {*BENCHMARKS, "arguments", PAIRED_CHOICE}
        missing = sorted(wanted - set(self.longest or ()))
        if missing:
            raise ValueError(f"longest lacks {', '.join(missing)}")


@strict
class Claude:
    """The optional judge: which model, what it may cost, how patiently it is asked."""

    model: str
    most_dollars: Positive
    dollars_per_million_tokens: dict[Literal["input", "output"], Positive]
    max_tokens: PositiveCount
    timeout_seconds: Positive
    retries: Count
    longest_wait_seconds: Positive

    def __post_init__(self) -> None:
        if set(self.dollars_per_million_tokens) != {"input", "output"}:
            raise ValueError("dollars_per_million_tokens needs input and output")


@strict
class Curate:
    """How the paired choices are divided into easy and hard claims."""

    same_claim: Annotated[float, Field(gt=0, le=1)]
    hard_share: Annotated[float, Field(gt=0, lt=1)]
    judge: Literal["base", "claude"]
    claude: Claude
    source: Literal["wheel", "files"]
    most_per_claim: PositiveCount

    def __post_init__(self) -> None:
        if self.source == "files" and self.judge == "claude":
            raise ValueError("judge: claude reads the questions of source: wheel only")


@strict
class Adapter:
    """One adapter: what it is trained on, in which option order, with which labels.

    `method`, `learning_rate` and `epochs` take the place of those in `train`; `evaluate_on` names
    the tests it takes (all of them unless given).
    """

    train_on: Annotated[dict[TrainingSet, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    option_order: Literal["shuffled", "source"] = "shuffled"
    labels: Literal["gold", "random"] = "gold"
    method: Method | None = None
    learning_rate: Positive | None = None
    epochs: PositiveCount | None = None
    evaluate_on: Annotated[list[Task], Field(min_length=1)] | None = None

    def __post_init__(self) -> None:
        unlettered = sorted(set(self.train_on) & {"gsm8k", DIALOGUES})
        if self.labels == "random" and unlettered:
            raise ValueError(
                f"labels cannot be random: {unlettered[0]} has no options to draw from"
            )


@strict
class Lora:
    """Low-rank adaptation (Hu et al. 2021): rank, scaling and dropout, on all linear layers."""

    r: PositiveCount
    alpha: PositiveCount
    dropout: Annotated[float, Field(ge=0, lt=1)]


@strict
class Train:
    """Fine-tuning; the same for every adapter."""

    method: Method
    seeds: Annotated[list[Seed], Field(min_length=1)]
    learning_rate: Positive
    epochs: PositiveCount
    batch_size: PositiveCount
    token_budget: PositiveCount
    max_tokens: PositiveCount
    warmup_share: Share
    weight_decay: Annotated[float, Field(ge=0)]
    gradient_checkpointing: bool
    lora: Lora
    loss_on: Literal["completion", "text"]

    def __post_init__(self) -> None:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds holds a seed twice")


@strict
class Engine:
    """Memory and batching of evaluation; none of it changes a result beyond rounding."""

    token_budget: PositiveCount
    row_tokens: PositiveCount
    cache_gib: Annotated[float, Field(ge=0)]
    generation_slots: PositiveCount
    threads: PositiveCount


@strict
class Published:
    """The longest replies under the published protocol, in tokens."""

    gsm8k_max_tokens: PositiveCount
    mmlu_max_tokens: PositiveCount
    truthfulqa_max_tokens: PositiveCount
    sycophancy_max_tokens: PositiveCount


@strict
class Transcripts:
    """Free replies that are kept to be read: authored items per sycophancy test."""

    items: Count
    max_tokens: PositiveCount


@strict
class Evaluate:
    """How models are asked."""

    option_orders: PositiveCount
    gsm8k_max_tokens: PositiveCount
    published: Published
    engine: Engine
    transcripts: Transcripts
    shards: PositiveCount
    quantization: Literal["none", "nf4"]
    dtype: Literal["float32", "bfloat16"]


@strict
class Outcome:
    """One measure of one task, taken of every adapter."""

    task: Task
    measure: str


@strict
class Chosen:
    """The measures that stand for each test: pre-declared, in tables, in correlations."""

    primary: Annotated[list[Outcome], Field(min_length=1)]
    headline: dict[Task, str]
    continuous: dict[Task, str]

    def __post_init__(self) -> None:
        for name in ("headline", "continuous"):
            missing = sorted(set(BENCHMARKS + SYCOPHANCY_TESTS) - set(getattr(self, name)))
            if missing:
                raise ValueError(f"{name} lacks {', '.join(missing)}")


@strict
class Analyze(Chosen):
    """Intervals, corrections and claims; `published` chooses for the published protocol."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    resamples: Annotated[int, Field(ge=100)]
    power: Annotated[float, Field(gt=0.5, lt=1)]
    correlate: Annotated[list[str], Field(min_length=3)]
    schemes: dict[str, Share]
    published: Chosen


@strict
class Diff:
    """When a change of printed numbers fails `make diff`."""

    tolerance: Annotated[float, Field(ge=0)]


@strict
class Params:
    """The whole of params.yaml."""

    corpus: Literal["pocket", "upstream"]
    scale: Scale
    protocol: Literal["controlled", "published"]
    seed: int
    model: Model
    sizes: dict[Scale, Sizes]
    prepare: Prepare
    curate: Curate
    adapters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Adapter]
    train: Train
    evaluate: Evaluate
    analyze: Analyze
    diff: Diff = field(default_factory=lambda: Diff(tolerance=0.0))

    def __post_init__(self) -> None:
        if BASE in self.adapters:
            raise ValueError(f"adapters may not use the name {BASE!r}: it means no adapter")
        if self.scale not in self.sizes:
            raise ValueError(f"sizes lacks an entry for scale {self.scale!r}")
        if self.prepare.overlap == "keep" and self.protocol != "published":
            raise ValueError(
                "prepare.overlap: keep tests on what was trained on; it needs protocol: published"
            )
        if (self.evaluate.dtype, self.evaluate.quantization) != ("float32", "none"):
            for name, adapter in self.adapters.items():
                if (adapter.method or self.train.method) == "full":
                    raise ValueError(
                        f"adapters.{name} trains every weight, and evaluation in fewer bits than "
                        "float32 would round much of it away; set evaluate.dtype: float32 and "
                        "evaluate.quantization: none, or leave the adapter out"
                    )
        for name in self.analyze.correlate:
            if name not in self.adapters:
                raise ValueError(f"analyze.correlate names {name!r}, which is no adapter")

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
            for field in ("method", "learning_rate", "epochs")
            if getattr(adapter, field) is not None
        }
        return replace(self.train, **given)

    def tests(self, name: str) -> tuple[str, ...]:
        """The tests that the model called `name` takes, in the order of tables."""
        chosen = None if name == BASE else self.adapter(name).evaluate_on
        return TESTS if chosen is None else tuple(test for test in TESTS if test in chosen)


class UniqueKeys(yaml.SafeLoader):
    """YAML whose mappings name each key once; plain YAML lets the last one win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f"line {line} names {key!r} a second time; remove one of them")
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(path: Path = Path("params.yaml")) -> Params:
    """Read and validate params.yaml; ParameterError names every key that is wrong."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), UniqueKeys)
    except FileNotFoundError:
        raise ParameterError(
            f"{path} does not exist here; run from the repository's top folder"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    try:
        return TypeAdapter(Params).validate_python(content)
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
