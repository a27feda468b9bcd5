"""Ranks of the adapters under five ways to weigh capability against sycophancy."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from figures import style
from printing.labels import SCHEMES
from printing.report import Report, show

ROOM = 1.8  # the width of a panel, in ranks: the axis and, right of it, a percentage
ALT = (
    "One panel per weighting scheme, with one row per adapter, sorted by the balanced scheme. A "
    "point gives the rank, a bar the range of ranks over resamples, and a percentage at the right "
    "the share of resamples in which the rank is the same."
)


def draw(report: Report) -> Figure:
    """Ranks with the range over resamples; rows in the order of the middle scheme."""
    table = report.frame("rankings").rename(
        columns={"estimate": "score", "low": "score_low", "high": "score_high"}
    )
    table = table.rename(columns={"rank": "estimate", "rank_low": "low", "rank_high": "high"})
    schemes = list(dict.fromkeys(table["scheme"]))
    middle = table[table["scheme"] == schemes[len(schemes) // 2]]
    models = list(middle.sort_values("estimate", kind="stable")["model"])
    y = -np.arange(len(models), dtype=float)
    with style.panels(0.95 + 0.2 * len(models), columns=len(schemes)) as (figure, axes):
        for panel, scheme in zip(axes[0], schemes, strict=True):
            ranks = table[table["scheme"] == scheme].set_index("model").loc[models]
            style.dots(panel, ranks, y)
            right = len(models) * ROOM
            panel.set_xlim(0, right)
            for share, height in zip(ranks["rank_share"], y, strict=True):
                panel.text(
                    right,
                    height,
                    show(share, ".0%"),
                    ha="right",
                    va="center",
                    fontsize=style.SMALL,
                )
            panel.text(
                right,
                0.8,
                "holds",
                ha="right",
                va="bottom",
                color=style.MUTED,
                fontsize=style.SMALL,
            )
            style.head(
                panel, *f"{SCHEMES.get(scheme, scheme)} ".split(" ", 1), above=True, muted=False
            )
            panel.set_xticks(sorted({1, (len(models) + 1) // 2, len(models)}))
            panel.spines["bottom"].set_bounds(1, len(models))
        style.rows(axes[0], models, y)
        figure.supxlabel("Rank (1 is best)")
    return figure
