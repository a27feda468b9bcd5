"""What all figures share: sizes, fonts, and rows of points with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from printing.labels import COLOURS, MARKERS, MODELS, OPEN

WIDTH = 6.3  # inches: the text column of the PDF
SMALL = 7.5  # points
INK, MUTED, PALE = "#262626", "#5f5f5f", "#f1f1ef"
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "figure.labelsize": 8,
    "figure.facecolor": "white",  # a white card on dark pages
    "axes.facecolor": "none",
}
GROUPS = (
    ("base",),
    ("gsm8k", "mmlu", "hellaswag", "truthfulqa", "combined"),
    ("truthfulqa_source_order", "format_control"),
    ("anti_sycophancy", "paired_sft", "paired_lora"),
    ("paired_sft_fixed_order", "paired_lora_fixed_order"),
)
GROUP_GAP = 0.45  # rows
MINUS = "−"

# Read when a figure is written, long after it is drawn: ids in the SVG that never change.
mpl.rcParams["svg.hashsalt"] = "figures"


@contextmanager
def panels(height: float, rows: int = 1, columns: int = 1, **options: object) -> Iterator[tuple]:
    """A figure of the column's width and its axes (rows × columns, always an array).

    Other options are those of `plt.subplots`. The figure is closed for pyplot afterwards, so that a
    cell shows it once; it can still be drawn and saved.
    """
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows,
            columns,
            figsize=(WIDTH, height),
            layout="constrained",
            squeeze=False,
            **options,
        )
        try:
            yield figure, axes
            settle(figure)
        finally:
            plt.close(figure)


def settle(figure: Figure) -> None:
    """Fix the layout, and with it the ticks, while the style holds.

    Else every draw would move it a little, and the file depend on how often it was drawn before.
    """
    for _ in range(2):
        figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")


def look(model: str) -> dict[str, object]:
    """Colour and marker of a model; one that labels.py does not know is a grey dot."""
    colour = COLOURS.get(model, MUTED)
    return {
        "color": colour,
        "marker": MARKERS.get(model, "o"),
        "markerfacecolor": "white" if model in OPEN else colour,
        "markeredgecolor": colour,
        "markeredgewidth": 1.1 if model in OPEN else 0.4,
        "markersize": 6.5 if MARKERS.get(model) == "*" else STYLE["lines.markersize"],
    }


def name(model: str) -> str:
    """The model's printed name."""
    return MODELS.get(model, model.replace("_", " "))


def ordered(models: Sequence[str]) -> list[str]:
    """The models in the order of labels.py, unknown ones last."""
    present = list(dict.fromkeys(models))
    return [model for model in MODELS if model in present] + [
        model for model in present if model not in MODELS
    ]


def cells(
    frame: pd.DataFrame, task: str, measure: str, models: Sequence[str] | None = None
) -> pd.DataFrame:
    """Rows of one measure, by model; models without such a row are NaN."""
    chosen = frame[(frame["task"] == task) & (frame["measure"] == measure)].set_index("model")
    return chosen if models is None else chosen.reindex(models)


def tested(frame: pd.DataFrame, measures: Sequence[tuple[str, str]]) -> list[str]:
    """Models with a row for any of these (task, measure), in order."""
    return ordered([model for one in measures for model in cells(frame, *one).index])


def heights(models: Sequence[str]) -> np.ndarray:
    """A row for each model, going down, with a gap between groups of models."""
    group = {model: number for number, names in enumerate(GROUPS) for model in names}
    numbers = [group.get(model, len(GROUPS)) for model in models]
    gaps = np.cumsum([0, *(GROUP_GAP * (a != b) for a, b in pairwise(numbers))])
    return -(np.arange(len(models)) + gaps[: len(models)])


def rows(axes: Sequence[Axes], models: Sequence[str], y: np.ndarray) -> None:
    """Name the rows at the left of the first panel and shade every second one in all of them."""
    for number, panel in enumerate(axes):
        for row in y[::2]:
            panel.axhspan(row - 0.5, row + 0.5, color=PALE, lw=0, zorder=0)
        panel.set_ylim(y.min() - 0.7, y.max() + 0.7)
        panel.set_yticks(y, [name(model) for model in models] if number == 0 else [])
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)


def dots(
    axes: Axes, table: pd.DataFrame, y: Sequence[float], *, strong: Sequence[bool] | None = None
) -> None:
    """One point and interval (estimate, low, high, n) per row of `table`, indexed by model.

    A missing interval leaves the point alone; a missing estimate is said in words. Rows marked in
    `strong` have a thicker interval.
    """
    for number, (row, height) in enumerate(zip(table.itertuples(), y, strict=True)):
        if not np.isfinite(row.estimate):
            axes.text(
                0.03,
                height,
                "not tested" if np.isnan(row.n) else "no items",
                transform=axes.get_yaxis_transform(),
                color=MUTED,
                va="center",
                fontsize=SMALL,
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )
            continue
        appearance = look(row.Index)
        width = 2.4 if strong is not None and strong[number] else STYLE["lines.linewidth"]
        if np.isfinite(row.low) and np.isfinite(row.high):
            axes.plot(
                [row.low, row.high], [height] * 2, color=appearance["color"], lw=width, zorder=2
            )
        # not clipped: a share of 0 or 1 lies on the edge of its panel
        axes.plot(row.estimate, height, linestyle="none", zorder=3, clip_on=False, **appearance)


def reference(axes: Axes, value: float, label: str = "") -> None:
    """A dashed vertical line, named above the panel."""
    axes.axvline(value, color=MUTED, lw=0.8, ls=(0, (3, 2)), zorder=1)
    if label:
        axes.text(
            value,
            1.0,
            label,
            transform=axes.get_xaxis_transform(),
            color=MUTED,
            fontsize=SMALL,
            ha="center",
            va="bottom",
        )


def head(axes: Axes, *lines: str, above: bool = False, muted: bool = True) -> None:
    """What the panel shows, line by line; `above` leaves room for the name of a reference line.

    `muted` greys the lines after the first. Text objects of one line each stand on the same height
    in all panels, which a title of several lines does not.
    """
    for number, line in enumerate(reversed(lines)):
        axes.annotate(
            line,
            (0, 1),
            (0, (14 if above else 4) + 10.5 * number),
            xycoords="axes fraction",
            textcoords="offset points",
            color=MUTED if muted and number < len(lines) - 1 else INK,
            fontsize=8,
        )


def sample(n: pd.Series) -> str:
    """As printed: "n = 40", or "n = 12–25" where models differ."""
    known = n.dropna().astype(int)
    if known.empty:
        return "n = 0"
    low, high = known.min(), known.max()
    return f"n = {low}" if low == high else f"n = {low}–{high}"


def ticks(axes: Axes, count: int = 3) -> None:
    """At most `count` intervals between ticks, at round numbers, with a real minus sign."""
    axes.xaxis.set_major_locator(MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def short(value: float) -> str:
    """A number on an axis: "0.5", "−2", "0"."""
    return f"{value:.4g}".replace("-", MINUS) if abs(value) > 1e-9 else "0"


def base_band(axes: Axes, table: pd.DataFrame) -> None:
    """The base model's interval as a band behind all rows."""
    low, high = table.loc["base", ["low", "high"]].astype(float)
    if np.isfinite(low) and np.isfinite(high):
        axes.axvspan(low, high, color="#dcdcdc", lw=0, zorder=0.5)
