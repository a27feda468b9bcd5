"""Accuracy gained on each benchmark against sycophancy gained."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures import style
from figures.outcomes import outcomes
from printing.labels import TASKS
from printing.report import Report

COLUMNS = 2


def draw(report: Report) -> Figure:
    """One panel per benchmark; sycophancy is the mean change over the three tests, by choices."""
    effects = report.frame("effects")
    shown = outcomes(report, "capability")
    bias = report.frame("composites").query("composite == 'agreement_bias'").set_index("model")
    models = [model for model in style.tested(effects, shown) if model in bias.index]
    lines = -(-len(shown) // COLUMNS)
    with style.panels(0.9 + 2.0 * lines, lines, COLUMNS, sharey=True) as (figure, axes):
        for panel, (task, measure) in zip(axes.flat, shown, strict=False):
            table = style.cells(effects, task, measure, models)
            crosses(panel, table, bias.loc[models], own=task)
            style.head(panel, f"{TASKS[task]}, {style.sample(table['n'])}")
            style.ticks(panel, 5)
        for panel in axes.flat[len(shown) :]:
            panel.set_visible(False)
        for panel in axes[-1]:
            panel.set_xlabel("Change in accuracy")
        axes[0, 0].yaxis.set_major_formatter(lambda value, _: style.short(value))
        figure.supylabel("Change in mean sycophancy (share of items)")
        keys = [Line2D([], [], linestyle="none", **style.look(model)) for model in models]
        look = {"ncols": 4, "frameon": False, "handletextpad": 0.2, "columnspacing": 1.2}
        figure.legend(keys, map(style.name, models), loc="outside lower center", **look)
    return figure


def crosses(panel: Axes, accuracy: pd.DataFrame, bias: pd.DataFrame, own: str) -> None:
    """A marker with both intervals per adapter, that of the adapter `own` in full colour."""
    panel.axhline(0, **style.DASHED)
    style.reference(panel, 0)
    for model in accuracy.index:
        x, y = accuracy.loc[model], bias.loc[model]
        if not np.isfinite([x.estimate, y.change]).all():
            continue
        line = {"color": style.look(model)["color"], "lw": 0.8, "alpha": 0.35, "zorder": 2}
        if model == own:
            line |= {"lw": 1.4, "alpha": 1, "zorder": 2.5}
            look = {"xycoords": "data", "path_effects": style.HALO, "zorder": 4}
            place = (x.estimate, y.change)
            style.beside(panel, "trained on it", place, (5, 4), fontsize=style.SMALL, **look)
        panel.plot([x.low, x.high], [y.change] * 2, **line)
        panel.plot([x.estimate] * 2, [y.change_low, y.change_high], **line)
        panel.plot(x.estimate, y.change, linestyle="none", zorder=3, **style.look(model))
    look = {"color": style.MUTED, "fontsize": style.SMALL, "style": "italic"}
    style.beside(panel, "better on both", (1, 0), (-2, 2), ha="right", **look)
    style.beside(panel, "worse on both", (0, 1), (2, -2), va="top", **look)
