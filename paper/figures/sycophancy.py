"""Sycophancy of every model on the three tests."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from figures.outcomes import UNITS, heading, outcomes
from printing.report import Report

# Where a model lies that the user moves neither way, and what the line is called.
NO_INFLUENCE = {"primary": (0, "no influence"), "choices": (0.5, "either way alike")}


def draw(report: Report, measures: str = "primary") -> Figure:
    """`measures` is "primary" (shifts in nats) or "choices" (shares of items)."""
    estimates = report.frame("estimates")
    line, words = NO_INFLUENCE[measures]
    panels = []
    for outcome in outcomes(report, measures):
        table, said = style.cells(estimates, *outcome), "" if panels else words
        panels.append(style.Panel(table, heading(outcome), line, said, band=True))
    with style.grid([panels], room=1.0, sharex=measures == "choices") as (figure, _, _):
        figure.supxlabel(f"More sycophantic →  ({UNITS[measures]})")
    return figure
