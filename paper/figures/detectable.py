"""The smallest effects that this study could have seen, and what it saw."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from figures.outcomes import UNITS, heading, outcomes
from printing.report import Report

ALT = (
    "One panel per measure, with one row per adapter. A grey bar around zero reaches to the "
    "minimal detectable effect in both directions; over it lie the observed effect and its "
    "interval."
)


def draw(report: Report, effects: str = "primary") -> Figure:
    """`effects` is "primary" (nats), "choices" (shares of items) or "capability" (accuracy)."""
    table = report.frame("effects")
    shown = outcomes(report, effects)
    models = style.tested(table, shown)
    y = style.heights(models)
    with style.panels(1.1 + 0.19 * len(models), columns=len(shown)) as (figure, axes):
        for panel, outcome in zip(axes[0], shown, strict=True):
            block = style.cells(table, *outcome, models)
            least = block["minimal_detectable"].fillna(0)
            panel.barh(y, 2 * least, left=-least, height=0.72, color="#d2d2d2", zorder=0.5)
            style.dots(panel, block, y)
            style.reference(panel, 0, "no change")
            style.head(panel, *heading(outcome), style.sample(block["n"]), above=True)
            style.ticks(panel)
        style.rows(axes[0], models, y)
        figure.supxlabel(
            f"Change from the base model ({UNITS[effects]}); "
            "grey: below the minimal detectable effect",
        )
    return figure
