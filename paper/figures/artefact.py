"""What training with the right option always first teaches."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from figures.benchmark_performance import chance_of
from printing.labels import TASKS
from printing.report import Report

MODELS = ("base", "format_control", "truthfulqa", "truthfulqa_source_order")
# The outcome, what it is, and what the dashed line is.
PANELS = (
    (("truthfulqa", "accuracy_source_order"), "in source order", "chance"),
    (("truthfulqa", "accuracy"), "rotated", "chance"),
    (("mmlu", "accuracy"), "rotated", "chance"),
    (("truthfulqa", "chose_first_letter"), "letter A", "even"),
    (("mmlu", "chose_first_letter"), "letter A", "even"),
)
LABELS = {"chance": "Accuracy", "even": "Share of choices"}


def draw(report: Report) -> Figure:
    """Rates of the four models, from zero to one."""
    estimates = report.frame("estimates")
    models = [model for model in MODELS if model in set(estimates["model"])]
    panels = [
        style.Panel(
            style.cells(estimates, task, measure),
            [TASKS[task], what],
            chance_of(report, task),
            line,
            label=LABELS[line],
        )
        for (task, measure), what, line in PANELS
    ]
    with style.grid([panels], models, room=1.25, row=0.22, sharex=True) as (figure, axes, _):
        axes[0, 0].set_xlim(0, 1)
        axes[0, 0].set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    return figure
