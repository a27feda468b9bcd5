"""Sentences follow their rows, whatever the direction, and never turn "not detected" to "none"."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pandas as pd
import pytest

from printing.report import Report
from printing.sentences import (
    ABOVE,
    ASTRIDE,
    BELOW,
    FELL,
    ROSE,
    UNDETECTED,
    artefact,
    change,
    detectable,
    direction,
    level,
    listed,
    movers,
    of_measures,
    side,
    tally,
    training_runs,
    without_zero,
)
from tests.paper.made import write

ROOT = Path(__file__).resolve().parents[2]


COLUMNS = ["model", "task", "estimate", "low", "high", "significant", "minimal_detectable"]
ROWS = [
    ("gsm8k", "answer", 0.5, 0.3, 0.7, True, 0.25),
    ("mmlu", "answer", -0.5, -0.7, -0.3, True, 0.25),
    ("hellaswag", "answer", 0.1, -0.2, 0.4, False, 0.43),
    ("combined", "answer", 0.3, 0.05, 0.55, False, 0.35),
    ("mine", "answer", -0.3, -0.55, -0.05, False, 0.35),
    ("truthfulqa", "answer", 0.0, 0.0, 0.0, False, math.nan),
    ("gsm8k", "feedback", 0.1, -0.2, 0.4, False, 0.43),
    ("mmlu", "feedback", -0.1, -0.4, 0.2, False, 0.52),
]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    (tmp_path / "results").mkdir()
    frame = pd.DataFrame(ROWS, columns=COLUMNS)
    for name in ("effects", "estimates"):
        write(tmp_path / "results", name, frame)
    return Report("index", tmp_path)


def rows(report: Report, task: str, *models: str) -> pd.DataFrame:
    frame = report.frame("effects")
    chosen = frame[frame["task"] == task]
    return chosen[chosen["model"].isin(models)] if models else chosen


def logged(report: Report) -> list[str]:
    with report.log.open(encoding="utf-8", newline="") as file:
        return [row["printed"] for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("gsm8k", "rose (+0.50 [+0.30, +0.70] nats)"),
        ("mmlu", "fell (−0.50 [−0.70, −0.30] nats)"),
        (
            "combined",
            "rose (+0.30 [+0.05, +0.55] nats), but not after the correction for the number of "
            "tests",
        ),
        (
            "mine",
            "fell (−0.30 [−0.55, −0.05] nats), but not after the correction for the number of "
            "tests",
        ),
        (
            "hellaswag",
            "did not differ detectably (+0.10 [−0.20, +0.40] nats; a change of 0.43 would probably "
            "have been seen)",
        ),
        ("truthfulqa", "did not differ detectably (0.00 [0.00, 0.00] nats)"),
    ],
)
def test_a_change_in_words(report: Report, model: str, text: str) -> None:
    assert change(report, model=model, task="answer") == text


def test_a_level_says_where_its_interval_lies(report: Report) -> None:
    assert level(report, model="gsm8k", task="answer").endswith("nats, above zero")
    assert level(report, model="mmlu", task="answer").endswith("nats, below zero")
    assert level(report, model="hellaswag", task="answer").endswith(
        "nats, which cannot be told from zero"
    )


def test_an_interval_that_touches_zero_is_on_no_side(report: Report) -> None:
    frame = report.frame("effects")
    assert [side(row) for _, row in frame.iterrows()][:6] == [
        ABOVE, BELOW, ASTRIDE, ABOVE, BELOW, ASTRIDE,
    ]  # fmt: skip
    assert side(pd.Series({"low": 0.0, "high": 0.4})) == ASTRIDE
    assert side(pd.Series({"low": math.nan, "high": math.nan})) == ASTRIDE


def test_direction_asks_for_significance(report: Report) -> None:
    frame = report.frame("effects")
    assert [direction(row) for _, row in frame.iterrows()][:4] == [
        ROSE, FELL, UNDETECTED, UNDETECTED,
    ]  # fmt: skip


def test_movers_of_both_kinds(report: Report) -> None:
    text = movers(report, rows(report, "answer", "gsm8k", "mmlu", "hellaswag", "combined"), "k")
    assert text == (
        "It rose with GSM8K; it fell with MMLU; no change was detected with the others, where one "
        "of 0.35 to 0.43 would probably have been seen."
    )
    assert {"GSM8K", "MMLU", "0.35 to 0.43"} <= set(logged(report))


def test_movers_of_none(report: Report) -> None:
    assert movers(report, rows(report, "feedback"), "k") == (
        "No change was detected with any adapter, where one of 0.43 to 0.52 would probably have "
        "been seen."
    )


def test_movers_of_all(report: Report) -> None:
    assert movers(report, rows(report, "answer", "gsm8k"), "k") == "It rose with GSM8K."
    assert movers(report, rows(report, "answer", "nobody"), "k") == "It was not measured."


def test_what_could_have_been_seen_may_be_unknown(report: Report) -> None:
    assert detectable(report, rows(report, "answer", "truthfulqa"), "k") == "an unknown size"
    assert detectable(report, rows(report, "answer", "gsm8k", "mmlu"), "k") == "0.25"


def test_tally(report: Report) -> None:
    assert tally(report, rows(report, "answer"), "k") == {
        ROSE: "1", FELL: "1", "all": "6", "moved": "2",
    }  # fmt: skip


def test_lists() -> None:
    assert listed([]) == "none"
    assert listed([], none="") == ""
    assert listed(["a"]) == "a"
    assert listed("abc") == "a, b and c"


def test_nothing_is_called_absent(report: Report) -> None:
    texts = [change(report, model=model, task=task) for model, task, *_ in ROWS]
    texts += [movers(report, rows(report, task), "k") for task in ("answer", "feedback")]
    for text in texts:
        assert "no effect" not in text and "unchanged" not in text and "same" not in text


def test_rows_of_some_measures_and_models(report: Report) -> None:
    frame = report.frame("effects").assign(measure="shift")
    frame.loc[frame["task"] == "feedback", "measure"] = "moved"
    chosen = of_measures(frame, {"answer": "shift", "feedback": "shift"}, ["gsm8k", "mmlu"])
    assert [*chosen["task"]] == ["answer", "answer"] and [*chosen["model"]] == ["gsm8k", "mmlu"]


def test_intervals_without_zero_are_counted_on_both_sides(report: Report) -> None:
    assert without_zero(report, report.frame("effects"), "k") == "4 of 8"
    assert without_zero(report, report.frame("effects").head(0), "k") == "0 of 0"
    assert {"4", "8"} <= set(logged(report))


@pytest.mark.parametrize(
    ("looks", "fails", "said"),
    [
        ("supported", "supported", "looks truthful in that order and is near chance when"),
        ("supported", "contradicted", "looks truthful in that order is supported here, and"),
        ("contradicted", "supported", "looks truthful in that order is contradicted here, and"),
        ("inconclusive", "inconclusive", "near chance when the options are rotated inconclusive"),
    ],
)
def test_the_artefact_follows_its_verdicts(
    report: Report, looks: str, fails: str, said: str
) -> None:
    rows = {"id": ["artefact-source-order", "artefact-shuffled"], "verdict": [looks, fails]}
    write(report.results, "claims", rows)
    assert said in artefact(report)
    assert "claims[id=artefact-shuffled].verdict" in report.log.read_text(encoding="utf-8")


def test_the_number_of_training_runs_is_said(report: Report) -> None:
    assert "once (1 seed)" in training_runs(report, [1])
    assert "not measured" in training_runs(report, (7,))
    assert training_runs(report, [1, 2, 3]).startswith("Each adapter was trained with 3 seeds.")
    assert "not measured" not in training_runs(report, [1, 2, 3])
