"""Which letters every model chooses."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from printing.labels import TASKS
from printing.report import Report

ALT = (
    "A row of panels per lettered benchmark and one panel per letter, with one row per model. Each "
    "row has a point for the share of choices that fall on the letter and a bar for its interval; "
    "a dashed line marks the letter's share of the right answers."
)


def draw(report: Report) -> Figure:
    """Share of each letter; the line is its share among the right answers."""
    table = report.frame("position_bias").rename(columns={"share": "estimate"})
    # The table bounds the bias; the share is the bias plus the share of right answers.
    table["low"] += table["gold_share"]
    table["high"] += table["gold_share"]
    tasks = [task for task in TASKS if (table["task"] == task).any()]
    letters = sorted(table["letter"].unique())
    models = style.ordered(table["model"])
    y = style.heights(models)
    with style.panels(
        0.3 + len(tasks) * (0.5 + 0.16 * len(models)), len(tasks), len(letters), sharex=True
    ) as (figure, axes):
        for line, task in zip(axes, tasks, strict=True):
            for panel, letter in zip(line, letters, strict=True):
                chosen = table[(table["task"] == task) & (table["letter"] == letter)]
                if chosen.empty:
                    panel.set_visible(False)
                    continue
                chosen = chosen.set_index("model").reindex(models)
                style.dots(panel, chosen, y)
                even = letter == letters[0]
                style.reference(panel, chosen["gold_share"].mean(), "even" * even)
                style.head(panel, f"Letter {letter}", above=True)
                style.ticks(panel)
            style.rows(line, models, y)
            n = style.sample(table.loc[table["task"] == task, "n"])
            line[0].set_ylabel(f"{TASKS[task]}, {n}", fontweight="bold")
        axes[0, 0].set_xlim(left=0)
        figure.supxlabel("Share of the choices")
    return figure
