"""The sections of params.yaml that are about outcomes: what is analysed, simulated and printed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from experiments.params.sections import (
    BENCHMARKS,
    SYCOPHANCY_TESTS,
    PositiveCount,
    Share,
    Task,
    strict,
)


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
    readable: Annotated[float, Field(gt=0, lt=1)]
    correlate: list[str]
    schemes: Annotated[dict[str, Share], Field(min_length=1)]
    published: Chosen

    def __post_init__(self) -> None:
        Chosen.__post_init__(self)
        if len(set(self.correlate)) != len(self.correlate):
            raise ValueError("correlate names an adapter twice")


@strict
class Simulate:
    """Simulated studies per case, and the sizes of the family of tests."""

    studies: Annotated[int, Field(ge=100)]
    effects: PositiveCount
    items: Annotated[int, Field(ge=4)]
    frames: PositiveCount
    seeds: PositiveCount


@strict
class Diff:
    """When a change of printed numbers fails `make diff`."""

    tolerance: Annotated[float, Field(ge=0)]


@strict
class Paper:
    """Which run the documents are about: `results`, the run at hand, or an archived one."""

    run: Annotated[str, Field(min_length=1)]
