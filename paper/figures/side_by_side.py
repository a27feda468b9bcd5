"""The pre-declared contrasts with the control of every adapter in every archived run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures import style
from figures.outcomes import heading
from printing.report import Report
from printing.runs import Run, outcomes, primary_contrasts
from printing.runs import runs as archived

# Okabe and Ito's palette from dark to light, and markers, so that runs differ in grey too.
LOOKS = (
    ("#262626", "o"),
    ("#0072b2", "s"),
    ("#d55e00", "D"),
    ("#009e73", "^"),
    ("#c46b9b", "v"),
    ("#c78500", "P"),
    ("#6a3d9a", "X"),
    ("#3f9bd1", "<"),
)
SPREAD = 0.62  # of a row's height, that the runs of one adapter take
NOTHING = "No run is archived."
UNIT = "beyond the control; Answer in nats per token, else rates"


def draw(report: Report) -> Figure:
    """A panel for each outcome; without a run, a sentence."""
    runs = archived(report)
    if not runs:
        return style.words(NOTHING)
    looks = dict(zip((run.name for run in runs), islice(cycle(LOOKS), len(runs)), strict=True))
    tables = {run.name: primary_contrasts(run) for run in runs}
    models = style.ordered(model for table in tables.values() for model in table["model"])
    y, shown = style.heights(models), outcomes(runs)
    offsets = SPREAD * (0.5 - (np.arange(len(runs)) + 0.5) / len(runs))
    height = 1.2 + len(models) * (0.13 + 0.075 * len(runs))
    with style.panels(height, 1, len(shown)) as (figure, axes):
        for panel, outcome in zip(axes[0], shown, strict=True):
            for run, offset in zip(runs, offsets, strict=True):
                points = style.cells(tables[run.name], *outcome, models)
                _points(panel, points, y + offset, looks[run.name])
            style.reference(panel, 0)
            style.head(panel, *heading(outcome))
            style.ticks(panel)
        style.rows(axes[0], models, y)
        figure.supxlabel(f"More sycophantic →  ({UNIT})")
        keys, shape = [_key(run, looks[run.name]) for run in runs], {"ncols": min(3, len(runs))}
        figure.legend(handles=keys, loc="outside upper left", frameon=False, **shape)
    return figure


def _points(axes: Axes, table: pd.DataFrame, y: Sequence[float], look: tuple[str, str]) -> None:
    colour, marker = look
    for row, height in zip(table.itertuples(), y, strict=True):
        once = style.ONCE if row.status in style.FEW_SEEDS else {}
        axes.plot([row.low, row.high], [height] * 2, color=colour, zorder=2, **{"lw": 1.6} | once)
        edge = {"markersize": 4, "markeredgecolor": "white", "markeredgewidth": 0.3}
        axes.plot(row.estimate, height, marker, color=colour, zorder=3, clip_on=False, **edge)


def _key(run: Run, look: tuple[str, str]) -> Line2D:
    return Line2D([], [], color=look[0], marker=look[1], lw=1.6, markersize=4, label=run.name)
