"""The loss of every training step, and the held-out loss before and after."""

from __future__ import annotations

import json
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from printing.report import Report

COLUMNS = 4
LETTERS = 24  # of an adapter's name on one line
ALT = (
    "One small panel per adapter. A coloured line shows the loss of each training step over pale "
    "lines of the other adapters, and two points the held-out loss before and after training."
)


def draw(report: Report) -> Figure:
    """One panel per adapter, one line per training seed."""
    runs = losses(report)
    adapters = style.ordered(list(runs))
    lines = -(-len(adapters) // COLUMNS)
    with style.panels(0.4 + 1.15 * lines, lines, COLUMNS, sharex=True, sharey=True) as (
        figure,
        axes,
    ):
        for panel, adapter in zip(axes.flat, adapters, strict=False):
            for other in adapters:
                for run in runs[other]:
                    steps = range(1, len(run["loss"]) + 1)
                    panel.plot(steps, run["loss"], color="#dddddd", lw=0.6, zorder=1)
            for run in runs[adapter]:
                highlight(panel, adapter, run)
            style.head(panel, *textwrap.wrap(style.name(adapter), LETTERS), muted=False)
            style.ticks(panel)
        for panel in axes.flat[len(adapters) :]:
            panel.set_visible(False)
        axes[0, 0].set_ylim(bottom=0)
        figure.supxlabel(
            "Training step (line: training loss; markers: held-out loss before and after)",
        )
        figure.supylabel("Loss (nats per trained token)")
    return figure


def losses(report: Report) -> dict[str, list[dict]]:
    """The record of every training seed, by adapter of the table `training`."""
    runs = {}
    for adapter in report.frame("training")["adapter"].unique():
        record = json.loads((report.results / f"training/{adapter}.json").read_text("utf-8"))
        runs[adapter] = list(record["seeds"].values())
    return runs


def highlight(panel: Axes, adapter: str, run: dict) -> None:
    """The run's own line and its held-out losses."""
    appearance = style.look(adapter)
    steps = range(1, len(run["loss"]) + 1)
    panel.plot(steps, run["loss"], color=appearance["color"], zorder=2)
    panel.plot(
        [0, len(run["loss"])],
        [run["validation_loss_before"], run["validation_loss_after"]],
        linestyle="none",
        zorder=3,
        **appearance,
    )
