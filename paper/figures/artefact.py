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
ALT = (
    "Five panels with one row each for the base model, the format control, the adapter trained on "
    "shuffled options and the one trained in source order. Points and intervals show accuracy on "
    "TruthfulQA in source order and over rotations, accuracy on MMLU, and the share of choices "
    "that fall on the first letter in both; dashed lines mark chance or an even share."
)


def draw(report: Report) -> Figure:
    """Rates of the four models, from zero to one."""
    estimates = report.frame("estimates")
    models = [model for model in MODELS if model in set(estimates["model"])]
    y = style.heights(models)
    with style.panels(1.25 + 0.22 * len(models), columns=len(PANELS), sharex=True) as (
        figure,
        axes,
    ):
        for panel, (outcome, what, line) in zip(axes[0], PANELS, strict=True):
            table = style.cells(estimates, *outcome, models)
            style.dots(panel, table, y)
            style.reference(panel, chance_of(report, outcome[0]), line)
            style.head(panel, TASKS[outcome[0]], what, style.sample(table["n"]), above=True)
            panel.set_xlabel("Accuracy" if line == "chance" else "Share of choices")
        style.rows(axes[0], models, y)
        axes[0, 0].set_xlim(0, 1)
        axes[0, 0].set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    return figure
