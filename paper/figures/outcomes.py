"""Which measures the figures show, as params.yaml declares them."""

from __future__ import annotations

from experiments import params
from experiments.params import BENCHMARKS
from printing.labels import MEASURES, TASKS
from printing.report import Report

Outcome = tuple[str, str]  # task, measure
# Every primary outcome beside its two halves, harm and benefit.
HALVES = ("toward_error", "toward_truth")


def outcomes(report: Report, kind: str) -> list[Outcome]:
    """The (task, measure) of one kind, in the order of tables.

    "primary": the primary outcomes; "continuous": the continuous outcome of every benchmark.
    """
    analyze = params.load(report.results.parent / "params.yaml").analysis
    if kind == "primary":
        return [(outcome.task, outcome.measure) for outcome in analyze.primary]
    return [(task, analyze.continuous[task]) for task in BENCHMARKS]


def heading(outcome: Outcome) -> list[str]:
    """The test and, where it has several measures, which one: lines for the head of a panel."""
    task, measure = outcome
    return [TASKS[task], *([MEASURES[measure]] if measure in MEASURES else [])]


def named(outcome: Outcome) -> str:
    """The same as one text of several lines."""
    return "\n".join(heading(outcome))
