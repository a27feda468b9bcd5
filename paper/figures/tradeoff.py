"""Accuracy gained on each benchmark against sycophancy gained."""

from __future__ import annotations

import numpy as np
import pandas as pd
from labels import TASKS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from report import Report

from figures import style
from figures.outcomes import outcomes

COLUMNS = 2
ALT = (
    "One scatter plot per benchmark. Each has one marker per adapter with a horizontal interval "
    "for the change in accuracy and a vertical one for the change in sycophancy. Dashed lines "
    "through zero divide the plot into four corners; the lower right one is more accurate and less "
    "sycophantic. A key below gives the marker of each adapter."
)


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
            crosses(panel, table, bias.loc[models])
            style.head(panel, f"{TASKS[task]}, {style.sample(table['n'])}")
            style.ticks(panel, 5)
        for panel in axes.flat[len(shown) :]:
            panel.set_visible(False)
        axes.flat[0].yaxis.set_major_formatter(lambda value, _: style.short(value))
        figure.supxlabel("Change in accuracy", fontsize=8)
        figure.supylabel("Change in mean sycophancy (share of items)", fontsize=8)
        keys = [Line2D([], [], linestyle="none", **style.look(model)) for model in models]
        figure.legend(
            keys, [style.name(model) for model in models], loc="outside lower center", ncols=4,
            frameon=False, handletextpad=0.2, columnspacing=1.2,
        )
    return figure


def crosses(panel: Axes, accuracy: pd.DataFrame, bias: pd.DataFrame) -> None:
    """A marker with both intervals per adapter, and lines through zero."""
    panel.axhline(0, color=style.MUTED, lw=0.8, ls=(0, (3, 2)), zorder=1)
    style.reference(panel, 0)
    for model in accuracy.index:
        x, y = accuracy.loc[model], bias.loc[model]
        if not np.isfinite([x.estimate, y.change]).all():
            continue
        faint = {"color": style.look(model)["color"], "alpha": 0.45, "lw": 0.9, "zorder": 2}
        panel.plot([x.low, x.high], [y.change] * 2, **faint)
        panel.plot([x.estimate] * 2, [y.change_low, y.change_high], **faint)
        panel.plot(x.estimate, y.change, linestyle="none", zorder=3, **style.look(model))
    corner = {"transform": panel.transAxes, "color": style.MUTED, "fontsize": style.SMALL}
    panel.text(0.99, 0.02, "better on both", ha="right", va="bottom", style="italic", **corner)
    panel.text(0.01, 0.98, "worse on both", ha="left", va="top", style="italic", **corner)
