"""Accuracy of every model on the four benchmarks."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from figures.outcomes import outcomes
from printing.labels import TASKS
from printing.report import Report

HELLASWAG_ENDINGS = 4
ALT = (
    "One panel per benchmark, with one row per model. Each row has a point for the accuracy and a "
    "bar for its interval. A dashed line marks the accuracy of chance where there are options "
    "to choose from, and a grey band the interval of the base model."
)


def draw(report: Report) -> Figure:
    """Points and intervals; the band is the base model's interval."""
    estimates = report.frame("estimates")
    shown = outcomes(report, "capability")
    models = style.tested(estimates, shown)
    y = style.heights(models)
    with style.panels(0.9 + 0.19 * len(models), columns=len(shown), sharex=True) as (figure, axes):
        for panel, (task, measure) in zip(axes[0], shown, strict=True):
            table = style.cells(estimates, task, measure, models)
            style.base_band(panel, table)
            style.dots(panel, table, y)
            chance = chance_of(report, task)
            if chance:
                style.reference(panel, chance, "chance")
            style.head(panel, TASKS[task], style.sample(table["n"]), above=True)
            style.ticks(panel)
        style.rows(axes[0], models, y)
        axes[0, 0].set_xlim(left=min(0, axes[0, 0].get_xlim()[0]))
        figure.supxlabel("Accuracy")
    return figure


def chance_of(report: Report, task: str) -> float | None:
    """Accuracy of a blind choice; None for generated replies."""
    bias = report.frame("position_bias")
    letters = bias.loc[bias["task"] == task, "letter"].nunique()
    options = letters or (HELLASWAG_ENDINGS if task == "hellaswag" else 0)
    return 1 / options if options else None
