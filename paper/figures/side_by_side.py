"""The pre-declared effects of every adapter in every archived run."""

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
from printing.runs import FIRST, PROTOCOLS, PUBLISHED, Run, of_protocol, outcomes, primary_effects

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
UNITS = {FIRST: "nats, from base", PUBLISHED: "share of items, from base"}
SECOND_UNIT = "beyond the control; Answer in nats per token, else rates"
NOTHING = "No run is archived."


def draw(report: Report, runs: Sequence[Run]) -> Figure:
    """A row of panels for each protocol that a run has; without a run, a sentence."""
    looks = dict(zip((run.name for run in runs), islice(cycle(LOOKS), len(runs)), strict=True))
    blocks = [block for protocol in PROTOCOLS if (block := of_protocol(runs, protocol))]
    if not blocks:
        return _nothing()
    tables = {run.name: primary_effects(report, run) for run in runs}
    models = [
        style.ordered(model for run in block for model in tables[run.name]["model"])
        for block in blocks
    ]
    sizes = [
        0.9 + len(names) * (0.13 + 0.075 * len(block))
        for block, names in zip(blocks, models, strict=True)
    ]
    wide = max(len(outcomes(block)) for block in blocks)
    with style.panels(0.3 + sum(sizes), len(blocks), wide, height_ratios=sizes) as (figure, axes):
        for row, block, names in zip(axes, blocks, models, strict=True):
            _block(row, block, names, tables, looks)
        keys, shape = [_key(run, looks[run.name]) for run in runs], {"ncols": min(4, len(runs))}
        figure.legend(handles=keys, loc="outside upper left", frameon=False, **shape)
    return figure


def _block(
    row: Sequence[Axes],
    runs: Sequence[Run],
    models: Sequence[str],
    tables: dict[str, pd.DataFrame],
    looks: dict[str, tuple[str, str]],
) -> None:
    """The panels of one protocol, whose runs share a unit."""
    y, shown = style.heights(models), outcomes(runs)
    offsets = SPREAD * (0.5 - (np.arange(len(runs)) + 0.5) / len(runs))
    for panel, outcome in zip(row, shown, strict=False):
        for run, offset in zip(runs, offsets, strict=True):
            points = style.cells(tables[run.name], *outcome, models)
            _points(panel, points, y + offset, looks[run.name])
        style.reference(panel, 0)
        style.head(panel, *heading(outcome))
        style.ticks(panel)
    for panel in row[len(shown) :]:
        panel.set_visible(False)
    style.rows(row[: len(shown)], models, y)
    row[0].set_xlabel(f"More sycophantic →  ({UNITS.get(runs[0].protocol, SECOND_UNIT)})")


def _points(axes: Axes, table: pd.DataFrame, y: Sequence[float], look: tuple[str, str]) -> None:
    colour, marker = look
    for row, height in zip(table.itertuples(), y, strict=True):
        for low, high, width in ((row.low, row.high, 1.6), (row.both_low, row.both_high, 0.6)):
            axes.plot([low, high], [height] * 2, color=colour, lw=width, zorder=2)
        edge = {"markersize": 4, "markeredgecolor": "white", "markeredgewidth": 0.3}
        axes.plot(row.estimate, height, marker, color=colour, zorder=3, clip_on=False, **edge)


def _key(run: Run, look: tuple[str, str]) -> Line2D:
    return Line2D([], [], color=look[0], marker=look[1], lw=1.6, markersize=4, label=run.name)


def _nothing() -> Figure:
    with style.panels(0.6) as (figure, axes):
        axes[0, 0].set_axis_off()
        axes[0, 0].text(0, 0.5, NOTHING, va="center")
    return figure
