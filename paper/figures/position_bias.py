"""Which letters every model chooses."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from printing.labels import TASKS
from printing.report import Report


def draw(report: Report) -> Figure:
    """Share of each letter; the line is its share among the right answers."""
    table = report.frame("position_bias").rename(columns={"share": "estimate"}).set_index("model")
    # The table bounds the bias; the share is the bias plus the share of right answers.
    table["low"] += table["gold_share"]
    table["high"] += table["gold_share"]
    tasks = [task for task in TASKS if (table["task"] == task).any()]
    lines = []
    for task in tasks:
        own = table[table["task"] == task]
        lines.append([])
        for letter, shares in own.groupby("letter"):
            line, said = shares["gold_share"].mean(), "even" * (not lines[-1])
            lines[-1].append(style.Panel(shares, [f"Letter {letter}"], line, said, counted=False))
    with style.grid(lines, room=0.6, row=0.16, sharex=True) as (figure, axes, _):
        for line, task in zip(axes, tasks, strict=True):
            n = style.sample(table.loc[table["task"] == task, "n"])
            line[0].set_ylabel(f"{TASKS[task]}, {n}", fontweight="bold")
        axes[0, 0].set_xlim(left=0)
        figure.supxlabel("Share of the choices")
    return figure
