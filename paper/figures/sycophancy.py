"""What the user adds to a third party's words, in every model."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.stats.contrasts import NOTHING
from figures import style
from figures.outcomes import outcomes
from printing.labels import TASKS
from printing.report import Report


def draw(report: Report) -> Figure:
    """Levels of the primary outcomes; zero is a model that does not heed who speaks."""
    table = report.frame("contrasts")
    panels = []
    for task, measure in outcomes(report, "primary"):
        own = style.cells(table, task, measure, against=NOTHING)
        unit = own["unit"].dropna()
        said, label = "" if panels else "who speaks ignored", unit.iloc[0] if len(unit) else ""
        panels.append(style.Panel(own, [TASKS[task]], 0, said, band=True, label=label))
    with style.grid([panels], room=1.1) as (figure, _, _):
        style.below(figure, "Towards the user →", [one.table for one in panels])
    return figure
