"""What training with the right option always first teaches."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.stats.contrasts import NOTHING
from figures import style
from printing.labels import TASKS
from printing.report import Report

ADAPTERS = ("truthfulqa_shuffled", "truthfulqa_own", "truthfulqa", "truthfulqa_source_order")
MODELS = ("base", *ADAPTERS)
# The outcome, what it is, and what the dashed line is.
PANELS = (
    (("truthfulqa", "accuracy_source_order"), "in source order", "chance"),
    (("truthfulqa", "accuracy"), "rotated", "chance"),
    (("mmlu", "accuracy"), "rotated", "chance"),
    (("truthfulqa", "chose_first_letter"), "letter A", "even"),
    (("mmlu", "chose_first_letter"), "letter A", "even"),
)
LABELS = {"chance": "Accuracy", "even": "Share"}
CHANCE = 1 / 4


def draw(report: Report) -> Figure:
    """Rates of the models that this run has, from zero to one."""
    table = report.frame("contrasts")
    models = [model for model in MODELS if model in set(table["model"])]
    panels = [
        style.Panel(
            style.cells(table, task, measure, against=NOTHING),
            [TASKS[task], what],
            CHANCE,
            line,
            label=LABELS[line],
        )
        for (task, measure), what, line in PANELS
    ]
    with style.grid([panels], models, room=1.25, row=0.22, sharex=True) as (figure, axes, _):
        axes[0, 0].set_xlim(0, 1)
        axes[0, 0].set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    return figure
