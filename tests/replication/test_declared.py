"""Questions declared before their runs: what is expected, and that they came before."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from experiments.errors import DataError
from experiments.fixing import git
from experiments.replication.declared import (
    FILE,
    NO,
    OPEN,
    YES,
    Expected,
    answers,
    read_declarations,
)
from experiments.stats.contrasts import NOT_READABLE, OK

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0" * 40
CELL = {"adapter": "mmlu", "task": "answer", "measure": "sycophancy", "against": "control"}


def declared(tmp_path: Path, expected: str, more: str = "", again: bool = False) -> Path:
    """A file with one question, or with one more of the same run."""
    cell = ", ".join(f"{key}: {value}" for key, value in CELL.items())
    question = f"- {{{cell}, expected: {expected}{more}}}\n"
    entry = f"- run: one\n  fixed: '{COMMIT}'\n  questions:\n  {question}"
    path = tmp_path / "declared.yaml"
    path.write_text("declarations:\n" + entry * (2 if again else 1), encoding="utf-8")
    return path


def contrasts(estimate: float, half: float, status: str = OK) -> dict[str, pd.DataFrame]:
    row = CELL | {"estimate": estimate, "low": estimate - half, "high": estimate + half}
    row |= {"status": status, "control": "mmlu_own"}
    moved = row | {"against": "base", "control": None, "estimate": 0.1, "low": 0.0, "high": 0.2}
    return {"one": pd.DataFrame([row, moved, moved | {"adapter": "mmlu_own"}])}


@pytest.mark.parametrize(
    ("expected", "estimate", "half", "word"),
    [
        ("{low: -0.08, high: -0.04, told: true}", -0.05, 0.04, YES),
        ("{low: -0.08, high: -0.04, told: true}", -0.05, 0.06, NO),  # not told from zero
        ("{low: -0.08, high: -0.04, told: true}", -0.09, 0.04, NO),  # beyond what was expected
        ("{told: false}", 0.5, 0.6, YES),
        ("{told: false}", 0.5, 0.4, NO),
        ("{high: 0}", -0.1, 1.0, YES),
        ("{low: 0}", -0.1, 1.0, NO),
    ],
)
def test_an_answer_is_held_against_what_was_expected(
    tmp_path: Path, expected: str, estimate: float, half: float, word: str
) -> None:
    found = answers(read_declarations(declared(tmp_path, expected)), contrasts(estimate, half))
    assert found["as_expected"].tolist() == [word]
    assert found["told"].tolist() == [abs(estimate) > half]
    assert found["with_lesson_high"].tolist() == found["without_high"].tolist() == [0.2]


def test_what_cannot_be_read_is_no_answer(tmp_path: Path) -> None:
    asked = read_declarations(declared(tmp_path, "{low: 0}"))
    found = answers(asked, contrasts(0.5, 0.1, NOT_READABLE))
    assert found["as_expected"].tolist() == [OPEN] and found["told"].isna().all()


@pytest.mark.parametrize(
    ("expected", "more", "said"),
    [
        ("{}", "", "nothing is expected"),
        ("{low: 1, high: 0}", "", "exchange them"),
        ("{lower: 1}", "", "not a known key"),
        ("{low: 0}", ", prime: true", "not a known key"),
    ],
)
def test_a_faulty_declaration_is_refused(
    tmp_path: Path, expected: str, more: str, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read_declarations(declared(tmp_path, expected, more))


def test_a_run_has_one_primary_question(tmp_path: Path) -> None:
    path = declared(tmp_path, "{low: 0}", ", primary: true", again=True)
    with pytest.raises(DataError, match="two primary questions"):
        read_declarations(path)


def test_a_question_on_what_is_not_there_is_refused(tmp_path: Path) -> None:
    asked = read_declarations(declared(tmp_path, "{low: 0}"))
    with pytest.raises(DataError, match="runs/one, which is not there"):
        answers(asked, {})
    other = {"one": contrasts(0.5, 0.1)["one"].assign(task="feedback")}
    with pytest.raises(DataError, match="which it does not have"):
        answers(asked, other)


def test_no_file_is_no_question(tmp_path: Path) -> None:
    assert read_declarations(tmp_path / "declared.yaml") == []
    assert answers([], {}).empty


def test_bounds_are_inclusive() -> None:
    assert Expected(low=0.0, high=0.0).met(0.0, told=False)


def test_every_declaration_came_before_its_run() -> None:
    """The run's commit descends from the one named, which had none of the run's outcomes."""
    if git(ROOT, "rev-parse", "--is-shallow-repository") != b"false\n":
        pytest.skip("needs the whole git history (git fetch --unshallow)")
    for one in read_declarations(ROOT / FILE):
        environment = json.loads((ROOT / "runs" / one.run / "environment.json").read_text())
        commit = environment["code"]["commit"]
        descends = git(ROOT, "merge-base", "--is-ancestor", one.fixed, commit)
        assert descends is not None, f"{one.run} was not made after {one.fixed}"
        lock = git(ROOT, "show", f"{one.fixed}:dvc.lock").decode()
        for question in one.questions:
            made = environment["md5"][f"outcomes/{question.adapter}"]
            assert made not in lock, f"{question.adapter} of {one.run} was there at {one.fixed}"
        assert one.run in git(ROOT, "show", f"{one.fixed}:NOTES.md").decode(), one.run
