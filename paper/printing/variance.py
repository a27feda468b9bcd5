"""Where the width of an interval comes from: items, wordings or training runs."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from experiments.claims import CONTROL
from printing.labels import TASKS
from printing.replication_tables import table_of_texts
from printing.report import Report
from printing.runs import Run, runs
from printing.sentences import capital, in_italics, listed

PARTS = ("items", "wordings", "training runs")
# Variance between training runs needs some; verdicts need as many.
FEWEST_SEEDS = 3


def shares(listed_runs: Iterable[Run]) -> pd.DataFrame:
    """Each part's share of the variance of a change beyond the control: run, task, n, PARTS.

    The variance of a change is that of its items, of its wordings and of its training runs, each
    over how many there were (experiments/stats/contrasts.py). Shares are of the sums over the run's
    adapters, `n` of them; empty if no run has an adapter with several seeds and a control.
    """
    rows = []
    for run in listed_runs:
        table = run.door.frame("contrasts")
        several = (table["against"] == CONTROL) & (table["seeds"] >= FEWEST_SEEDS)
        known = table[several & table["estimate"].notna() & table["item_se"].notna()]
        for task, measure in run.outcomes:
            own = known[(known["task"] == task) & (known["measure"] == measure)]
            parts = [
                (own["item_se"] ** 2).sum(),
                (own["frame_sd"].fillna(0) ** 2 / own["frames"]).sum(),
                (own["seed_sd"].fillna(0) ** 2 / own["seeds"]).sum(),
            ]
            if sum(parts) > 0:
                divided = [part / sum(parts) for part in parts]
                counts = {"run": run.name, "task": task, "n": len(own)}
                rows.append(counts | dict(zip(PARTS, divided, strict=True)))
    return pd.DataFrame(rows, columns=["run", "task", "n", *PARTS])


def variance_table(report: Report) -> str:
    """A row per run and test: the parts as percentages, and over how many adapters."""
    lines = []
    for row in shares(runs(report)).to_dict("records"):
        key = f"contrasts[{row['run']},{row['task']}]"
        divided = [
            report.phrase(f"{key}: share of {part}", f"{100 * row[part]:.0f} %") for part in PARTS
        ]
        size = report.count(f"{key}: changes", int(row["n"]))
        lines.append([f"`{row['run']}`", TASKS[row["task"]], *divided, size])
    return table_of_texts(report, ["Run", "Test", *map(capital, PARTS), "Adapters"], lines)


def largest_parts(report: Report) -> str:
    """Which part is the largest how often, by test, as a sentence."""
    table = shares(runs(report))
    if table.empty:
        return "No adapter with a control was trained several times, so the parts are not known."
    largest = table[list(PARTS)].idxmax(axis=1)
    said = []
    for part in PARTS:
        if tests := list(table["task"][largest == part]):
            counted = [
                f"{in_italics([task])} ({tests.count(task)})" for task in dict.fromkeys(tests)
            ]
            said.append(f"{part} on {listed(counted)}")
    sentence = f"The largest part is, by test and number of runs: {'; '.join(said)}."
    return report.phrase("contrasts[largest part of the variance]", sentence)
