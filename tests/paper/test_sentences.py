"""Sentences follow their rows, whatever the direction, and say where there is nothing to say."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pandas as pd
import pytest

from experiments import params
from printing.report import Report
from printing.sentences import (
    ABOVE,
    ASTRIDE,
    BELOW,
    artefact,
    change,
    contrast,
    level,
    listed,
    no_verdict,
    of_measures,
    side,
    tally,
    training_runs,
)
from tests.paper.made import write

ROOT = Path(__file__).resolve().parents[2]
NONE = math.nan
ONCE, UNREAD = "one training seed", "not readable"
TOKENS, RATE = "nats per token", "rate"
COLUMNS = ["model", "estimate", "low", "high", "status", "unit", "decimals"]
ROWS = [
    ("gsm8k", 0.5, 0.3, 0.7, "ok", TOKENS, 2),
    ("mmlu", -0.5, -0.7, -0.3, "ok", TOKENS, 2),
    ("hellaswag", 0.1, -0.2, 0.4, "ok", TOKENS, 2),
    ("combined", 0.3, 0.05, 0.55, ONCE, TOKENS, 2),
    ("mine", 0.0123, -0.01, 0.03, "ok", "difference of rates", 4),
    ("unread", 0.3, NONE, NONE, UNREAD, TOKENS, 2),
    ("alone", NONE, NONE, NONE, "no control", TOKENS, 2),
    ("nobody", NONE, NONE, NONE, "no interval", TOKENS, 2),
    ("constant", 0.2, NONE, NONE, "no interval", RATE, 2),
]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    (tmp_path / "results").mkdir()
    frame = pd.DataFrame(ROWS, columns=COLUMNS).assign(task="answer", measure="sycophancy", n=20)
    both = pd.concat([frame.assign(against=against) for against in ("control", "nothing")])
    write(tmp_path / "results", "contrasts", both)
    return Report("index", tmp_path)


def logged(report: Report) -> list[str]:
    with report.log.open(encoding="utf-8", newline="") as file:
        return [row["printed"] for row in csv.DictReader(file)]


CASES = [
    ("gsm8k", "+0.50 [+0.30, +0.70] nats per token", "rose ({})", "{}, above zero"),
    ("mmlu", "−0.50 [−0.70, −0.30] nats per token", "fell ({})", "{}, below zero"),
    (
        "hellaswag",
        "+0.10 [−0.20, +0.40] nats per token",
        "cannot be told from zero ({})",
        "{}, which cannot be told from zero",
    ),
    (
        "combined",
        "+0.30 [+0.05, +0.55] nats per token",
        "rose ({}; one training seed: no verdict)",
        "{}, above zero",
    ),
    (
        "mine",
        "+0.012 [−0.010, +0.030]",
        "cannot be told from zero ({})",
        "{}, which cannot be told from zero",
    ),
    ("unread", UNREAD, "is {}", "{}"),
    ("alone", "no control", "has {}", "{}"),
    ("nobody", "no items", "has {}", "{}"),
    ("constant", "+0.20, no interval", "is {}", "{}"),
]


@pytest.mark.parametrize(("model", "printed", "changed", "leveled"), CASES)
def test_a_contrast_and_its_sentences(
    report: Report, model: str, printed: str, changed: str, leveled: str
) -> None:
    where = {"model": model, "task": "answer", "measure": "sycophancy"}
    assert contrast(report, **where) == printed
    assert change(report, **where) == changed.format(printed)
    at_rate = printed.lstrip("+") if model == "constant" else printed  # levels of rates: no sign
    assert level(report, **where) == leveled.format(at_rate)
    assert any(text in printed for text in logged(report))
    for said in (changed, leveled):
        assert "no effect" not in said and "unchanged" not in said and "same" not in said


@pytest.mark.parametrize(
    ("low", "high", "where"),
    [(0.1, 0.2, ABOVE), (-0.2, -0.1, BELOW), (0.0, 0.4, ASTRIDE), (NONE, NONE, ASTRIDE)],
)
def test_the_side_of_an_interval(low: float, high: float, where: str) -> None:
    assert side(pd.Series({"low": low, "high": high})) == where


def test_contrasts_are_chosen_and_counted(report: Report) -> None:
    table = report.frame("contrasts")
    models = [model for model, *_ in ROWS]
    rows = of_measures(table, {"answer": "sycophancy"}, models)
    assert len(rows) == len(ROWS) and set(rows["against"]) == {"control"}
    assert of_measures(table, {"answer": "doubt"}, models).empty
    assert tally(report, rows, "k") == {
        ABOVE: "2", BELOW: "1", "all": "9", "read": "5", "moved": "3", "unreadable": "1",
        "seeds": "4",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "reason", "why"),
    [
        ("supported", "is above zero", ""),
        (
            "no verdict",
            "gsm8k, answer, sycophancy, control: one training seed",
            "one training seed",
        ),
        ("no verdict", "mmlu, feedback, sycophancy, control: not readable", "replies not readable"),
        ("no verdict", "fewer than eight adapters or seeds of them", "fewer than eight adapters"),
        ("no verdict", "the claims are not fixed: commit it", "claims not fixed before the run"),
    ],
)
def test_why_a_claim_has_no_verdict(verdict: str, reason: str, why: str) -> None:
    assert no_verdict(pd.Series({"verdict": verdict, "reason": reason})) == why


def test_lists() -> None:
    assert listed([]) == "none"
    assert listed([], none="") == ""
    assert listed(["a"]) == "a"
    assert listed("abc") == "a, b and c"


@pytest.mark.parametrize(
    ("looks", "fails", "said"),
    [
        ("supported", "supported", "looks truthful in that order and is near chance when"),
        ("supported", "no verdict", "the verdict here is *supported*, and on"),
        ("inconclusive", "contradicted", "options are rotated, *contradicted*"),
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
    assert "once (1 seed)" in training_runs(report, [1]) and "no verdicts" in training_runs(
        report, (7,)
    )
    assert training_runs(report, [1, 2, 3]).startswith("Adapters were trained with 3 seeds")
    assert "Trained once were" in training_runs(report, params.load(ROOT / "params.yaml"))
