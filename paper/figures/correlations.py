"""Correlations of benchmark and sycophancy scores across adapters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from figures import style
from figures.outcomes import named
from printing.labels import TASKS
from printing.report import Report, show

SCALE = 0.38  # half the width of the small scale in a cell, in cells


def draw(report: Report) -> Figure:
    """A heat map with an interval in each cell."""
    table = report.frame("correlation_analysis").query("coefficient == 'pearson'")
    table = table.assign(
        column=[named((row.benchmark, row.x_measure)) for row in table.itertuples()],
        line=[named((row.sycophancy_dataset, row.y_measure)) for row in table.itertuples()],
        text=table.apply(printed, axis="columns"),
    )
    order = [table[name].map(list(TASKS).index) for name in ("benchmark", "sycophancy_dataset")]
    table = table.assign(x=order[0], y=order[1]).sort_values(["y", "x"])
    shape = {"index": "line", "columns": "column"}
    cells, texts = (
        table.pivot(**shape, values=name).loc[table["line"].unique(), table["column"].unique()]
        for name in ("correlation", "text")
    )
    if not np.isfinite(table["correlation"]).any():
        return style.words("Too few adapters: no correlation is defined.")
    with style.panels(0.85 + 0.78 * len(cells)) as (figure, axes):
        panel = axes[0, 0]
        # Twice the range of the numbers, so that dark text stays readable on every shade.
        colours = {"cmap": "PuOr_r", "vmin": -2, "vmax": 2, "cbar": False, "linewidths": 2}
        words = {"annot_kws": {"color": style.INK, "va": "bottom", "fontsize": 8}}
        sns.heatmap(cells, annot=texts, fmt="", ax=panel, **colours, **words)
        for row, column in np.argwhere(cells.isna().to_numpy()):
            panel.text(column + 0.5, row + 0.5, "undefined", ha="center", va="center")
        x, y = np.meshgrid(np.arange(len(cells.columns)) + 0.5, np.arange(len(cells)) + 0.78)
        scale(panel, x.ravel(), y.ravel(), table)
        panel.set_xticks(np.add.outer(x[0], [-SCALE, 0, SCALE]).ravel())
        panel.set_xticklabels([f"{style.MINUS}1", "0", "1"] * len(cells.columns), rotation=0)
        panel.tick_params(axis="y", length=0, rotation=0)
        panel.set(xlabel=f"Pearson's r over {table['n'].max():.0f} adapters", ylabel="")
        above = panel.secondary_xaxis("top")
        above.set_xticks(x[0], cells.columns)
        above.tick_params(length=0)
        above.spines["top"].set_visible(False)
    return figure


def printed(row: pd.Series) -> str:
    """A correlation over its interval."""
    low, high = (show(row[end], "+.2f") for end in ("low", "high"))
    bounds = f"\n[{low}, {high}]" if np.isfinite(row["low"]) else ""
    return f"{show(row['correlation'], '+.2f')}{bounds}"


def scale(panel, x: np.ndarray, y: np.ndarray, table: pd.DataFrame) -> None:
    """Each interval once more, on a line from minus one to one in its cell."""
    known = table["correlation"].notna().to_numpy()
    x, y, table = x[known], y[known], table[known]
    panel.hlines(y, x - SCALE, x + SCALE, color=style.MUTED, lw=0.6)
    panel.vlines(x, y - 0.06, y + 0.06, color=style.MUTED, lw=0.6)
    ends = (x + SCALE * table[end].to_numpy() for end in ("low", "high"))
    panel.hlines(y, *ends, color=style.INK, lw=2)
    panel.plot(x + SCALE * table["correlation"], y, "o", color=style.INK, ms=4.5)
