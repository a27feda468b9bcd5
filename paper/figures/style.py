"""What all figures share: sizes, fonts, and panels of rows of points with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.stats.contrasts import FEW_SEEDS, NO_CONTROL, NOT_READABLE, OK
from printing.labels import COLOURS, MARKERS, MODELS, OPEN

WIDTH = 6.3  # inches: the text column of the PDF
INK, MUTED, PALE, BAND = "#262626", "#5f5f5f", "#f1f1ef", "#dcdcdc"
STYLE = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper", font_scale=5 / 6),  # eight points
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
    "axes.facecolor": "none",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "xtick.major.size": 3.5,
    "lines.markersize": 4.5,
    "figure.labelsize": 8,
    "figure.dpi": 96,  # texts are measured in dots, and renderers set other numbers of them
}
SMALL = STYLE["xtick.labelsize"]
DASHED = {"color": MUTED, "lw": 0.8, "ls": (0, (3, 2)), "zorder": 1}
HALO = [withStroke(linewidth=2, foreground="white")]
GROUPS = (
    ("base",),
    (
        *("gsm8k", "mmlu", "hellaswag"),
        *("truthfulqa", "truthfulqa_three_passes", "truthfulqa_six_passes"),
        "combined",
    ),
    ("anti_sycophancy", "anti_sycophancy_three_passes", "truthfulqa_source_order"),
    ("paired_sft", "paired_lora", "paired_sft_fixed_order", "paired_lora_fixed_order"),
)
GROUP_GAP = 0.45  # rows
ONCE = {"ls": (0, (1.2, 1)), "lw": 1}
ONCE_SAID = "dotted: trained once, no verdict"
MINUS = "−"

# Read when a figure is written, long after it is drawn: ids in the SVG that never change.
mpl.rcParams["svg.hashsalt"] = "figures"


@dataclass(frozen=True)
class Panel:
    """One panel with a row per model: points and intervals about a dashed line.

    `table` has estimate, low, high and n by model; `line` is where the dashed line stands, if there
    is one, and `said` its name; `band` draws the base model's interval behind all rows.
    """

    table: pd.DataFrame
    head: Sequence[str]
    line: float | None = 0
    said: str = ""
    band: bool = False
    label: str = ""
    counted: bool = True  # n stands below the head


@contextmanager
def grid(
    lines: Sequence[Sequence[Panel]],
    models: Sequence[str] = (),
    *,
    room: float,
    row: float = 0.19,
    least: float = 0.0,
    **options: object,
) -> Iterator[tuple[Figure, np.ndarray, np.ndarray]]:
    """A figure of panels which share their rows: figure, axes and the heights of the rows.

    A line of panels is `room` inches and `row` for each model high, and at least `least`. `models`
    are all that have a cell in any panel, unless given; groups of them stand apart.
    """
    shown = [panel for line in lines for panel in line]
    models = models or ordered(model for panel in shown for model in panel.table.index)
    y = heights(models)
    above = any(panel.said for panel in shown)
    height, columns = len(lines) * max(room + row * len(models), least), max(map(len, lines))
    with panels(height, len(lines), columns, **options) as (figure, axes):
        for across, line in zip(axes, lines, strict=True):
            for panel, one in zip(across, line, strict=False):
                table = one.table.reindex(models)
                dots(panel, table, y)
                if one.line is not None:
                    reference(panel, one.line, one.said)
                if one.band:
                    base_band(panel, table)
                n = [sample(table["n"])] if one.counted else []
                head(panel, *one.head, *n, above=above)
                ticks(panel)
                panel.set_xlabel(one.label)
            for panel in across[len(line) :]:
                panel.set_visible(False)
            rows(across[: len(line)], models, y)
        yield figure, axes, y


@contextmanager
def panels(height: float, rows: int = 1, columns: int = 1, **options: object) -> Iterator[tuple]:
    """A figure of the column's width and its axes (rows × columns, always an array).

    Other options are those of `plt.subplots`. The figure is closed for pyplot afterwards, so that a
    cell shows it once; it can still be drawn and saved.
    """
    with mpl.rc_context(STYLE):
        shape = {"figsize": (WIDTH, height), "layout": "constrained", "squeeze": False}
        figure, axes = plt.subplots(rows, columns, **shape, **options)
        try:
            yield figure, axes
            settle(figure)
        finally:
            plt.close(figure)


def words(text: str) -> Figure:
    """A line in the place of a figure that has nothing to show."""
    with panels(0.4) as (figure, axes):
        axes[0, 0].text(0.5, 0.5, text, ha="center", va="center")
        axes[0, 0].set_axis_off()
    return figure


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


def ordered(models: Iterable[str]) -> list[str]:
    """The models in the order of labels.py, unknown ones last."""
    present = list(dict.fromkeys(models))
    return [model for model in MODELS if model in present] + [
        model for model in present if model not in MODELS
    ]


def cells(
    frame: pd.DataFrame,
    task: str,
    measure: str,
    models: Sequence[str] | None = None,
    against: str = "",
) -> pd.DataFrame:
    """Rows of one measure, by model; models without such a row are NaN.

    `against` picks one comparison of contrasts; adapters without that comparison are left out.
    """
    chosen = frame[(frame["task"] == task) & (frame["measure"] == measure)].set_index("model")
    if against:
        chosen = chosen[(chosen["against"] == against) & (chosen["status"] != NO_CONTROL)]
    return chosen if models is None else chosen.reindex(models)


def heights(models: Sequence[str]) -> np.ndarray:
    """A row for each model, going down, with a gap between groups of models."""
    group = {model: number for number, names in enumerate(GROUPS) for model in names}
    kin = [model.removesuffix("_shuffled").removesuffix("_own") for model in models]
    numbers = [group.get(model, len(GROUPS)) for model in kin]
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


def dots(axes: Axes, table: pd.DataFrame, y: Sequence[float]) -> None:
    """One point and interval (estimate, low, high, n) per row of `table`, indexed by model.

    A missing interval leaves the point alone; a missing estimate, or replies that cannot be read
    (`status` of contrasts), are said in words. The interval of adapters trained once is dashed.
    """
    for row, height in zip(table.itertuples(), y, strict=True):
        status = getattr(row, "status", OK)
        if not np.isfinite(row.estimate) or status == NOT_READABLE:
            said = "not tested" if np.isnan(row.n) else "no items"
            remark(axes, height, NOT_READABLE if status == NOT_READABLE else said)
            continue
        appearance = look(row.Index)
        span = {"color": appearance["color"], "lw": STYLE["lines.linewidth"], "zorder": 2}
        span |= ONCE if status in FEW_SEEDS else {}
        axes.plot([row.low, row.high], [height] * 2, **span)
        # not clipped: a share of 0 or 1 lies on the edge of its panel
        axes.plot(row.estimate, height, linestyle="none", zorder=3, clip_on=False, **appearance)


def remark(axes: Axes, height: float, text: str) -> None:
    """Words in the place of a point, at the left of its row."""
    place = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": SMALL}
    axes.text(0.03, height, text, color=MUTED, path_effects=HALO, **place)


def reference(axes: Axes, value: float, label: str = "") -> None:
    """A dashed vertical line, named above the panel."""
    axes.axvline(value, **DASHED)
    place = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
    if label:
        axes.text(value, 1, label, color=MUTED, fontsize=SMALL, **place)


def head(axes: Axes, *lines: str, above: bool = False) -> None:
    """What the panel shows, line by line; `above` leaves room for the name of a reference line.

    The lines after the first are grey. Text objects of one line each stand on the same height
    in all panels, which a title of several lines does not.
    """
    for number, line in enumerate(reversed(lines)):
        colour = MUTED if number < len(lines) - 1 else INK
        beside(axes, line, (0, 1), (0, (14 if above else 4) + 10.5 * number), color=colour)


def beside(
    axes: Axes, text: str, point: tuple[float, float], points: tuple[float, float], **look: object
) -> None:
    """A text some points away from a place of the panel, in fractions of it."""
    options = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 8} | look
    axes.annotate(text, point, points, **options)


def below(figure: Figure, text: str, tables: Iterable[pd.DataFrame]) -> None:
    """Name the axis that all panels share, and say what dotted means if an interval is."""
    once = any(table["status"].isin(FEW_SEEDS).any() for table in tables)
    figure.supxlabel(f"{text}   ({ONCE_SAID})" if once else text)


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
    if "base" not in table.index:
        return
    low, high = table.loc["base", ["low", "high"]].astype(float)
    if np.isfinite(low) and np.isfinite(high):
        axes.axvspan(low, high, color=BAND, lw=0, zorder=0.5)
