"""Which measures the figures show; the tables themselves say which were declared."""

from __future__ import annotations

from labels import MEASURES, TASKS
from report import Report

Outcome = tuple[str, str]  # task, measure
UNITS = {"primary": "nats", "choices": "share of items", "capability": "accuracy"}


def outcomes(report: Report, kind: str) -> list[Outcome]:
    """The (task, measure) of one kind, in the order of the tables.

    "primary": the shifts declared in params.yaml; "choices" and "capability": the headline rate of
    every sycophancy test and benchmark.
    """
    if kind == "primary":
        effects = report.frame("effects")
        chosen = effects.loc[effects["family"] == "primary", ["task", "measure"]]
    else:
        columns = {
            "choices": ["sycophancy_dataset", "y_measure"],
            "capability": ["benchmark", "x_measure"],
        }
        chosen = report.frame("correlation_analysis")[columns[kind]]
    found = set(chosen.itertuples(index=False, name=None))
    return sorted(found, key=lambda outcome: (list(TASKS).index(outcome[0]), outcome[1]))


def heading(outcome: Outcome) -> str:
    """The test and, where it has several, what is measured of it."""
    task, _ = outcome
    return f"{TASKS[task]}: {MEASURES[outcome]}" if outcome in MEASURES else TASKS[task]
