"""The sections of params.yaml, one frozen dataclass each: types, bounds and what excludes what."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

BENCHMARKS = ("gsm8k", "mmlu", "hellaswag", "truthfulqa")
SYCOPHANCY_TESTS = ("answer", "are_you_sure", "feedback")
PAIRED_CHOICE, DIALOGUES = "paired_choice", "dialogues"
TESTS = (*BENCHMARKS, *SYCOPHANCY_TESTS, PAIRED_CHOICE)
TRAINING_SETS = (*BENCHMARKS, PAIRED_CHOICE, DIALOGUES)
FRAMES = 8  # wordings that every arm of a sycophancy test has
BASE = "base"
BASE_SEED = 0  # the base model has no training seed


def distinct(listed: list) -> list:
    """The list, unless it holds something twice."""
    if len(set(listed)) != len(listed):
        raise ValueError("the list holds something twice")
    return listed


Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what numpy and torch both take
Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(distinct)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Benchmark = Literal["gsm8k", "mmlu", "hellaswag", "truthfulqa"]
Task = Literal[Benchmark, "answer", "are_you_sure", "feedback", "paired_choice"]
TrainingSet = Literal[Benchmark, "paired_choice", "dialogues"]
Method = Literal["lora", "qlora", "full"]
Matmul = Literal["ieee", "bf16"]
Scale = Literal["smoke", "pocket", "long", "full", "source"]

strict = dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False, strict=True))


@strict
class Model:
    """Which model is studied: a preset of models/presets.py, a hub repository, or a local folder.

    `name` with a slash inside is a hub repository and needs `revision`, the 40 hexadecimal digits
    of a commit; a name that begins with "." or "/" is a local folder; any other is a preset.
    `date` is today for chat templates that write the date into their prompts.
    """

    name: Annotated[str, Field(min_length=1)]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None

    def __post_init__(self) -> None:
        if self.date is not None:
            date.fromisoformat(self.date)  # ValueError says what is wrong with it
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
    most_questions: PositiveCount | None

    def __post_init__(self) -> None:
        if self.source == "files" and self.judge == "claude":
            raise ValueError("judge: claude reads the questions of source: wheel only")


@strict
class Adapter:
    """One adapter: what it is trained on, in which option order, with which labels.

    `method`, `learning_rate`, `epochs` and `seeds` take the place of those in `train`;
    `evaluate_on` names the tests it takes (all of them unless given). `control` names the adapter
    that learned the same form without the content: what both share was not learned from content.
    `labels` are `gold`, `shuffled` (the answers to other prompts) or `own`: the base model's own.
    """

    train_on: Annotated[dict[TrainingSet, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    option_order: Literal["shuffled", "source"] = "shuffled"
    labels: Literal["gold", "shuffled", "own"] = "gold"
    control: str | None = None
    method: Method | None = None
    learning_rate: Positive | None = None
    epochs: PositiveCount | None = None
    seeds: Seeds | None = None
    evaluate_on: Annotated[list[Task], Field(min_length=1)] | None = None

    def __post_init__(self) -> None:
        if self.labels == "own" and PAIRED_CHOICE in self.train_on:
            raise ValueError(
                f"labels: own is not for {PAIRED_CHOICE}; leave it out of train_on, or take "
                "labels: shuffled"
            )

    @property
    def lesson(self) -> str | None:
        """The one training set whose right answers it learns, in rotated orders; else None."""
        return self.lessons[0] if len(self.lessons) == 1 else None

    @property
    def lessons(self) -> tuple[str, ...]:
        """The training sets whose right answers it learns, in rotated orders."""
        rotated = self.option_order == "shuffled" and self.labels == "gold"
        return tuple(self.train_on) if rotated else ()


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
    seeds: Seeds
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
    matmul: Matmul


@strict
class Engine:
    """Memory and batching of evaluation; none of it changes a result beyond rounding."""

    token_budget: PositiveCount
    row_tokens: PositiveCount
    cache_gib: Annotated[float, Field(ge=0)]
    generation_slots: PositiveCount
    threads: PositiveCount
    compiled: bool = True  # archived runs may lack it


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
    frames_per_item: PositiveCount
    gsm8k_max_tokens: PositiveCount
    published: Published
    engine: Engine
    transcripts: Transcripts
    items_per_group: PositiveCount
    quantization: Literal["none", "nf4"]
    dtype: Literal["float32", "bfloat16"]
    matmul: Matmul
    frames: PositiveCount = 4  # archived runs may lack it: there were no more

    def __post_init__(self) -> None:
        if self.frames > FRAMES:
            raise ValueError(
                f"frames: {self.frames}, but there are {FRAMES} wordings; give at most {FRAMES}"
            )
        if self.matmul == "bf16" and (self.dtype, self.quantization) != ("float32", "none"):
            raise ValueError("matmul: bf16 is for dtype: float32 and quantization: none")
