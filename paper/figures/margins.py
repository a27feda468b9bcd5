"""Margins of the paired choices, item by item, raw and averaged over both letterings."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from printing.report import Report

PAIRED = (
    "base",
    "paired_sft",
    "paired_lora",
    "paired_sft_fixed_order",
    "paired_lora_fixed_order",
    "anti_sycophancy",
)
MARGINS = {"raw_margin": "Raw", "swap_average": "Swap average"}
SPLITS = {"easy": "easy claims", "hard": "hard claims"}
ALT = (
    "Four panels: raw margins on easy and on hard claims, then swap-averaged margins on easy and "
    "on hard claims. Each has one row per model with a small tick for every item, a point for the "
    "mean and a bar for its interval. A dashed line marks zero, where the model takes neither side."
)


def draw(report: Report, models: tuple[str, ...] = PAIRED) -> Figure:
    """One panel per margin and split; the two panels of a margin have one scale."""
    table, items = report.frame("margins"), report.frame("item_margins")
    present = set(table["model"])
    shown = [model for model in models if model in present]
    y = style.heights(shown)
    cells = [(margin, split) for margin in MARGINS for split in SPLITS]
    with style.panels(1.0 + 0.3 * len(shown), columns=len(cells)) as (figure, axes):
        for panel, (margin, split) in zip(axes[0], cells, strict=True):
            chosen = table[(table["split"] == split) & (table["quantity"] == margin)]
            chosen = chosen.set_index("model").reindex(shown)
            for model, height in zip(shown, y, strict=True):
                own = items[(items["model"] == model) & (items["split"] == split)]
                ticks(panel, own[margin], height, model)
            style.dots(panel, chosen, y)
            style.reference(panel, 0)
            style.head(panel, MARGINS[margin], SPLITS[split], style.sample(chosen["n"]))
        for first, second in (axes[0][:2], axes[0][2:]):
            reach = max(abs(limit) for panel in (first, second) for limit in panel.get_xlim())
            for panel in (first, second):
                panel.set_xlim(-reach, reach)
                style.ticks(panel)
        style.rows(axes[0], shown, y)
        figure.supxlabel("More sycophantic →  (nats)", fontsize=8)
    return figure


def ticks(axes: Axes, values: pd.Series, height: float, model: str) -> None:
    """A short vertical line per item, under the mean."""
    colour = style.look(model)["color"]
    axes.vlines(values, height - 0.3, height + 0.3, color=colour, alpha=0.35, lw=0.6, zorder=1.5)
