"""Paired effects of every adapter, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.outcomes import UNITS, heading, outcomes
from printing.report import Report, show

CORRECTIONS = {"holm": "Holm", "benjamini_hochberg": "FDR"}
MOST_DECIMALS = 2  # as in the tables
# Right edges of the columns of text, in points from the right edge of the plot.
CHANGE, ITEMS, PROBABILITY = 105, 130, 172


def draw(report: Report, effects: str = "primary") -> Figure:
    """`effects` is "primary" (nats), "choices" (shares of items) or "capability" (accuracy).

    Shares have one scale; shifts in nats, which differ much in size between tests, one per test.
    """
    table = report.frame("effects")
    shown = outcomes(report, effects)
    models = [style.tested(table, [outcome]) for outcome in shown]
    shared = effects != "primary"
    sizes = [(0.3 if shared else 0.5) + 0.165 * len(names) for names in models]
    with style.panels(0.5 + sum(sizes), len(shown), sharex=shared, height_ratios=sizes) as (
        figure,
        axes,
    ):
        figure.get_layout_engine().set(hspace=0.04)
        for panel, outcome, names in zip(axes[:, 0], shown, models, strict=True):
            block, y = style.cells(table, *outcome, names), style.heights(names)
            style.dots(panel, block, y, strong=significant(block))
            style.reference(panel, 0)
            style.head(panel, ": ".join(heading(outcome)).replace("?:", "?"))
            style.rows([panel], names, y)
            style.ticks(panel, 6)
            numbers(panel, block, y)
            if shared and panel is not axes[-1, 0]:
                panel.spines["bottom"].set_visible(False)
                panel.tick_params(axis="x", length=0)
        titles(axes[0, 0], style.cells(table, *shown[0])["adjustment"].iloc[0])
        axes[-1, 0].set_xlabel(f"Change from the base model ({UNITS[effects]})")
    return figure


def significant(block: pd.DataFrame) -> list[bool]:
    """Which rows are significant after the correction."""
    return block["significant"].eq(True).tolist()


def numbers(panel: Axes, block: pd.DataFrame, y: Sequence[float]) -> None:
    """Estimate, interval, items and corrected p at the right of each row."""
    digits = f"+.{min(block['decimals'].min(), MOST_DECIMALS):.0f}f"
    place = {"xycoords": panel.get_yaxis_transform(), "ha": "right", "va": "center"}
    for row, height, bold in zip(block.itertuples(), y, significant(block), strict=True):
        change = f"{show(row.estimate, digits)} [{show(row.low, digits)}, {show(row.high, digits)}]"
        columns = {CHANGE: change, ITEMS: show(row.n), PROBABILITY: probability(row.p_adjusted)}
        look = place | {"fontsize": style.SMALL, "fontweight": "bold" if bold else "normal"}
        for x, text in columns.items():
            style.beside(panel, text, (1, height), (x, 0), **look)


def titles(panel: Axes, adjustment: str) -> None:
    """What the columns of numbers are."""
    correction = CORRECTIONS.get(adjustment, "adjusted")
    columns = {CHANGE: "change [interval]", ITEMS: "n", PROBABILITY: f"p ({correction})"}
    look = {"ha": "right", "fontsize": style.SMALL, "color": style.MUTED}
    for x, text in columns.items():
        style.beside(panel, text, (1, 1), (x, 4), **look)


def probability(p: float) -> str:
    """A p-value as printed."""
    return "<0.001" if p < 0.001 else show(p, ".3f" if p < 0.1 else ".2f")
