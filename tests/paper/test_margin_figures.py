"""The figures of the paired choices, drawn from real tables of made-up margins."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from experiments import tables
from experiments.stats.margins import item_margins, margin_table
from tests.paper import test_figures as looks
from tests.stats.test_margins import made

SETTINGS = SimpleNamespace(confidence=0.95, resamples=50)
POSITIONS = {
    "base": 2.0,
    "mmlu": 1.0,
    "paired_sft": 0.1,
    "paired_lora": -0.4,
    "paired_sft_fixed_order": 6.0,
    "paired_lora_fixed_order": 4.0,
    "anti_sycophancy": 1.0,
    "my_own_adapter": 0.0,
}
NAMES = ["margins", "margin_parts"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory):
    draw = np.random.default_rng(2)
    content = draw.normal(0, 0.2, 40)
    margins = {}
    for model, position in POSITIONS.items():
        liking = draw.normal(position, 0.2, (2, 40))
        margins[model] = (content + liking[0], content - liking[1])
    values = made(**margins)
    root: Path = tmp_path_factory.mktemp("project")
    (root / "results").mkdir()
    for name, table in (
        ("margins", margin_table(values, SETTINGS, seed=1)),
        ("item_margins", item_margins(values)),
    ):
        tables.write(root / "results", name, tables.with_digits(tables.TABLES[name], table))
    return looks.Report("figures", root)


@pytest.fixture(scope="module")
def drawn(report) -> dict:
    return {name: looks.draw(report, name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_figure_reads_well_and_repeats(report, drawn, name: str) -> None:
    looks.test_no_text_covers_another_or_leaves_the_figure(drawn, name)
    looks.test_text_is_large_enough_and_says_numbers(drawn, name)
    looks.test_a_marker_has_its_models_colour(drawn, name)
    assert looks.svg(looks.draw(report, name)) == looks.svg(drawn[name])


def test_every_question_has_its_tick_in_the_panel_of_its_split(report, drawn) -> None:
    items = report.frame("item_margins")
    base = items[items["model"] == "base"]
    cells = [("raw_margin", "easy"), ("raw_margin", "hard"), ("swap_average", "easy")]
    for panel, (margin, split) in zip(drawn["margins"].axes, cells, strict=False):
        ticks = [tick for kind in panel.collections for tick in kind.get_offsets()]
        ticks = [x for x, height in ticks if height == panel.get_yticks()[0]]
        wanted = base.loc[base["split"] == split, margin]
        assert sorted(ticks) == pytest.approx(sorted(wanted))


def test_the_panels_of_one_margin_share_a_scale_around_zero(drawn) -> None:
    limits = [panel.get_xlim() for panel in drawn["margins"].axes]
    assert limits[0] == limits[1] and limits[2] == limits[3]
    assert all(low == -high for low, high in limits)


def test_models_of_other_chapters_are_in_the_parts_only(drawn) -> None:
    printed = {name: [text.get_text() for text in looks.texts(drawn[name])] for name in NAMES}
    assert "MMLU" in printed["margin_parts"] and "MMLU" not in printed["margins"]
    assert "my own adapter" in printed["margin_parts"]
