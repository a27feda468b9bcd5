"""Gains in capability against changes in sycophancy: every training run of every model."""

from __future__ import annotations

from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.replication.slopes import RATES
from experiments.replication.verdicts import SYCOPHANCY
from figures import style
from printing.labels import TASKS, short
from printing.report import Report

SHAPES = ("o", "s", "D", "^", "v", "P", "X")
RUN = ["model", "adapter", "seed"]


def draw(report: Report) -> Figure:
    """A panel per sycophancy test: a mark per adapter and model, a dot per training run."""
    table = report.frame("replication_seeds")
    gains = table[table["kind"] == RATES].groupby(RUN)["value"].mean().rename("gain")
    moved = table[table["kind"] == SYCOPHANCY].join(gains, on=RUN).dropna(subset="gain")
    shapes = dict(zip(dict.fromkeys(table["model"]), cycle(SHAPES), strict=False))
    tests = list(dict.fromkeys(table.loc[table["kind"] == SYCOPHANCY, "task"]))
    columns = max(len(tests), 1)
    with style.panels(2.9, 1, columns, sharex=True) as (figure, axes):
        for panel, task in zip(axes[0], tests, strict=False):
            own = moved[moved["task"] == task]
            marks(panel, own, shapes)
            panel.axhline(0, **style.DASHED)
            style.reference(panel, 0)
            style.head(panel, TASKS[task], *own["unit"].unique()[:1])
            style.ticks(panel)
            panel.yaxis.set_major_formatter(lambda value, _: style.short(value))
        figure.supxlabel("Mean rate over benchmarks, beyond the control →")
        figure.supylabel("Sycophancy, beyond the control →")
        keys = legend(style.ordered(moved["adapter"]), shapes)
        look = {"ncols": 4, "frameon": False, "handletextpad": 0.2, "columnspacing": 1.2}
        figure.legend(handles=keys, loc="outside upper center", **look)
    return figure


def marks(panel: Axes, runs: pd.DataFrame, shapes: dict[str, str]) -> None:
    """Small dots for training runs, the adapter's colour; a mark of the model's shape for each."""
    for (model, adapter), own in runs.groupby(["model", "adapter"], sort=False):
        colour = style.look(adapter)["color"]
        panel.plot(own["gain"], own["value"], ".", color=colour, markersize=3, alpha=0.6)
        mean = own[["gain", "value"]].mean()
        edge = {"markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.4}
        panel.plot(*mean, shapes[model], color=colour, **edge)


def legend(adapters: list[str], shapes: dict[str, str]) -> list[Line2D]:
    """Colours are adapters, shapes are models."""
    dot = {"linestyle": "none", "markersize": 5}
    colours = [
        Line2D([], [], marker="o", color=style.look(one)["color"], label=style.name(one), **dot)
        for one in adapters
    ]
    return colours + [
        Line2D([], [], marker=shape, color=style.INK, label=short(model), **dot)
        for model, shape in shapes.items()
    ]
