"""Margins of the paired choices, item by item, raw and averaged over both letterings."""

from __future__ import annotations

import seaborn as sns
from matplotlib.figure import Figure

from figures import style
from printing.labels import COLOURS
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
SPLITS = ("easy", "hard")
TICKS = {"marker": "|", "s": 12, "alpha": 0.35, "linewidth": 0.6, "jitter": False}


def draw(report: Report) -> Figure:
    """One panel per margin and split; the two panels of a margin have one scale."""
    table, items = report.frame("margins"), report.frame("item_margins")
    models = [model for model in PAIRED if model in set(table["model"])]
    table = table.set_index("model")
    cells = [(margin, split) for margin in MARGINS for split in SPLITS]
    panels = [
        style.Panel(
            table[(table["split"] == split) & (table["quantity"] == margin)],
            [MARGINS[margin], f"{split} claims"],
        )
        for margin, split in cells
    ]
    with style.grid([panels], models, room=1.0, row=0.3) as (figure, axes, y):
        row = dict(zip(models, y, strict=True))
        items = items.assign(row=items["model"].map(row)).dropna(subset="row")
        for panel, (margin, split) in zip(axes[0], cells, strict=True):
            own = items[items["split"] == split]
            values = {"x": own[margin], "y": own["row"], "hue": own["model"], "palette": COLOURS}
            axis = {"ax": panel, "orient": "h", "native_scale": True, "legend": False}
            sns.stripplot(**values, **axis, **TICKS)
            panel.set(xlabel="", ylabel="")
        for pair in (axes[0][:2], axes[0][2:]):
            reach = max(abs(limit) for panel in pair for limit in panel.get_xlim())
            for panel in pair:
                panel.set_xlim(-reach, reach)
        style.rows(axes[0], models, y)
        figure.supxlabel("More sycophantic →  (nats)")
    return figure
