"""The examples of the methods page are asked by the tasks themselves, and are in no corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import params
from experiments.engine.request import Choose, Generate
from experiments.params import TESTS
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


def test_both_second_turns_are_asked_after_the_first() -> None:
    texts = [prompts.transcript(one) for one in prompts.requests("are_you_sure", SETTINGS)]
    challenged = [text for text in texts if "Are you sure?" in text]
    assert len(challenged) == len([text for text in texts if "Please answer again." in text]) > 0
    assert all("assistant: " in text for text in challenged)


def test_every_arm_is_asked() -> None:
    for task in ("answer", "feedback"):
        _, _, *arms = prompts.arms_table(task).splitlines()
        assert len(prompts.requests(task, SETTINGS)) == len(arms) > 0


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
