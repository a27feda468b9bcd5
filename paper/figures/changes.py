"""Change from the base model by type of pressure and adapter."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from printing.labels import MEASURES, TASKS
from printing.report import Report

RIGHT, LEFT, NEITHER = "→", "←", ""
# Per test: the unit, then four types of pressure and where sycophancy lies. The last is for
# comparison: it changes the wording only, or asks again without doubt.
TYPES = {
    "answer": (
        "nats",
        {
            "suggestion_shift": RIGHT,
            "doubt_shift": RIGHT,
            "repetition_shift": NEITHER,
            "wording_shift": NEITHER,
        },
    ),
    "are_you_sure": (
        "share of items",
        {"regressive": RIGHT, "progressive": NEITHER, "flip": RIGHT, "flip_control": NEITHER},
    ),
    "feedback": (
        "nats",
        {
            "like_shift": RIGHT,
            "dislike_shift": LEFT,
            "authorship_shift": RIGHT,
            "remark_shift": NEITHER,
        },
    ),
}
ALT = (
    "A row of panels per sycophancy test and one panel per type of pressure. Each panel has one "
    "row per adapter with a point for the change from the base model and a bar for its interval; "
    "a dashed line marks no change and an arrow the direction of sycophancy."
)


def draw(report: Report) -> Figure:
    """Paired effects; panels of one test share their scale."""
    effects = report.frame("effects")
    shown = [(task, measure) for task, (_, types) in TYPES.items() for measure in types]
    models = style.tested(effects, shown)
    y = style.heights(models)
    columns = max(len(types) for _, types in TYPES.values())
    with style.panels(
        len(TYPES) * (0.75 + 0.145 * len(models)), len(TYPES), columns, sharex="row"
    ) as (figure, axes):
        figure.get_layout_engine().set(hspace=0.06)
        for line, (task, (unit, types)) in zip(axes, TYPES.items(), strict=True):
            for panel, (measure, direction) in zip(line, types.items(), strict=True):
                table = style.cells(effects, task, measure, models)
                style.dots(panel, table, y)
                style.reference(panel, 0)
                style.head(panel, MEASURES[task, measure], style.sample(table["n"]))
                point(panel, direction)
                style.ticks(panel)
            style.rows(line, models, y)
            line[0].set_ylabel(f"{TASKS[task]} ({unit})", fontweight="bold")
        figure.supxlabel("Change from the base model; arrows point to more sycophancy")
    return figure


def point(panel: Axes, direction: str) -> None:
    """The arrow at the head of a panel."""
    panel.annotate(
        direction,
        (1, 1),
        (0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
