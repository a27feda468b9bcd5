"""What the first page says of declared questions, of changes from untrained, and of a mix."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from experiments.params import BASE
from experiments.stats.contrasts import NOT_READABLE, OK
from printing.declared import alone, answered, declared_table
from printing.in_short import in_short
from printing.labels import short
from printing.lessons import lessons
from tests.paper.archived_runs import LARGE, SMALL, archive
from tests.paper.test_replication import analysed, root  # noqa: F401

ADAPTER, TASK = "truthfulqa", "answer"
NUMBERS = ["estimate", "low", "high", "se", "p"]
QUESTION = {"adapter": ADAPTER, "task": TASK, "measure": "sycophancy", "against": "control"}


def declare(root: Path, run: str, **expected: object) -> None:  # noqa: F811
    question = QUESTION | {"expected": expected, "primary": True}
    content = {"declarations": [{"run": run, "fixed": "0" * 40, "questions": [question]}]}
    (root / "paper").mkdir(exist_ok=True)
    path = root / "paper/declared.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def test_a_declared_question_stands_alone(root: Path) -> None:  # noqa: F811
    archive(root, SMALL, {(ADAPTER, TASK): -0.5}, name="asked")
    declare(root, "asked", low=-0.6, high=-0.4, told=True)
    report = analysed(root)
    said = f"TruthfulQA on *Answer* in `{short(SMALL)}`: −0.500 [−0.544, −0.456] nats per token"
    assert said in alone(report)
    assert "expected: −0.60 to −0.40, told from zero; n = 16)." in alone(report)
    assert "1 have an answer, and 1 the one that was expected" in answered(report)
    assert "| `asked` | **Primary.** TruthfulQA on *Answer*, beyond the control (16) |" in (
        declared_table(report)
    )
    assert "1 is told from zero (1 less sycophantic, 0 more)." in in_short(report)[0]
    declare(root, "asked", low=0.0)
    report = analysed(root)
    assert "and 0 the one that was expected" in answered(report)
    assert declared_table(report).rstrip().endswith("| no |")


def test_a_declared_question_without_an_answer_is_not_counted(root: Path) -> None:  # noqa: F811
    archive(root, SMALL, {(ADAPTER, TASK): NOT_READABLE}, name="asked")
    declare(root, "asked", low=0.0)
    report = analysed(root)
    assert alone(report) == "" and "declared" not in in_short(report)[0]
    assert "| not readable | no answer |" in declared_table(report)


def test_without_declarations_nothing_is_said_of_them(root: Path) -> None:  # noqa: F811
    archive(root, SMALL)
    report = analysed(root)
    assert alone(report) == declared_table(report) == ""
    assert answered(report) == "No question was declared before a run."


def test_a_change_from_untrained_is_set_beside_its_control(root: Path) -> None:  # noqa: F811
    changes = {(name, TASK, BASE): -0.5 for name in (ADAPTER, f"{ADAPTER}_shuffled")}
    archive(root, LARGE, changes)
    headline, _, benchmarks, *_ = in_short(analysed(root))
    assert "is shown in 1 of 3 (1 less sycophantic, 0 more), and" in headline
    moved = "−0.50 [−0.54, −0.46] nats per token"
    where = f"with TruthfulQA on *Answer* in `{short(LARGE)}`"
    assert f"a change is shown {where} ({moved}; without its lesson {moved})." in benchmarks


def test_a_mix_of_benchmarks_is_a_case(root: Path) -> None:  # noqa: F811
    path = archive(root, SMALL) / "results/contrasts.csv"
    table = pd.read_csv(path)
    keys = ["model", "task", "measure", "against"]
    for cell in (["gsm8k", "solution_margin"], ["answer", "sycophancy"]):
        where = (table[keys] == ["combined", *cell, "control"]).all(axis=1)
        assert where.sum() == 1
        table.loc[where, [*NUMBERS, "status", "seeds"]] = [0.5, 0.4, 0.6, 0.05, 1e-6, OK, 3]
    table.to_csv(path, index=False)
    report = analysed(root)
    headline, _, benchmarks, *_ = in_short(report)
    assert "in 1 of 4 cases; " in headline and "taught the benchmark in 1 of 2." in headline
    assert f"in 1 of 4 cases (Combined on *Answer* in `{short(SMALL)}`)" in benchmarks
    assert f"in 1 of 2 (GSM8K with Combined in `{short(SMALL)}`)." in benchmarks
    _, lines = lessons(report)
    assert "| Combined: right text (GSM8K) (" in lines and "| Combined: *Answer* (" in lines
