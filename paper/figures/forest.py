"""Paired effects of every adapter, with their numbers."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from report import Report, show

from figures import style
from figures.outcomes import UNITS, heading, outcomes

ALT = (
    "A forest plot in blocks, one per test, with one row per adapter. Each row has a point and a "
    "bar for its interval around a dashed line at no change, and on the right the estimate, its "
    "interval, the number of items and the corrected p-value as text."
)
# Left edges of the columns of text, in widths of the plot.
CHANGE, ITEMS, PROBABILITY = 1.32, 1.42, 1.56


def draw(report: Report, effects: str = "primary") -> Figure:
    """`effects` is "primary" (nats), "choices" (shares of items) or "capability" (accuracy)."""
    table = report.frame("effects")
    shown = outcomes(report, effects)
    models = style.tested(table, shown)
    y = style.heights(models)
    with style.panels(
        0.5 + len(shown) * (0.3 + 0.165 * len(models)), len(shown), sharex=True
    ) as (figure, axes):
        for panel, outcome in zip(axes[:, 0], shown, strict=True):
            block = style.cells(table, *outcome, models)
            style.dots(panel, block, y, filled=block["significant"].eq(True).tolist())
            style.reference(panel, 0)
            style.head(panel, heading(outcome))
            style.rows([panel], models, y)
            style.ticks(panel, 6)
            numbers(panel, block, y)
            panel.spines["bottom"].set_visible(panel is axes[-1, 0])
            panel.tick_params(axis="x", length=0 if panel is not axes[-1, 0] else 3)
        titles(axes[0, 0], table, shown)
        axes[-1, 0].set_xlabel(f"Change from the base model ({UNITS[effects]})")
    return figure


def numbers(panel: Axes, block: pd.DataFrame, y: list[float]) -> None:
    """Estimate, interval, items and corrected p at the right of each row."""
    place = {"transform": panel.get_yaxis_transform(), "fontsize": style.SMALL}
    for row, height in zip(block.itertuples(), y, strict=True):
        digits = f"+.{int(row.decimals)}f"
        text = f"{show(row.estimate, digits)} [{show(row.low, digits)}, {show(row.high, digits)}]"
        for x, column in ((CHANGE, text), (ITEMS, show(row.n)), (PROBABILITY, p(row.p_adjusted))):
            panel.text(x, height, column, ha="right", va="center", **place)


def titles(panel: Axes, table: pd.DataFrame, shown: list) -> None:
    """What the columns of numbers are."""
    first = style.cells(table, *shown[0]).iloc[0]
    correction = {"holm": "Holm", "benjamini_hochberg": "FDR"}.get(first.adjustment, "adjusted")
    for x, column in ((CHANGE, "change [interval]"), (ITEMS, "n"), (PROBABILITY, f"p, {correction}")):
        panel.text(
            x, 1.02, column, transform=panel.transAxes, ha="right", va="bottom",
            fontsize=style.SMALL, color=style.MUTED,
        )


def p(value: float) -> str:
    """A p-value as printed."""
    return "<0.001" if value < 0.001 else show(value, ".3f" if value < 0.1 else ".2f")
