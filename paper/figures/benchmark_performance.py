"""Accuracy of every model on the four benchmarks."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from labels import TASKS
from report import Report

BENCHMARKS = ("gsm8k", "mmlu", "hellaswag", "truthfulqa")
HELLASWAG_ENDINGS = 4
ALT = (
    "Four panels, one per benchmark, with one row per model. Each row has a point for the accuracy "
    "and a bar for its interval. A dashed line marks the accuracy of guessing where there are "
    "options to choose from, and a pale band the interval of the base model."
)


def draw(report: Report) -> Figure:
    """Points and intervals; the band is the base model's interval."""
    estimates = report.frame("estimates")
    models = style.tested(estimates, [(task, "accuracy") for task in BENCHMARKS])
    y = style.heights(models)
    with style.panels(0.9 + 0.19 * len(models), columns=len(BENCHMARKS)) as (figure, axes):
        for panel, task in zip(axes[0], BENCHMARKS, strict=True):
            table = style.cells(estimates, task, "accuracy", models)
            panel.axvspan(*table.loc["base", ["low", "high"]], color="#dcdcdc", lw=0, zorder=0.5)
            style.dots(panel, table, y)
            chance = guessing(report, task)
            if chance:
                style.reference(panel, chance, "chance")
            style.head(panel, f"{TASKS[task]}\n{style.sample(table['n'])}", above=True)
            panel.set_xlim(left=min(0, *panel.get_xlim()))
            style.ticks(panel)
        style.rows(axes[0], models, y)
        figure.supxlabel("Accuracy", fontsize=8)
    return figure


def guessing(report: Report, task: str) -> float | None:
    """Accuracy of a blind choice; None for generated replies."""
    letters = report.frame("position_bias").query("task == @task")["letter"].nunique()
    options = letters or (HELLASWAG_ENDINGS if task == "hellaswag" else 0)
    return 1 / options if options else None
