"""Correlations of benchmark and sycophancy scores across adapters."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.outcomes import heading
from printing.labels import TASKS
from printing.report import Report, show

SCALE = 0.38  # half the width of the small scale in a cell, in cells
ALT = (
    "A grid of cells, one row per sycophancy test and one column per benchmark. Each cell is "
    "shaded by the sign and size of the correlation, prints it with its interval, and draws the "
    "interval on a small scale from minus one to one."
)


def draw(report: Report, coefficient: str = "pearson") -> Figure:
    """`coefficient` is "pearson" or "spearman"."""
    table = report.frame("correlation_analysis").query("coefficient == @coefficient")
    names = list(TASKS)
    benchmarks = sorted(table["benchmark"].unique(), key=names.index)
    tests = sorted(table["sycophancy_dataset"].unique(), key=names.index)
    with style.panels(0.85 + 0.78 * len(tests)) as (figure, axes):
        panel = axes[0, 0]
        for row in table.itertuples():
            cell(panel, row, benchmarks.index(row.benchmark), -tests.index(row.sycophancy_dataset))
        panel.set(xlim=(-0.5, len(benchmarks) - 0.5), ylim=(0.5 - len(tests), 0.5))
        panel.set_yticks(
            -np.arange(len(tests)), named(table, "sycophancy_dataset", "y_measure", tests)
        )
        ends = np.add.outer(np.arange(len(benchmarks)), [-SCALE, 0, SCALE]).ravel()
        panel.set_xticks(ends, [f"{style.MINUS}1", "0", "1"] * len(benchmarks))
        panel.tick_params(axis="y", length=0)
        panel.spines[["left", "bottom"]].set_visible(False)
        above = panel.secondary_xaxis("top")
        above.set_xticks(range(len(benchmarks)), named(table, "benchmark", "x_measure", benchmarks))
        above.tick_params(length=0)
        above.spines["top"].set_visible(False)
        kind = {"pearson": "Pearson's r", "spearman": "Spearman's ρ"}[coefficient]
        panel.set_xlabel(f"{kind} over {table['n'].max():.0f} adapters")
    return figure


def named(table: pd.DataFrame, task: str, measure: str, names: list[str]) -> list[str]:
    """Each test's name over that of its measure; `task` and `measure` are columns of `table`."""
    measures = table.drop_duplicates(task).set_index(task)[measure]
    return ["\n".join(heading((name, measures[name]))) for name in names]


def cell(panel: Axes, row: pd.Series, x: int, y: int) -> None:
    """One correlation: shade, number, and interval on a scale from -1 to 1."""
    defined = np.isfinite(row.correlation)
    colours = mpl.colormaps["PuOr_r"]
    # Half of the map's range: dark text stays readable on every shade.
    shade = colours(0.5 + row.correlation / 4) if defined else "white"
    panel.fill_between([x - 0.49, x + 0.49], y - 0.48, y + 0.48, color=shade, lw=0)
    text = show(row.correlation, "+.2f") if defined else "undefined"
    panel.text(x, y + 0.25, text, ha="center", va="center", fontsize=10 if defined else 8)
    if not defined:
        return
    panel.plot([x - SCALE, x + SCALE], [y - 0.28] * 2, color=style.MUTED, lw=0.6)
    panel.plot([x, x], [y - 0.34, y - 0.22], color=style.MUTED, lw=0.6)
    if np.isfinite(row.low) and np.isfinite(row.high):
        bounds = f"[{show(row.low, '+.2f')}, {show(row.high, '+.2f')}]"
        panel.text(x, y - 0.03, bounds, ha="center", va="center", fontsize=style.SMALL)
        panel.plot(x + SCALE * np.array([row.low, row.high]), [y - 0.28] * 2, color=style.INK, lw=2)
    panel.plot(x + SCALE * row.correlation, y - 0.28, "o", color=style.INK, ms=4.5)
