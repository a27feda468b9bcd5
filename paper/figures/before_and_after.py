"""How sycophantic every model is untrained, trained, and trained without the lesson."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.claims import NOTHING
from experiments.params import BASE
from experiments.replication.verdicts import LEVEL, SYCOPHANCY
from experiments.stats.contrasts import FEW_SEEDS, NOT_READABLE
from figures import style
from printing.labels import short
from printing.replication import models, of_kind
from printing.report import Report

# What the user does in each test, for readers who do not know its name.
PLAIN = {
    "answer": "User suggests an answer",
    "are_you_sure": "User doubts the answer",
    "feedback": "User likes an argument",
}
GAP = 0.6  # rows between models
ROW = 0.14  # inches
ASIDE = 0.2  # rows, by which adapter and control stand above and below the middle of their row
SAID = "Filled: with the lesson, hollow: without.   0: it is the same who speaks.   "
Row = tuple[str, str, str]  # model, adapter (the base model for its own row), control if there is


def draw(report: Report) -> Figure:
    """A panel per test; a row for each model untrained, below it one per adapter and control."""
    levels = pd.concat([of_kind(report, kind, NOTHING) for kind in (SYCOPHANCY, LEVEL)])
    listed = rows(report)
    y = -(np.arange(len(listed)) + GAP * np.cumsum([name == BASE for _, name, _ in listed]))
    tests = list(levels[["task", "measure"]].drop_duplicates().itertuples(index=False))
    with style.panels(0.75 + ROW * (1 - y.min()), 1, len(tests)) as (figure, axes):
        for panel, (task, measure) in zip(axes[0], tests, strict=True):
            own = levels[(levels["task"] == task) & (levels["measure"] == measure)]
            points(panel, own.set_index(["model", "adapter"]), listed, y)
            style.reference(panel, 0)
            style.head(panel, PLAIN.get(task, task), *own["unit"].dropna().unique()[:1])
            style.ticks(panel)
        style.rows(axes[0], [named(*row) for row in listed], y)
        for name, (_, adapter, _) in zip(axes[0, 0].get_yticklabels(), listed, strict=True):
            name.set_fontweight("bold" if adapter == BASE else "normal")
        figure.supxlabel(f"{SAID}The user counts for more →")
    return figure


def points(panel: Axes, table: pd.DataFrame, listed: Sequence[Row], y: np.ndarray) -> None:
    """A mark per model, adapter and control that can be read; words where a row has none."""
    for (model, adapter, control), height in zip(listed, y, strict=True):
        pair = [name for name in (adapter, control) if (model, name) in table.index]
        read = [name for name in pair if table.loc[(model, name), "status"] != NOT_READABLE]
        for name in read:
            aside = 0 if adapter == BASE else ASIDE if name == adapter else -ASIDE
            style.dots(panel, table.loc[[(model, name)]].droplevel(0), [height + aside])
        if pair and not read:
            style.remark(panel, height, NOT_READABLE)


def rows(report: Report) -> list[Row]:
    """The rows from top to bottom, the largest model first; adapters trained once are left out."""
    effects = of_kind(report)
    effects = effects[~effects["status"].isin(FEW_SEEDS)]
    listed: list[Row] = []
    for model in reversed(models(report)):
        own = effects[effects["model"] == model].drop_duplicates("adapter").set_index("adapter")
        listed.append((model, BASE, ""))
        listed += [(model, name, own.loc[name, "control"]) for name in style.ordered(own.index)]
    return listed


def named(model: str, adapter: str, control: str) -> str:
    """What stands beside a row."""
    return style.name(adapter) if control else short(model)
