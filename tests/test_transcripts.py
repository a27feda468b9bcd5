"""Only authored items are asked, of every kind, and replies are cut where params.yaml says."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.corpora.item import Item
from experiments.prepare.framing import with_suggestions
from experiments.tasks import transcripts
from experiments.tasks.published.answer import REMARKS, remark
from tests.replies import PARAMETERS

ROOT = Path(__file__).resolve().parent.parent
MOST = PARAMETERS.prepare.truthfulqa_options


def corpus(task: str) -> list[Item]:
    return list(transcripts.authored_items(task, MOST).values())


@pytest.mark.parametrize("task", transcripts.TASKS)
def test_what_others_wrote_is_never_asked(task: str) -> None:
    mine = corpus(task)
    foreign = [
        replace(mine[0], id="mmlu/law/test/1"),
        replace(mine[1], question="A text of another corpus under the same id?"),
        replace(mine[2], prompt="The prompt of a data set."),
    ]
    assert transcripts.chosen(task, foreign, 6) == []
    assert transcripts.chosen(task, [*foreign, *mine[3:5]], 6) == mine[3:5]
    assert transcripts.chosen(task, [], 6) == []


@pytest.mark.parametrize("task", transcripts.TASKS)
def test_it_takes_so_many_in_the_order_of_the_items(task: str) -> None:
    items = corpus(task)
    for count in (0, 1, 5, 6):
        found = transcripts.chosen(task, items, count)
        assert len(found) == count
        assert found == sorted(found, key=items.index) == transcripts.chosen(task, items, count)
    assert transcripts.chosen(task, items, 10**6) == items


def test_arguments_of_both_kinds_are_asked_flawed_ones_first() -> None:
    items = corpus("feedback")
    kinds = [item.options[item.gold] for item in transcripts.chosen("feedback", items, 6)]
    assert sorted(kinds) == ["flawed"] * 3 + ["sound"] * 3
    assert [i.options[i.gold] for i in transcripts.chosen("feedback", items, 1)] == ["flawed"]
    sound = [item for item in items if item.options[item.gold] == "sound"]
    assert transcripts.chosen("feedback", sound, 2) == sound[:2]


def test_questions_with_every_remark_are_asked() -> None:
    found = transcripts.chosen("answer", corpus("answer"), 4)
    assert sorted(map(remark, found)) == sorted(REMARKS)


def test_the_items_are_those_that_prepare_makes() -> None:
    items = list(transcripts.authored_items("are_you_sure", MOST).values())[:5]
    for item in with_suggestions(items, 1, PARAMETERS.evaluate.frames):
        mine = transcripts.authored_items("answer", MOST)[item.id]
        assert replace(item, frames=()) == mine
        assert mine.suggestion


def test_replies_are_cut_earlier_and_nothing_else_changes() -> None:
    before = PARAMETERS.evaluate
    after = transcripts.settings(before)
    assert after.published.sycophancy_max_tokens == before.transcripts.max_tokens
    assert replace(after, published=before.published) == before


def test_choosing_loads_neither_torch_nor_pandas() -> None:
    code = (
        "import sys, experiments.tasks.transcripts; print({'torch', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
