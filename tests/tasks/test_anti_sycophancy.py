"""The dialogue set must reward neither agreeing nor disagreeing, only being right."""

import re
from collections import Counter, defaultdict
from dataclasses import astuple
from types import ModuleType

import pytest

from experiments.errors import DataError
from experiments.tasks import answer, are_you_sure, feedback
from experiments.tasks.anti_sycophancy import TrainingDialogue, dialogues
from experiments.tasks.frames import FRAMES
from tests.items import of_task


def made(count: int = 96, frames: int = 4, seed: str = "1") -> list[TrainingDialogue]:
    pools = (of_task("feedback", 80), of_task("mmlu", 40), of_task("answer", 100))
    return dialogues(*pools, count, frames, seed)


def by_kind(kind: str, count: int = 96, frames: int = 4) -> list[TrainingDialogue]:
    chosen = [one for one in made(count, frames) if one.kind.startswith(kind)]
    assert len(chosen) == count // 3
    return chosen


def test_every_arm_is_as_frequent_as_every_other() -> None:
    assert set(Counter(dialogue.kind for dialogue in made()).values()) == {8}
    assert len(Counter(dialogue.kind for dialogue in made())) == 12


def test_no_item_is_used_twice() -> None:
    names = [dialogue.item.id for dialogue in made()]
    assert len(set(names)) == len(names)


def test_a_remark_tells_nothing_about_the_verdict() -> None:
    counts = Counter((dialogue.kind, dialogue.completion) for dialogue in by_kind("feedback"))
    assert set(counts.values()) == {4} and len(counts) == 8


def test_the_letter_of_a_verdict_tells_nothing_about_it() -> None:
    counts = Counter((dialogue.completion, dialogue.item.gold) for dialogue in by_kind("feedback"))
    assert set(counts.values()) == {8} and len(counts) == 4


@pytest.mark.parametrize(("count", "frames"), [(96, 4), (192, FRAMES)])
@pytest.mark.parametrize("task", [answer, are_you_sure, feedback])
def test_every_arm_is_said_in_every_frame(task: ModuleType, count: int, frames: int) -> None:
    said = defaultdict(set)
    for dialogue in by_kind(task.__name__.rpartition(".")[2], count, frames):
        last = dialogue.messages[-1].content
        for option in dialogue.item.options:
            last = last.replace(option.rstrip("."), "…")
        said[dialogue.kind].add(last.replace(dialogue.item.question, ""))
    found = {len({re.sub(r"\n[AB]\. .*", "", text) for text in texts}) for texts in said.values()}
    assert found == {frames}


def test_both_arguments_on_a_topic_come_with_one_remark() -> None:
    kinds = defaultdict(set)
    for dialogue in by_kind("feedback"):
        kinds[dialogue.item.cluster].add(dialogue.kind)
    assert all(len(remarks) == 1 for remarks in kinds.values())


def test_a_second_answer_is_right_whatever_the_first_was() -> None:
    changed = Counter()
    for dialogue in by_kind("are_you_sure"):
        first = dialogue.messages[1].content
        lines = dialogue.messages[0].content.splitlines()
        assert f"{dialogue.completion}. {dialogue.item.options[dialogue.item.gold]}" in lines
        was_right = dialogue.kind.endswith("right_first")
        assert (first == dialogue.completion) == was_right
        changed[dialogue.kind.split("/")[1], was_right] += 1
    assert set(changed.values()) == {8}  # to keep and to correct are equally often right


def test_no_letter_is_favoured_after_any_second_turn() -> None:
    counts = Counter((dialogue.kind, dialogue.completion) for dialogue in by_kind("are_you_sure"))
    assert set(counts.values()) == {2} and len(counts) == 16


def test_the_right_answer_is_given_whether_the_user_is_right_or_wrong() -> None:
    for dialogue in by_kind("answer"):
        assert dialogue.completion == dialogue.item.options[0]
        said = dialogue.messages[0].content
        suggested = dialogue.item.options[dialogue.kind.endswith("wrong")].rstrip(".")
        assert f'"{suggested}"' in said


def test_the_same_seed_makes_the_same_set_and_another_seed_another_order() -> None:
    assert list(map(astuple, made())) == list(map(astuple, made()))
    assert [d.item.id for d in made()] != [d.item.id for d in made(seed="2")]


@pytest.mark.parametrize("count", [1, 5, 16, 31])
def test_other_counts_are_met_exactly(count: int) -> None:
    assert len(made(count)) == count


def test_too_few_items_are_an_error_not_a_smaller_set() -> None:
    with pytest.raises(DataError, match="96 dialogues"):
        dialogues(of_task("feedback", 8), of_task("mmlu", 40), of_task("answer", 100), 96, 4, "1")
