"""Tables print the cells of tracked rows, say what is missing, and log what they print."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from experiments import params
from printing.report import Report
from printing.tables import claims, contrasts, trained
from tests.paper.made import write

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["model", "task", "against", "estimate", "low", "high", "status", "n"]
NAN = float("nan")
ROWS = [
    ("base", "mmlu", "nothing", 0.25, 0.2, 0.3, "ok", 36),
    ("mine", "mmlu", "nothing", 0.125, 0.0, 0.25, "one training seed", 30),
    ("mine", "mmlu", "control", -0.125, -0.5, 0.25, "one training seed", 30),
    ("other", "mmlu", "nothing", 0.5, NAN, NAN, "not readable", 36),
    ("other", "mmlu", "control", NAN, NAN, NAN, "no control", 0),
]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    (tmp_path / "results").mkdir()
    table = pd.DataFrame(ROWS, columns=COLUMNS).assign(measure="accuracy", decimals=2, unit="rate")
    write(tmp_path / "results", "contrasts", table)
    return Report("index", tmp_path)


def logged(report: Report) -> dict[str, str]:
    with report.log.open(encoding="utf-8", newline="") as file:
        return {row["key"]: row["printed"] for row in csv.DictReader(file)}


def test_contrasts_have_one_row_per_model_and_words_where_there_is_no_number(
    report: Report,
) -> None:
    cell = {"task": "mmlu", "measure": "accuracy"}
    columns = {"Level": cell | {"against": "nothing"}}
    assert contrasts(report, columns, ["base", "mine", "other", "nobody"]).splitlines() == [
        "| Model | Level |",
        "|:---|:---|",
        "| Base | 0.25 [0.20, 0.30] |",
        "| mine | 0.12 [0.00, 0.25]† |",
        "| other | not readable |",
        "| *n* | 30 to 36 |",
    ]
    key = "contrasts[model=base,task=mmlu,measure=accuracy,against=nothing].estimate"
    assert logged(report)[key] == "0.25 [0.20, 0.30]"
    assert contrasts(report, {"Change": cell}, ["mine", "other"]).splitlines()[2:] == [
        "| mine | −0.12 [−0.50, +0.25]† |",
        "| other | no control |",
        "| *n* | 30 |",
    ]


def test_adapters_have_a_row_each_with_their_control(report: Report) -> None:
    seeds = [{"adapter": "mmlu", "seed": seed, "steps": 10, "method": "lora"} for seed in (1, 2)]
    write(report.results, "training", [*seeds, {"adapter": "own", "seed": 1, "steps": 5}])
    rows = trained(report, params.load(ROOT / "params.yaml")).splitlines()[2:]
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| MMLU", "MMLU, shuffled", "2"],
        ["| own", "–", "1"],
    ]
    assert "right" not in trained(report, params.load(ROOT / "params.yaml"))


def test_how_many_own_answers_are_right_stands_beside_a_control(report: Report) -> None:
    adapter = {"adapter": "mmlu", "seed": 1, "steps": 10, "method": "lora"}
    own = adapter | {"adapter": "own", "own_answers_right": 0.5139}
    write(report.results, "training", [adapter, own])
    head, _, *rows = trained(report, params.load(ROOT / "params.yaml")).splitlines()
    assert head.endswith("| Own answers right |")
    assert [row.split(" | ")[-1] for row in rows] == ["– |", "0.51 |"]


def test_claims_stand_by_family_and_say_why_there_is_no_verdict(report: Report) -> None:
    frame = pd.DataFrame(
        {
            "id": ["a", "b"],
            "family": ["artefacts", "capability"],
            "text": ["First.", "Second."],
            "verdict": ["supported", "no verdict"],
            "reason": ["is above zero", "x, y: one training seed"],
            "estimate": [0.1, 0.2], "low": [0.0, 0.1], "high": [0.2, 0.3], "n": [8, 9],
            "p_adjusted": [0.0004, NAN],
        }
    )  # fmt: skip
    first, second = claims(report, frame).splitlines()[2:]
    assert first.startswith("| *Capability:* Second. |")
    assert first.endswith("| – | **no verdict** (one training seed) |")
    assert second.startswith("| *Artefacts:* First. |")
    assert second.endswith("| &#60;0.001 | **supported** |")
