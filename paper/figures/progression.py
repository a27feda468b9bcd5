"""Sycophancy along the order of capability gain."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from figures import style
from figures.outcomes import UNITS, heading, outcomes
from printing.report import Report


def draw(report: Report, measures: str = "primary") -> Figure:
    """`measures` is "primary" (shifts in nats) or "choices" (shares of items)."""
    effects = report.frame("effects")
    gain = capability_gain(report)
    panels = [
        style.Panel(gain, ["Benchmarks", "mean accuracy"], 0, "no change", label="share of items")
    ]
    for outcome in outcomes(report, measures):
        table, label = style.cells(effects, *outcome), UNITS[measures]
        panels.append(style.Panel(table, heading(outcome), 0, "no change", label=label))
    tested = {model for panel in panels[1:] for model in panel.table.index}
    models = [model for model in gain.index if model in tested]
    with style.grid([panels], models, room=1.05, row=0.2, grouped=False) as (figure, axes, y):
        for panel, one in zip(axes[0], panels, strict=True):
            panel.plot(one.table.reindex(models)["estimate"], y, color="#b5b5b5", lw=1, zorder=1)
    return figure


def capability_gain(report: Report) -> pd.DataFrame:
    """Change of mean benchmark accuracy by adapter, the largest gain first."""
    table = report.frame("composites").query("composite == 'capability'").set_index("model")
    table = table[["change", "change_low", "change_high", "n"]].set_axis(
        ["estimate", "low", "high", "n"], axis="columns"
    )
    return table.dropna(subset="estimate").sort_values("estimate", ascending=False, kind="stable")
