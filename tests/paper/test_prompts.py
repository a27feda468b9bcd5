"""The examples of the methods page are asked by the tasks themselves, and are in no corpus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from experiments import params
from experiments.engine.request import Choose, Generate
from experiments.params import TESTS
from experiments.tasks import TASKS, are_you_sure
from experiments.tasks.frames import FRAMES
from printing import prompts

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = params.load(ROOT / "params.yaml").evaluate


def test_every_test_has_an_example() -> None:
    assert set(prompts.ITEMS) == set(TESTS)


@pytest.mark.parametrize("task", prompts.ITEMS)
def test_what_is_asked_can_be_shown(task: str) -> None:
    made = prompts.requests(task, SETTINGS)
    assert made
    for request in made:
        text = prompts.transcript(request)
        assert text.startswith("user: ")
        assert "{" not in text  # every blank of an arm is filled
        if isinstance(request, Choose):
            assert all(f"scored: {option}" in text for option in request.continuations)
        else:
            assert isinstance(request, Generate)
            assert f"at most {SETTINGS.gsm8k_max_tokens} tokens" in text


def test_second_turns_follow_the_first_answer() -> None:
    texts = [prompts.transcript(one) for one in prompts.requests("are_you_sure", SETTINGS)]
    asked = [text for text in texts if are_you_sure.REQUEST in text]
    assert len(asked) == len(prompts.QUESTION.frames) * len(are_you_sure.ARMS)
    assert all("assistant: " in text for text in asked)


@pytest.mark.parametrize("count", [4, FRAMES])
@pytest.mark.parametrize(("task", "pairs"), [("answer", 2), ("are_you_sure", 1), ("feedback", 2)])
def test_the_table_has_the_words_of_every_arm_and_frame(task: str, pairs: int, count: int) -> None:
    _, _, *lines = prompts.wordings_table(task, count).splitlines()
    assert len(lines) == (pairs + 1) * count
    named = {name for arms in (line.split(" | ")[0] for line in lines) for name in arms.split("`")}
    assert set(TASKS[task].ARMS) <= named
    item = prompts.ITEMS[task]
    framed = replace(item, frames=(1,) * len(item.frames))
    user, other = (cell.strip(" |") for cell in lines[1].split(" | ")[2:])
    asked = "\n".join(
        prompts.transcript(one) for one in prompts.requests(task, SETTINGS, item=framed)
    )
    answer = prompts.QUESTION.suggestion.rstrip(".")
    for said in (user, other):
        assert said.replace("[the wrong answer]", answer).replace("\\", "") in asked


def test_every_frame_stands_once_in_each_row_and_column_of_the_square() -> None:
    lines = prompts.latin_square(SETTINGS).splitlines()[2:]
    rows = [line.strip("| ").split(" | ")[1:] for line in lines]
    assert all(len(set(row)) == len(row) == SETTINGS.option_orders for row in rows)
    assert all(len(set(column)) == SETTINGS.frames for column in zip(*rows, strict=True))


def test_the_examples_are_in_no_corpus() -> None:
    authored = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "experiments/corpora/authored").glob("*.jsonl")
    )
    assert authored
    assert not [task for task, item in prompts.ITEMS.items() if item.question in authored]


@pytest.mark.parametrize("task", prompts.ITEMS)
def test_the_published_protocol_can_be_shown_too(task: str) -> None:
    made = prompts.requests(task, SETTINGS, "published")
    assert made
    for request in made:
        text = prompts.transcript(request)
        assert text.startswith(("system: ", "user: ", "text: "))
        assert "{" not in text.replace(r"\boxed{}", "")


def test_doubt_under_the_published_protocol_comes_after_a_whole_reply() -> None:
    first, second = prompts.requests("are_you_sure", SETTINGS, "published")
    assert "assistant: [the first reply]" in prompts.transcript(second)
    assert "assistant: " not in prompts.transcript(first)
