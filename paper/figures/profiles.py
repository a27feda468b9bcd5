"""What each adapter changes on every benchmark and sycophancy test."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from figures import style
from figures.outcomes import outcomes
from printing.labels import TASKS
from printing.report import Report

COLUMNS = 5
LETTERS = 16  # of an adapter's name on one line


def draw(report: Report) -> Figure:
    """Changes in shares of items, on one scale."""
    effects = report.frame("effects")
    benchmarks, tests = outcomes(report, "capability"), outcomes(report, "choices")
    shown = [*benchmarks, *tests]
    models = style.tested(effects, shown)
    items = {
        outcome[0]: style.sample(style.cells(effects, *outcome, models)["n"]).removeprefix("n = ")
        for outcome in shown
    }
    y = -np.arange(len(shown), dtype=float) - style.GROUP_GAP * (
        np.arange(len(shown)) >= len(benchmarks)
    )
    lines = -(-len(models) // COLUMNS)
    with style.panels(
        0.4 + lines * (0.55 + 0.17 * len(shown)), lines, COLUMNS, sharex=True, sharey=True
    ) as (figure, axes):
        for panel in axes.flat[len(models) :]:
            panel.set_visible(False)
        for panel, model in zip(axes.flat, models, strict=False):
            mine = effects[effects["model"] == model].set_index(["task", "measure"])
            style.dots(panel, mine.reindex(shown).set_index(pd.Index([model] * len(shown))), y)
            style.reference(panel, 0)
            panel.axhspan(y.min() - 0.5, y[len(benchmarks)] + 0.5, color=style.PALE, lw=0, zorder=0)
            style.head(panel, *textwrap.wrap(style.name(model), LETTERS), muted=False)
            panel.set_ylim(y.min() - 0.6, 0.6)
            panel.tick_params(axis="y", length=0)
            panel.spines["left"].set_visible(False)
            style.ticks(panel)
        axes[0, 0].set_yticks(y, [f"{TASKS[task]} ({items[task]})" for task, _ in shown])
        figure.supxlabel(
            "Change (share of items); white: accuracy, right is better; "
            "grey: sycophancy, right is worse"
        )
    return figure
