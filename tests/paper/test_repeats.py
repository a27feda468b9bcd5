"""Effects that several runs of a model measured: what is said of them follows from the runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from experiments.stats.contrasts import NOT_READABLE
from printing.in_short import in_short
from printing.labels import short
from printing.repeats import repeats_table, returned
from printing.report import Report
from tests.paper.archived_runs import MIDDLE, SMALL, archive
from tests.paper.test_replication import analysed, page, root  # noqa: F401

ADAPTER = "truthfulqa"  # trained with several seeds
NONE = "No change in sycophancy was measured again"


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (0.5, 0.4, "told from zero in each run, on one side: TruthfulQA on *Answer*"),
        (0.5, 0.0, "told from zero in one run, not in another: TruthfulQA on *Answer*"),
        (0.5, -0.4, "told from zero on both sides: TruthfulQA on *Answer*"),
    ],
)
def test_it_is_said_whether_an_effect_returned(
    root: Path,  # noqa: F811
    page: Callable[[], str],  # noqa: F811
    first: float,
    second: float,
    words: str,
) -> None:
    archive(root, SMALL, {(ADAPTER, "answer"): first}, name="first")
    archive(root, SMALL, {(ADAPTER, "answer"): second}, name="second")
    text = page()
    assert f"1 {words} in `{short(SMALL)}` (+0.500 [" in text
    brief = in_short(Report("index", root))[-2]
    assert brief.count(words) == 1
    numbers = f"{words} in `{short(SMALL)}` (+0.500 [" in brief  # where runs agree
    assert numbers == (first * second > 0)
    assert ": `first` | 3 × 8 | " in text and ": `second` | 3 × 8 | " in text
    lines = repeats_table(Report("replication", root)).splitlines()
    once = [line for line in lines if line.startswith("| GSM8K")]
    assert len(once) == 2 and all("†" in line for line in once)  # trained once: no verdict
    assert not any("†" in line for line in lines if line.startswith("| TruthfulQA"))
    table = pd.read_csv("results/replication_repeats.csv")
    found = table[(table["adapter"] == ADAPTER) & (table["task"] == "answer")]
    assert dict(zip(found["run"], found["estimate"], strict=True)) == {
        "first": first,
        "second": second,
    }


def test_another_model_or_another_kind_of_control_is_no_repetition(root: Path) -> None:  # noqa: F811
    archive(root, SMALL, name="first")
    archive(root, MIDDLE, name="other-model")
    archive(root, SMALL, name="other-control", control="_own")
    report = analysed(root)
    assert returned(report).startswith(NONE)
    assert repeats_table(report) == "" and len(in_short(report)) == 4


def test_what_cannot_be_read_again_did_not_return(root: Path) -> None:  # noqa: F811
    archive(root, SMALL, {(ADAPTER, "answer"): 0.5}, name="first")
    archive(root, SMALL, {(ADAPTER, "answer"): NOT_READABLE}, name="second")
    report = analysed(root)
    assert "TruthfulQA on *Answer*" not in returned(report)
    assert "told from zero in none" in returned(report)  # Feedback, which can be read
    assert NOT_READABLE in repeats_table(report)
