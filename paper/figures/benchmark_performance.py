"""Accuracy of every model on the four benchmarks."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from figures.outcomes import outcomes
from printing.labels import TASKS
from printing.report import Report

HELLASWAG_ENDINGS = 4


def draw(report: Report) -> Figure:
    """Points and intervals; the band is the base model's interval."""
    estimates = report.frame("estimates")
    panels = []
    for task, measure in outcomes(report, "capability"):
        table, chance = style.cells(estimates, task, measure), chance_of(report, task)
        said = "chance" if chance else ""
        panels.append(style.Panel(table, [TASKS[task]], chance, said, band=True))
    with style.grid([panels], room=0.9, sharex=True) as (figure, axes, _):
        axes[0, 0].set_xlim(left=min(0, axes[0, 0].get_xlim()[0]))
        figure.supxlabel("Accuracy")
    return figure


def chance_of(report: Report, task: str) -> float | None:
    """Accuracy of a blind choice; None for generated replies."""
    bias = report.frame("position_bias")
    letters = bias.loc[bias["task"] == task, "letter"].nunique()
    options = letters or (HELLASWAG_ENDINGS if task == "hellaswag" else 0)
    return 1 / options if options else None
