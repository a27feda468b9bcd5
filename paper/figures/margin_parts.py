"""What a raw margin is made of: the taking of a side, and the liking for a letter."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from printing.report import Report

PARTS = {
    "swap_average": ("Swap average", "More sycophantic →  (nats)"),
    "position": ("Position", "Likes A more →  (nats)"),
}
ALT = (
    "Two panels with one row per model: the mean swap-averaged margin and the mean position "
    "component, each a point with a bar for its interval. Dashed lines mark zero, and a grey band "
    "the interval of the base model."
)


def draw(report: Report) -> Figure:
    """Every model that took the paired choices, easy and hard claims together."""
    table = report.frame("margins")
    table = table[table["split"] == "all"]
    models = style.ordered(table["model"])
    y = style.heights(models)
    with style.panels(0.9 + 0.19 * len(models), columns=len(PARTS)) as (figure, axes):
        for panel, (quantity, (title, label)) in zip(axes[0], PARTS.items(), strict=True):
            chosen = table[table["quantity"] == quantity].set_index("model").reindex(models)
            style.base_band(panel, chosen)
            style.dots(panel, chosen, y)
            style.reference(panel, 0)
            style.head(panel, title, style.sample(chosen["n"]))
            style.ticks(panel)
            panel.set_xlabel(label)
        style.rows(axes[0], models, y)
    return figure
