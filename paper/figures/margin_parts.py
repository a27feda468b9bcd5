"""What a raw margin is made of: the taking of a side, and the liking for a letter."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from printing.report import Report

PARTS = {
    "swap_average": ("Swap average", "More sycophantic →  (nats)"),
    "position": ("Position", "Likes A more →  (nats)"),
}


def draw(report: Report) -> Figure:
    """Every model that took the paired choices, easy and hard claims together."""
    table = report.frame("margins").query("split == 'all'").set_index("model")
    panels = [
        style.Panel(table[table["quantity"] == part], [title], band=True, label=label)
        for part, (title, label) in PARTS.items()
    ]
    with style.grid([panels], room=0.9) as (figure, _, _):
        return figure
