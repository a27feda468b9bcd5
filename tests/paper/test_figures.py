"""Every figure is drawn on small random tables, and looked at as a careful reader would."""

from __future__ import annotations

import importlib
import io
import re
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments import params
from experiments.errors import RenderError
from experiments.params import BENCHMARKS, SYCOPHANCY_TESTS
from figures import outcomes, style
from printing.labels import COLOURS, MARKERS, MODELS, OPEN
from printing.report import Report
from tests.paper.made import write
from tests.working_copy import copy_parameters

mpl.use("Agg")
ROOT = Path(__file__).resolve().parents[2]


FIGURES = [
    "artefact",
    "benchmark_performance",
    "correlations",
    "forest",
    "sycophancy",
    "tradeoff",
    "reported_correlations",
]
SMALLEST_TEXT = 7  # points
LETTERED = ("accuracy", "accuracy_source_order", "chose_first_letter")
UNKNOWN = "my_own_adapter"  # an adapter that labels.py has no name for
ONLY_PAIRED = ("paired_sft_fixed_order", "paired_lora_fixed_order")
PARTLY = "truthfulqa_shuffled"  # takes neither GSM8K nor HellaSwag
UNREAD = "mmlu"  # its second turns hold no letter
ADAPTERS = [name for name in MODELS if name != "base" and name not in ONLY_PAIRED] + [UNKNOWN]
generator = np.random.default_rng(7)


def interval(scale: float, centre: float = 0.0) -> dict[str, float]:
    """A random estimate and its interval."""
    estimate = centre + scale * generator.normal()
    half = scale * generator.uniform(0.5, 2)
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half}


def measures() -> dict[tuple[str, str], tuple[float, str]]:
    """The scale and unit of every outcome that a figure shows."""
    analyze = params.load(ROOT / "params.yaml").analyze
    rates = [
        *((task, analyze.headline[task]) for task in BENCHMARKS),
        *((task, name) for task in ("mmlu", "truthfulqa") for name in LETTERED),
    ]
    nats = [(task, analyze.continuous[task]) for task in BENCHMARKS]
    tests = [
        (one.task, name) for one in analyze.primary for name in (one.measure, *outcomes.HALVES)
    ]
    units = dict.fromkeys(nats, (2.0, "nats per token")) | dict.fromkeys(rates, (0.1, "rate"))
    return units | dict.fromkeys(tests, (0.1, "difference of rates"))


def contrasts() -> pd.DataFrame:
    """A row per model, measure and comparison: some without interval, control or letter."""
    rows = []
    for (task, measure), (scale, unit) in measures().items():
        for model in ["base", *ADAPTERS]:
            if model == PARTLY and task in ("gsm8k", "hellaswag"):
                continue
            for against in ("nothing", *(("base", "control") if model != "base" else ())):
                row = {"model": model, "task": task, "measure": measure, "against": against}
                row |= {"n": 40, "unit": unit, "status": "ok", **interval(scale)}
                if against == "control" and model.endswith(("_shuffled", "_order")):
                    row |= dict.fromkeys(("estimate", "low", "high"), np.nan)
                    row["status"] = "no control"
                elif model == "gsm8k":
                    row |= {"low": np.nan, "high": np.nan, "status": "no interval"}
                elif model == UNREAD and task == "are_you_sure":
                    row |= {"low": np.nan, "high": np.nan, "status": "not readable"}
                elif model == "combined":
                    row["status"] = "one training seed"
                rows.append(row)
    return pd.DataFrame(rows)


