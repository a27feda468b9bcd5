"""Wide tables print the cells of tracked rows, say what is missing, and log what they print."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from printing.report import Report
from printing.tables import by_model, headline, pivoted
from tests.paper.made import write

ROOT = Path(__file__).resolve().parents[2]


COLUMNS = ["model", "task", "measure", "estimate", "low", "high", "n"]
ROWS = [
    ("base", "mmlu", "accuracy", 0.25, 0.2, 0.3, 36),
    ("base", "mmlu", "accuracy_pooled", 0.5, 0.4, 0.6, 36),
    ("base", "answer", "accuracy", 0.75, 0.7, 0.8, 40),
    ("mine", "mmlu", "accuracy", -0.125, -0.5, 0.25, 30),
    ("paired_lora", "paired_choice", "swap_average", 1.0, 0.5, 1.5, 32),
]
WHOLE = {
    "adapter_name": ["base", "gsm8k", "paired_lora_fixed_order"],
    **{"mmlu": [0.25, 0.5, None], "mmlu_low": [0.2, 0.4, None], "mmlu_high": [0.3, 0.6, None]},
    "mmlu_n": [36, 30, None],
}


@pytest.fixture
def report(tmp_path: Path) -> Report:
    (tmp_path / "results").mkdir()
    write(tmp_path / "results", "estimates", pd.DataFrame(ROWS, columns=COLUMNS))
    write(tmp_path / "results", "complete_results", WHOLE)
    return Report("index", tmp_path)


def logged(report: Report) -> dict[str, str]:
    with report.log.open(encoding="utf-8", newline="") as file:
        return {row["key"]: row["printed"] for row in csv.DictReader(file)}


def test_one_row_per_model_that_has_a_cell(report: Report) -> None:
    assert by_model(report, {"mmlu": "accuracy", "answer": "accuracy"}).splitlines() == [
        "| Model | MMLU | Answer |",
        "|:---|---:|---:|",
        "| Base | 0.25 [0.20, 0.30] | 0.75 [0.70, 0.80] |",
        "| mine | −0.12 [−0.50, 0.25] | – |",
        "| *n* | 30–36 | 40 |",
    ]
    assert logged(report)["estimates[model=base].MMLU"] == "0.25 [0.20, 0.30]"
    assert logged(report)["estimates[MMLU].n"] == "30–36"


def test_columns_are_picked_by_any_values_and_rows_by_name(report: Report) -> None:
    columns = {
        "Rotated": {"task": "mmlu", "measure": "accuracy"},
        "Pooled": {"task": "mmlu", "measure": "accuracy_pooled"},
    }
    markdown = pivoted(report, "estimates", columns, "+.1f", ["mine", "base", "nobody"])
    assert markdown.splitlines()[2:] == [
        "| mine | −0.1 [−0.5, +0.2] | – |",
        "| Base | +0.2 [+0.2, +0.3] | +0.5 [+0.4, +0.6] |",
        "| *n* | 30–36 | 36 |",
    ]


def test_a_measure_that_nobody_has_is_a_dash(report: Report) -> None:
    markdown = by_model(report, {"mmlu": "accuracy", "feedback": "preference_shift"})
    assert markdown.splitlines()[-1] == "| *n* | 30–36 | – |"


def test_headline_rates_are_rows_of_complete_results(report: Report) -> None:
    assert headline(report, ["mmlu"]).splitlines()[2:] == [
        "| Base | 0.25 [0.20, 0.30] |",
        "| GSM8K | 0.50 [0.40, 0.60] |",
        "| *n* | 30–36 |",
    ]
    assert logged(report)["complete_results[adapter_name=gsm8k].MMLU"] == "0.50 [0.40, 0.60]"
