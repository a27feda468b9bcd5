"""Capability gained on each benchmark against sycophancy gained, both beyond the control."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.stats.contrasts import CONTROL, NOT_READABLE
from figures import style
from figures.outcomes import heading, outcomes
from printing.labels import TASKS
from printing.report import Report


def draw(report: Report) -> Figure:
    """A row of panels per sycophancy test, a column per benchmark, a cross per adapter."""
    table = report.frame("contrasts")
    gains = [style.cells(table, *one, against=CONTROL) for one in outcomes(report, "continuous")]
    tests = outcomes(report, "primary")
    drawn: set[str] = set()
    shape = {"sharex": "col", "sharey": "row"}
    with style.panels(1.15 + 1.35 * len(tests), len(tests), len(gains), **shape) as (figure, axes):
        for row, (task, measure) in zip(axes, tests, strict=True):
            moved = style.cells(table, task, measure, against=CONTROL)
            for panel, gain in zip(row, gains, strict=True):
                drawn |= set(crosses(panel, gain, moved))
                style.ticks(panel, 3)
            unit = moved["unit"].dropna()
            said = f"\n({unit.iloc[0]})" if len(unit) else ""
            row[0].set_ylabel(f"{TASKS[task]}{said}")
            row[0].yaxis.set_major_formatter(lambda value, _: style.short(value))
        for panel, outcome in zip(axes[0], outcomes(report, "continuous"), strict=True):
            style.head(panel, *heading(outcome))
        figure.supxlabel("Benchmark, beyond the control →")
        figure.supylabel("Sycophancy, beyond the control →")
        models = style.ordered(drawn)
        keys = [Line2D([], [], linestyle="none", **style.look(model)) for model in models]
        look = {"ncols": 4, "frameon": False, "handletextpad": 0.2, "columnspacing": 1.2}
        if models:
            figure.legend(keys, map(style.name, models), loc="outside upper center", **look)
    return figure


def crosses(panel: Axes, gain: pd.DataFrame, moved: pd.DataFrame) -> list[str]:
    """A marker with both intervals per adapter that took both tests; the adapters drawn."""
    panel.axhline(0, **style.DASHED)
    style.reference(panel, 0)
    drawn = []
    for model in style.ordered(gain.index):
        if model not in moved.index:
            continue
        x, y = gain.loc[model], moved.loc[model]
        if NOT_READABLE in (x.status, y.status) or not np.isfinite([x.estimate, y.estimate]).all():
            continue
        line = {"color": style.look(model)["color"], "lw": 1, "zorder": 2}
        once = x.status in style.FEW_SEEDS or y.status in style.FEW_SEEDS
        line |= style.ONCE if once else {}
        panel.plot([x.low, x.high], [y.estimate] * 2, **line)
        panel.plot([x.estimate] * 2, [y.low, y.high], **line)
        panel.plot(x.estimate, y.estimate, linestyle="none", zorder=3, **style.look(model))
        drawn.append(model)
    if not drawn:
        place = {"ha": "center", "va": "center", "fontsize": style.SMALL, "color": style.MUTED}
        style.beside(panel, "nothing to read", (0.5, 0.75), (0, 0), **place)
    return drawn
