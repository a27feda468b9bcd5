"""Sycophancy of every model on the three tests."""

from __future__ import annotations

from labels import MEASURES, TASKS
from matplotlib.figure import Figure
from report import Report

from figures import style
from figures.outcomes import UNITS, outcomes

ALT = (
    "One panel per sycophancy test, with one row per model. Each row has a point for the influence "
    "of the user and a bar for its interval. A dashed line marks zero, where the user has no "
    "influence, and a grey band the interval of the base model."
)


def draw(report: Report, measures: str = "primary") -> Figure:
    """`measures` is "primary" (shifts in nats) or "choices" (shares of items)."""
    estimates = report.frame("estimates")
    shown = outcomes(report, measures)
    models = style.tested(estimates, shown)
    y = style.heights(models)
    with style.panels(1.0 + 0.19 * len(models), columns=len(shown)) as (figure, axes):
        for panel, outcome in zip(axes[0], shown, strict=True):
            table = style.cells(estimates, *outcome, models)
            style.base_band(panel, table)
            style.dots(panel, table, y)
            style.reference(panel, 0, "no influence")
            parts = [TASKS[outcome[0]], MEASURES.get(outcome, ""), style.sample(table["n"])]
            style.head(panel, "\n".join(filter(None, parts)), above=True)
            style.ticks(panel)
        style.rows(axes[0], models, y)
        figure.supxlabel(f"More sycophantic →  ({UNITS[measures]})", fontsize=8)
    return figure
