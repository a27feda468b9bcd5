"""What each adapter changes beyond its control in every model, and the mean over models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from printing.labels import TASKS, short
from printing.replication import of_kind, pooled
from printing.report import Report

MEAN = "mean of models"
GAP = 0.35  # rows between adapters
BEYOND = 0.4  # of the models' span, that a panel is wider on either side
Row = tuple[str, str, str]  # adapter, control, model or MEAN; the latter empty for its own line


def draw(report: Report) -> Figure:
    """A panel per primary outcome, a row per adapter and model, below them the mean if there is."""
    effects, means = of_kind(report), pooled(report)
    means = means[means["k"] > 1]
    listed = rows(effects, means)
    y = heights(listed)
    tests = list(effects[["task", "measure"]].drop_duplicates().itertuples(index=False))
    with style.panels(tall(y), 1, len(tests)) as (figure, axes):
        for panel, (task, measure) in zip(axes[0], tests, strict=True):
            own = _of(effects, task, measure)
            points(panel, own, listed, y)
            diamonds(panel, _of(means, task, measure), listed, y)
            style.reference(panel, 0)
            unit = own["unit"].dropna().unique()
            style.head(panel, TASKS[task], *unit[:1], style.sample(own["n"]))
            style.ticks(panel)
            limit(panel, own)
        name_rows(axes[0], listed, y)
        style.below(figure, "More sycophantic, beyond the control →", [effects])
    return figure


def rows(effects: pd.DataFrame, means: pd.DataFrame) -> list[Row]:
    """The rows from top to bottom: each adapter, its models by control, and their mean."""
    listed: list[Row] = []
    pooled = set(zip(means["adapter"], means["control"], strict=True))
    for adapter in style.ordered(effects["adapter"]):
        listed.append((adapter, "", ""))
        own = effects[effects["adapter"] == adapter]
        for control, part in own.groupby("control", sort=False):
            listed += [(adapter, control, model) for model in dict.fromkeys(part["model"])]
            listed += [(adapter, control, MEAN)] if (adapter, control) in pooled else []
    return listed


def names(listed: Sequence[Row]) -> list[str]:
    """What stands beside the rows; the kind of control where an adapter has several."""
    controls = {adapter: {c for a, c, _ in listed if a == adapter and c} for adapter, *_ in listed}
    return [
        short(model) + f", {control.rpartition('_')[2]}" * (len(controls[adapter]) > 1)
        if model
        else style.name(adapter)
        for adapter, control, model in listed
    ]


def heights(listed: Sequence[Row]) -> np.ndarray:
    """A row each, going down, with a gap above every adapter."""
    gaps = np.cumsum([GAP * (not model) for *_, model in listed])
    return -(np.arange(len(listed)) + gaps) if len(listed) else np.zeros(0)


def tall(y: np.ndarray) -> float:
    """The inches that a figure of these rows is high."""
    return 0.95 + 0.155 * (len(y) - y.min() / 9)


def name_rows(axes: Sequence[Axes], listed: Sequence[Row], y: np.ndarray) -> None:
    """Name the rows at the left of the first panel, adapters in bold."""
    style.rows(axes, names(listed), y)
    for name, (*_, model) in zip(axes[0].get_yticklabels(), listed, strict=True):
        name.set_fontweight("normal" if model else "bold")


def limit(panel: Axes, effects: pd.DataFrame) -> None:
    """Keep the panel to the models' own intervals, however wide those of means are."""
    ends = effects[["low", "high"]].to_numpy(float)
    if np.isfinite(ends).any():
        low, high = min(0.0, np.nanmin(ends)), max(0.0, np.nanmax(ends))
        panel.set_xlim(low - BEYOND * (high - low), high + BEYOND * (high - low))


def points(panel: Axes, effects: pd.DataFrame, listed: Sequence[Row], y: np.ndarray) -> None:
    """The models' own effects, in the adapter's colour and marker."""
    own = effects.set_index(["adapter", "control", "model"])
    places = [place for place, row in enumerate(listed) if row in own.index]
    table = own.loc[[listed[place] for place in places]].reset_index(["control", "model"])
    style.dots(panel, table, y[places])


def diamonds(panel: Axes, means: pd.DataFrame, listed: Sequence[Row], y: np.ndarray) -> None:
    """The means with a thick interval, and a thin one for the effect in one more model."""
    for row in means.itertuples():
        height = y[listed.index((row.adapter, row.control, MEAN))]
        panel.plot([row.predict_low, row.predict_high], [height] * 2, color=style.INK, lw=0.7)
        panel.plot([row.low, row.high], [height] * 2, color=style.INK, lw=2)
        panel.plot(row.estimate, height, "D", color=style.INK, markersize=5)


def _of(table: pd.DataFrame, task: str, measure: str) -> pd.DataFrame:
    return table[(table["task"] == task) & (table["measure"] == measure)]
