"""Sycophancy along the order of capability gain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from figures import style
from figures.outcomes import UNITS, heading, outcomes
from printing.report import Report

ALT = (
    "Panels that share one row per adapter, sorted by the gain in mean accuracy, which the first "
    "panel shows. The others show the change in each sycophancy test. Bars are intervals, dashed "
    "lines no change, and a thin line joins the points from row to row."
)


def draw(report: Report, measures: str = "primary") -> Figure:
    """`measures` is "primary" (shifts in nats) or "choices" (shares of items)."""
    effects = report.frame("effects")
    shown = outcomes(report, measures)
    gain = capability_gain(report)
    models = [model for model in gain.index if model in style.tested(effects, shown)]
    tables = {
        ("Benchmarks", "mean accuracy"): gain.loc[models],
        **{tuple(heading(outcome)): style.cells(effects, *outcome, models) for outcome in shown},
    }
    y = -np.arange(len(models), dtype=float)
    with style.panels(1.05 + 0.2 * len(models), columns=len(tables)) as (figure, axes):
        for panel, (lines, table) in zip(axes[0], tables.items(), strict=True):
            panel.plot(table["estimate"], y, color="#b5b5b5", lw=1, zorder=1)
            style.dots(panel, table, y)
            style.reference(panel, 0, "no change")
            style.head(panel, *lines, style.sample(table["n"]), above=True)
            style.ticks(panel)
            panel.set_xlabel(UNITS[measures])
        axes[0, 0].set_xlabel("share of items")
        style.rows(axes[0], models, y)
    return figure


def capability_gain(report: Report) -> pd.DataFrame:
    """Change of mean benchmark accuracy by adapter, the largest gain first."""
    table = report.frame("composites").query("composite == 'capability'").set_index("model")
    table = table[["change", "change_low", "change_high", "n"]].set_axis(
        ["estimate", "low", "high", "n"], axis="columns"
    )
    return table.dropna(subset="estimate").sort_values("estimate", ascending=False, kind="stable")
