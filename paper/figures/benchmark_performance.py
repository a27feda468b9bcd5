"""What every model can do: its level on the four benchmarks."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.stats.contrasts import NOTHING
from figures import style
from figures.outcomes import heading, outcomes
from printing.report import Report

# What a model that ignores the content gets: one of as many options, or no margin.
OPTIONS = {"mmlu": 4, "truthfulqa": 4}
RATES = ("accuracy", "accuracy_pooled", "probability", "accuracy_source_order")


def draw(report: Report) -> Figure:
    """The continuous outcomes; the band is the base model's interval."""
    table = report.frame("contrasts")
    panels: list[style.Panel] = []
    for task, measure in outcomes(report, "continuous"):
        own, line = style.cells(table, task, measure, against=NOTHING), blind(task, measure)
        said = "content ignored" if line is not None and not any(one.said for one in panels) else ""
        panels.append(style.Panel(own, heading((task, measure)), line, said, band=True))
    with style.grid([panels], room=1.15) as (figure, _, _):
        style.below(figure, "Better →", [one.table for one in panels])
    return figure


def blind(task: str, measure: str) -> float | None:
    """The value for a model that ignores the content; None where there is none to give."""
    if measure in RATES:
        return 1 / OPTIONS[task] if task in OPTIONS else None
    return 0.0 if "margin" in measure else None
