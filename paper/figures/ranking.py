"""Ranks of the adapters under five ways to weigh capability against sycophancy."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from printing.labels import SCHEMES
from printing.report import Report, show

ROOM = 1.8  # the width of a panel, in ranks: the axis and, right of it, a percentage


def draw(report: Report) -> Figure:
    """Ranks with the range over resamples; rows in the order of the middle scheme."""
    table = report.frame("rankings").drop(columns=["estimate", "low", "high"])
    table = table.rename(columns={"rank": "estimate", "rank_low": "low", "rank_high": "high"})
    ranks = {
        scheme: rows.set_index("model") for scheme, rows in table.groupby("scheme", sort=False)
    }
    middle = list(ranks.values())[len(ranks) // 2]
    models = list(middle.sort_values("estimate", kind="stable").index)
    panels = [style.Panel(rows, [], None, counted=False) for rows in ranks.values()]
    with style.grid([panels], models, room=0.95, row=0.2, grouped=False) as (figure, axes, y):
        right = len(models) * ROOM
        for panel, (scheme, rows) in zip(axes[0], ranks.items(), strict=True):
            panel.set_xlim(0, right)
            place = {"ha": "right", "fontsize": style.SMALL}
            for share, height in zip(rows["rank_share"].reindex(models), y, strict=True):
                panel.text(right, height, show(share, ".0%"), va="center", **place)
            panel.text(right, 0.8, "holds", va="bottom", color=style.MUTED, **place)
            words = f"{SCHEMES.get(scheme, scheme)} ".split(" ", 1)
            style.head(panel, *words, above=True, muted=False)
            panel.set_xticks(sorted({1, (len(models) + 1) // 2, len(models)}))
            panel.spines["bottom"].set_bounds(1, len(models))
        figure.supxlabel("Rank (1 is best)")
    return figure
