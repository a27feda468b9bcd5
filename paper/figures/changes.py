"""Change from the base model by type of pressure and adapter."""

from __future__ import annotations

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


def draw(report: Report) -> Figure:
    """Paired effects; panels of one test share their scale."""
    effects = report.frame("effects")
    lines = [
        [
            style.Panel(style.cells(effects, task, measure), [MEASURES[task, measure]])
            for measure in types
        ]
        for task, (_, types) in TYPES.items()
    ]
    with style.grid(lines, room=0.75, row=0.145, sharex="row") as (figure, axes, _):
        figure.get_layout_engine().set(hspace=0.06)
        for line, (task, (unit, types)) in zip(axes, TYPES.items(), strict=True):
            for panel, direction in zip(line, types.values(), strict=True):
                style.beside(panel, direction, (1, 1), (0, 4), ha="right", fontsize=9)
            line[0].set_ylabel(f"{TASKS[task]} ({unit})", fontweight="bold")
        figure.supxlabel("Change from the base model; arrows point to more sycophancy")
    return figure
