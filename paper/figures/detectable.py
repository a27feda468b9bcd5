"""The smallest effects that this study could have seen, and what it saw."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from figures.outcomes import UNITS, heading, outcomes
from printing.report import Report


def draw(report: Report, effects: str = "primary") -> Figure:
    """`effects` is "primary" (nats), "choices" (shares of items) or "capability" (accuracy)."""
    table = report.frame("effects")
    panels = [
        style.Panel(style.cells(table, *outcome), heading(outcome), 0, "no change")
        for outcome in outcomes(report, effects)
    ]
    models = style.ordered(model for panel in panels for model in panel.table.index)
    with style.grid([panels], models, room=1.1) as (figure, axes, y):
        for panel, one in zip(axes[0], panels, strict=True):
            least = one.table["minimal_detectable"].reindex(models).fillna(0)
            panel.barh(y, 2 * least, left=-least, height=0.72, color="#d2d2d2", zorder=0.5)
        figure.supxlabel(
            f"Change from the base model ({UNITS[effects]}); "
            "grey: below the minimal detectable effect",
        )
    return figure
