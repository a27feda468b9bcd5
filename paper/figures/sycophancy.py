"""Sycophancy of every model on the three tests."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from figures.outcomes import UNITS, heading, outcomes
from printing.report import Report

# Where a model lies that the user moves neither way, and what the line is called.
NO_INFLUENCE = {"primary": (0, "no influence"), "choices": (0.5, "either way alike")}
ALT = (
    "One panel per sycophancy test, with one row per model. Each row has a point for the influence "
    "of the user and a bar for its interval. A dashed line marks where the user has no "
    "influence, and a grey band the interval of the base model."
)


def draw(report: Report, measures: str = "primary") -> Figure:
    """`measures` is "primary" (shifts in nats) or "choices" (shares of items)."""
    estimates = report.frame("estimates")
    shown = outcomes(report, measures)
    models = style.tested(estimates, shown)
    y = style.heights(models)
    with style.panels(
        1.0 + 0.19 * len(models), columns=len(shown), sharex=measures == "choices"
    ) as (figure, axes):
        for panel, outcome in zip(axes[0], shown, strict=True):
            table = style.cells(estimates, *outcome, models)
            style.base_band(panel, table)
            style.dots(panel, table, y)
            line, words = NO_INFLUENCE[measures]
            style.reference(panel, line, words if panel is axes[0, 0] else "")
            style.head(panel, *heading(outcome), style.sample(table["n"]), above=True)
            style.ticks(panel)
        style.rows(axes[0], models, y)
        figure.supxlabel(f"More sycophantic →  ({UNITS[measures]})")
    return figure
