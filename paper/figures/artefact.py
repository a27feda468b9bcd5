"""What training with the right option always first teaches."""

from __future__ import annotations

from matplotlib.figure import Figure
from report import Report

from figures import style
from figures.benchmark_performance import guessing

MODELS = ("base", "format_control", "truthfulqa", "truthfulqa_source_order")
PANELS = {
    ("truthfulqa", "accuracy_source_order"): ("TruthfulQA accuracy,\nsource order", "guessing"),
    ("truthfulqa", "accuracy"): ("TruthfulQA accuracy,\nall rotations", "guessing"),
    ("mmlu", "accuracy"): ("MMLU accuracy,\nall rotations", "guessing"),
    ("truthfulqa", "chose_first_letter"): ("TruthfulQA: share\nof letter A", "even"),
}
ALT = (
    "Panels with one row each for the base model, the format control, the adapter trained on "
    "shuffled options and the one trained in source order. Points and intervals show accuracy in "
    "source order, accuracy over rotations, accuracy on MMLU and the share of first letters; "
    "dashed lines mark guessing or an even share."
)


def draw(report: Report) -> Figure:
    """Rates of the four models, from zero to one."""
    estimates = report.frame("estimates")
    models = [model for model in MODELS if model in set(estimates["model"])]
    y = style.heights(models)
    with style.panels(1.1 + 0.22 * len(models), columns=len(PANELS), sharex=True) as (figure, axes):
        for panel, (outcome, (title, line)) in zip(axes[0], PANELS.items(), strict=True):
            table = style.cells(estimates, *outcome, models)
            style.dots(panel, table, y)
            style.reference(panel, guessing(report, outcome[0]), line)
            style.head(panel, f"{title}\n{style.sample(table['n'])}", above=True)
        style.rows(axes[0], models, y)
        axes[0, 0].set_xlim(0, 1)
        axes[0, 0].set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    return figure
