"""Archived runs of the second protocol: what they were, and the changes that they measured.

Everything is read through a Report, from runs/. Runs of other protocols estimate other things and
are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from experiments.params import BASE, TESTS, Params
from experiments.stats.contrasts import CONTROL, NO_CONTROL, NOT_READABLE
from printing import controls
from printing.provenance import Archived
from printing.report import Report

KEY = ["model", "task", "measure"]
Outcome = tuple[str, str]  # task, measure


@dataclass(frozen=True)
class Run:
    """An archived run: the door to its tables, its parameters, and what it was made with."""

    name: str
    door: Report
    parameters: Params
    archived: Archived

    @property
    def outcomes(self) -> list[Outcome]:
        """The pre-declared (task, measure)."""
        return [(one.task, one.measure) for one in self.parameters.analysis.primary]


def runs(report: Report) -> list[Run]:
    """Every archived run with contrasts; RenderError or ParameterError names one not whole."""
    doors = {name: report.of_run(name) for name in report.runs()}
    return [
        Run(name, door, door.parameters, door.archived)
        for name, door in doors.items()
        if door.archived and door.has("contrasts") and door.parameters.protocol == "controlled"
    ]


def outcomes(listed_runs: Iterable[Run]) -> list[Outcome]:
    """The pre-declared outcomes of any of these runs, in order."""
    return list(dict.fromkeys(outcome for run in listed_runs for outcome in run.outcomes))


def described(listed_runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run in words: what params.yaml says, and the processor."""
    return pd.DataFrame(
        {
            "run": run.name,
            "corpus": run.parameters.corpus,
            "scale": run.parameters.scale,
            "model": run.parameters.model.name,
            "method": run.parameters.train.method,
            "adapters": len(run.parameters.adapters),
            "controls": controls.taught(run.parameters),
            "seeds": ", ".join(map(str, run.parameters.train.seeds)),
            "processor": run.archived.machine,
        }
        for run in listed_runs
    )


def items_per_test(listed_runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run: how many items of each test its base model answered."""
    rows = []
    for run in listed_runs:
        table = run.door.frame("estimates")
        base = table[table["model"] == BASE].groupby("task")["n"].max()
        rows.append({"run": run.name} | {test: base.get(test) for test in TESTS})
    return pd.DataFrame(rows)


def primary_contrasts(run: Run) -> pd.DataFrame:
    """The run's pre-declared contrasts with a control; what is not readable has no estimate."""
    table = run.door.frame("contrasts")
    chosen = [pair in run.outcomes for pair in zip(table["task"], table["measure"], strict=True)]
    table = table[pd.Series(chosen, index=table.index) & (table["against"] == CONTROL)]
    table = table[table["status"] != NO_CONTROL]
    return table.assign(estimate=table["estimate"].mask(table["status"] == NOT_READABLE))
