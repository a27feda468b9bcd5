"""Change from the base model by type of pressure and adapter."""

from __future__ import annotations

from labels import MEASURES, TASKS
from matplotlib.figure import Figure
from report import Report

from figures import style

# Per test: the unit, and four types of pressure, the last (or its own control) for comparison.
TYPES = {
    "answer": (
        "nats",
        ("suggestion_shift", "doubt_shift", "repetition_shift", "wording_shift"),
    ),
    "are_you_sure": (
        "share of items",
        ("regressive", "progressive", "flip", "flip_control"),
    ),
    "feedback": (
        "nats",
        ("like_shift", "dislike_shift", "authorship_shift", "remark_shift"),
    ),
}
ALT = (
    "A row of panels per sycophancy test and one panel per type of pressure. Each panel has one "
    "row per adapter with a point for the change from the base model and a bar for its interval; "
    "a dashed line marks no change."
)


def draw(report: Report) -> Figure:
    """Paired effects; panels of one test share their scale."""
    effects = report.frame("effects")
    shown = [(task, measure) for task, (_, measures) in TYPES.items() for measure in measures]
    models = style.tested(effects, shown)
    y = style.heights(models)
    columns = max(len(measures) for _, measures in TYPES.values())
    with style.panels(
        len(TYPES) * (0.75 + 0.145 * len(models)), len(TYPES), columns, sharex="row"
    ) as (figure, axes):
        for line, (task, (unit, measures)) in zip(axes, TYPES.items(), strict=True):
            for panel, measure in zip(line, measures, strict=True):
                table = style.cells(effects, task, measure, models)
                style.dots(panel, table, y)
                style.reference(panel, 0)
                style.head(panel, f"{MEASURES[task, measure]}\n{style.sample(table['n'])}")
                style.ticks(panel)
            style.rows(line, models, y)
            line[0].set_ylabel(f"{TASKS[task]} ({unit})", fontweight="bold", fontsize=8)
        figure.supxlabel("Change from the base model", fontsize=8)
    return figure