def tables() -> dict[str, pd.DataFrame]:
    """What the figures read, made up."""
    analyze = params.load(ROOT / "params.yaml").analyze
    correlations = [
        {
            "benchmark": benchmark,
            "x_measure": analyze.continuous[benchmark],
            "sycophancy_dataset": test,
            "y_measure": analyze.continuous[test],
            "coefficient": coefficient,
            "correlation": generator.uniform(-1, 1),
            "low": -0.9,
            "high": 0.9,
            "n": 5,
        }
        for benchmark in BENCHMARKS
        for test in SYCOPHANCY_TESTS
        for coefficient in ("pearson", "spearman")
    ]
    correlations[0] |= {"correlation": np.nan, "low": np.nan, "high": np.nan}
    reported = [
        {
            "rows": rows,
            "benchmark": benchmark,
            "test": test,
            "pearson": generator.uniform(-1, 1),
            "leave_one_out_low": -0.9,
            "leave_one_out_high": 0.9,
            "p": generator.random(),
        }
        for rows in ("six models", "five adapters")
        for benchmark in BENCHMARKS
        for test in SYCOPHANCY_TESTS
    ]
    return {
        "contrasts": contrasts(),
        "correlation_analysis": pd.DataFrame(correlations),
        "audit/correlations": pd.DataFrame(reported),
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    root = tmp_path_factory.mktemp("project")
    (root / "results/audit").mkdir(parents=True)
    copy_parameters(root)
    made = tables()
    for name, table in made.items():
        write(root / "results", name, table)
    return Report("figures", root)


@pytest.fixture(scope="module")
def drawn(report: Report) -> dict[str, Figure]:
    """Every figure by name, drawn once."""
    return {name: draw(report, name) for name in FIGURES}


@pytest.fixture(scope="module")
def written(drawn: dict[str, Figure]) -> dict[str, bytes]:
    """The same figures as files, before a test looks at one (which makes it settle its ticks)."""
    return {name: svg(figure) for name, figure in drawn.items()}


def draw(report: Report, name: str) -> Figure:
    return importlib.import_module(f"figures.{name}").draw(report)


def texts(figure: Figure) -> list[Text]:
    """Every text that a reader sees."""
    figure.draw_without_rendering()
    shown = []
    for text in figure.findobj(Text):
        axes = text.axes
        if axes is not None and not axes.get_visible():
            continue
        if text.get_visible() and text.get_text().strip():
            shown.append(text)
    outside = {id(text) for axes in figure.axes for text in tick_labels_out_of_view(axes)}
    return [text for text in shown if id(text) not in outside]


def tick_labels_out_of_view(axes: plt.Axes) -> list[Text]:
    """Labels that matplotlib made for ticks beyond the limits; they are not printed."""
    hidden = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                hidden += [tick.label1, tick.label2]
    return hidden


def legible(figure: Figure) -> None:
    """No text of a figure covers another or leaves it."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    for (first, one), (second, other) in combinations(boxes, 2):
        wide = min(one.x1, other.x1) - max(one.x0, other.x0)
        high = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert wide < 1 or high < 1.5, f"{first!r} covers {second!r}"
    for text, box in boxes:
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width, f"{text!r} is cut off"
        assert box.y0 >= 0 and box.y1 <= figure.bbox.height, f"{text!r} is cut off"


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_covers_another_or_leaves_the_figure(drawn, name):
    legible(drawn[name])


def test_two_adapters_leave_room_for_the_names_of_tests(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    copy_parameters(tmp_path)
    table = contrasts()
    write(tmp_path / "results", "contrasts", table[table["model"].isin(["base", "mmlu", "gsm8k"])])
    figure = draw(Report("figures", tmp_path), "forest")
    svg(figure)  # lays it out
    legible(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_large_enough_and_says_numbers(drawn, name):
    shown = texts(drawn[name])
    assert min(text.get_fontsize() for text in shown) >= SMALLEST_TEXT
    assert drawn[name].get_size_inches()[0] == style.WIDTH
    for text in shown:
        assert "nan" not in text.get_text().lower().split()
        assert not re.search(r"-\d", text.get_text()), "a hyphen stands for a minus sign"


@pytest.mark.parametrize("name", FIGURES)
def test_a_marker_has_its_models_colour(drawn, name):
    looks = {(MARKERS[model], model in OPEN): COLOURS[model] for model in MODELS}
    for axes in drawn[name].axes:
        for line in axes.lines:
            marker, face = line.get_marker(), line.get_markerfacecolor()
            if marker not in MARKERS.values() or line.get_color() in (style.MUTED, style.INK):
                continue
            assert line.get_color() == looks[marker, face == "white"]


@pytest.mark.parametrize("name", FIGURES)
def test_two_draws_are_the_same_bytes(report, written, name):
    assert svg(draw(report, name)) == written[name]
    assert not plt.get_fignums()  # a figure left open is shown twice by a cell


def svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def test_models_differ_in_grey_and_stand_out_from_white():
    # an adapter's two kinds of control look alike: a run has one of them, and rows are named
    apart = [model for model in MODELS if not model.endswith("_own")]
    looks = {(MARKERS[model], model in OPEN) for model in apart}
    assert len(looks) == len(apart)
    assert set(MODELS) == set(COLOURS) == set(MARKERS)
    for model, colour in COLOURS.items():
        assert 1.05 / (luminance(colour) + 0.05) >= 3, f"{model} is too pale (WCAG 2.2, 1.4.11)"


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    channels = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_points_and_intervals_are_those_of_the_table(report, drawn):
    outcome = params.load(ROOT / "params.yaml").analyze.primary[1]
    rows = style.cells(report.frame("contrasts"), outcome.task, outcome.measure, against="control")
    axes = drawn["forest"].axes[3]  # the second test, first of three columns
    for label, height in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True):
        (model,) = [name for name in rows.index if style.name(name) == label.get_text()]
        lines = [line for line in axes.lines if set(line.get_ydata()) == {height}]
        points = [line.get_xdata()[0] for line in lines if line.get_marker() != "None"]
        spans = [line for line in lines if line.get_marker() == "None"]
        ends = [list(line.get_xdata()) for line in spans if np.isfinite(line.get_xdata()).all()]
        row = rows.loc[model]
        if model == UNREAD:  # no point may pass for a number
            assert not points and not ends
            continue
        assert points == pytest.approx([row["estimate"]])
        assert ends == ([] if model == "gsm8k" else [pytest.approx([row["low"], row["high"]])])
        assert (spans[0].get_linestyle() == "--") == (model == "combined")


def test_gaps_are_named_and_a_model_without_tests_is_left_out(drawn):
    printed = {name: [text.get_text() for text in texts(figure)] for name, figure in drawn.items()}
    shown = printed["benchmark_performance"]
    assert style.name("paired_sft_fixed_order") not in shown
    assert shown.count("not tested") == 2
    assert printed["forest"].count("not readable") == 3
    assert style.name(PARTLY) not in printed["forest"]  # a control has none
    assert "undefined" in printed["correlations"]
    assert style.name(UNKNOWN) == "my own adapter" and "my own adapter" in shown


def test_the_sample_size_is_a_range_where_models_differ():
    assert style.sample(pd.Series([40, 40])) == "n = 40"
    assert style.sample(pd.Series([25, 12, np.nan])) == "n = 12–25"
    assert style.sample(pd.Series([np.nan])) == "n = 0"


def test_a_missing_table_is_named(tmp_path):
    (tmp_path / "results").mkdir()
    copy_parameters(tmp_path)
    with pytest.raises(RenderError, match=r"contrasts\.csv is missing"):
        draw(Report("figures", tmp_path), "forest")
