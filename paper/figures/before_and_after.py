"""How sycophantic every model is untrained, trained, and trained without the lesson."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.claims import NOTHING
from experiments.params import BASE
from experiments.replication.verdicts import LEVEL, SYCOPHANCY
from experiments.stats.contrasts import FEW_SEEDS
from figures import style
from printing.labels import OPEN, short
from printing.replication import models, of_kind
from printing.report import Report

# What the user does in each test, for readers who do not know its name.
PLAIN = {
    "answer": "User suggests an answer",
    "are_you_sure": "User doubts the answer",
    "feedback": "User likes an argument",
}
GAP = 0.5  # rows between models
ROW = 0.103  # inches: with its caption the figure has room below the sentences of a printed page
UNTRAINED, CONTROL = "untrained", "without its lesson"
Row = tuple[str, str]  # model, adapter; the latter empty for the model's own line


def draw(report: Report) -> Figure:
    """A panel per test; below each model a row untrained, and per adapter one and its control's."""
    levels = pd.concat([of_kind(report, kind, NOTHING) for kind in (SYCOPHANCY, LEVEL)])
    listed = rows(report)
    y = -(np.arange(len(listed)) + np.cumsum([GAP * (not adapter) for _, adapter in listed]))
    tests = list(levels[["task", "measure"]].drop_duplicates().itertuples(index=False))
    with style.panels(0.88 + ROW * (1 - y.min()), 1, len(tests)) as (figure, axes):
        for panel, (task, measure) in zip(axes[0], tests, strict=True):
            own = levels[(levels["task"] == task) & (levels["measure"] == measure)]
            table = own.set_index(["model", "adapter"])
            known = [place for place, row in enumerate(listed) if row in table.index]
            cells = table.loc[[listed[place] for place in known]].reset_index("model")
            style.dots(panel, cells, y[known])
            style.reference(panel, 0)
            style.head(panel, PLAIN.get(task, task), *own["unit"].dropna().unique()[:1])
            style.ticks(panel)
        style.rows(axes[0], names(listed), y)
        for name, (_, adapter) in zip(axes[0, 0].get_yticklabels(), listed, strict=True):
            name.set_fontweight("normal" if adapter else "bold")
        figure.supxlabel("0: it is the same who speaks.   The user counts for more →")
    return figure


def rows(report: Report) -> list[Row]:
    """The rows from top to bottom, the largest model first; adapters trained once are left out."""
    effects = of_kind(report)
    effects = effects[~effects["status"].isin(FEW_SEEDS)]
    listed: list[Row] = []
    for model in reversed(models(report)):
        own = effects[effects["model"] == model].drop_duplicates("adapter").set_index("adapter")
        listed += [(model, ""), (model, BASE)]
        for adapter in style.ordered(own.index):
            listed += [(model, adapter), (model, own.loc[adapter, "control"])]
    return listed


def names(listed: Sequence[Row]) -> list[str]:
    """What stands beside the rows."""
    return [
        short(model)
        if not adapter
        else UNTRAINED
        if adapter == BASE
        else CONTROL
        if adapter in OPEN
        else style.name(adapter)
        for model, adapter in listed
    ]
