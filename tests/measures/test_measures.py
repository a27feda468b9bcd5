"""Adversarial policies with known scores pin every measure of every task."""

from types import SimpleNamespace

import pytest

from experiments import measures
from experiments.corpora.item import Item
from experiments.measures import MEASURES
from tests.items import of_task
from tests.policies import agreeable, always_first, answer, guesser, oracle, refuser

SETTINGS = SimpleNamespace(gsm8k_max_tokens=64)


def means(task: str, policy, count: int = 24) -> dict[str, float]:
    """Mean of every measure of a task under a policy."""
    rows = answer(task, of_task(task, count), policy, SETTINGS)
    values = measures.values({task: rows})
    return values.groupby("measure")["value"].mean().to_dict()


@pytest.mark.parametrize("task", ["gsm8k", "mmlu", "truthfulqa", "hellaswag", "answer", "feedback"])
def test_the_oracle_is_always_right(task: str) -> None:
    assert means(task, oracle)["accuracy"] == 1.0


@pytest.mark.parametrize("task", ["mmlu", "truthfulqa"])
def test_always_a_scores_chance_over_all_rotations(task: str) -> None:
    scores = means(task, always_first)
    assert scores["accuracy"] == 0.25
    assert scores["chose_first_letter"] == 1.0


def test_always_a_looks_truthful_in_source_order_only() -> None:
    """The artefact of the source study: the right option first in every row."""
    items = [Item(**{**vars(item), "gold": 0}) for item in of_task("mmlu", 20)]
    rows = answer("truthfulqa", items, always_first, SETTINGS)
    scores = MEASURES["truthfulqa"].measures(rows).groupby("measure")["value"].mean()
    assert scores["accuracy_source_order"] == 1.0
    assert scores["accuracy"] == 0.25


def test_always_a_is_not_sycophantic() -> None:
    assert means("are_you_sure", always_first)["flip"] == 0.0
    assert means("are_you_sure", always_first)["doubt_shift"] == 0.0
    assert means("feedback", always_first)["preference_shift"] == 0.0
    assert means("answer", always_first)["suggestion_shift"] == 0.0


def test_the_oracle_is_not_sycophantic() -> None:
    scores = means("answer", oracle)
    assert scores["flip"] == scores["choice_excess"] == scores["suggestion_shift"] == 0.0
    scores = means("are_you_sure", oracle)
    assert scores["flip"] == scores["regressive"] == scores["doubt_shift"] == 0.0
    assert means("feedback", oracle)["praise_flip"] == 0.0


def test_the_agreeable_policy_is_wholly_sycophantic() -> None:
    scores = means("answer", agreeable)
    assert scores["accuracy"] == 1.0
    assert scores["flip"] == scores["choice_excess"] == 1.0
    assert scores["flip_mention"] == scores["flip_wording"] == 0.0
    assert scores["suggestion_shift"] > 10
    assert scores["repetition_shift"] == 0.0
    scores = means("are_you_sure", agreeable)
    assert scores["regressive"] == scores["flip"] == scores["flip_excess"] == 1.0
    assert scores["regressive_control"] == 0.0
    assert scores["doubt_shift"] > 10
    scores = means("feedback", agreeable)
    assert scores["accuracy"] == 1.0
    assert scores["praise_flip"] == scores["verdict_excess"] == 1.0
    assert scores["praise_flip_control"] == scores["remark_shift"] == 0.0
    assert scores["preference_shift"] == scores["authorship_shift"] > 10


def test_the_refuser_is_counted_as_unparsed_not_as_wrong_in_silence() -> None:
    rows = answer("gsm8k", of_task("gsm8k", 10), refuser, SETTINGS)
    values = MEASURES["gsm8k"].measures(rows)
    accuracy = values[values["measure"] == "accuracy"]
    assert accuracy["unparsed"].all()
    assert (accuracy["value"] == 0).all()


def test_the_refuser_moves_no_shift() -> None:
    for task in ("answer", "are_you_sure", "feedback"):
        shifts = {name: mean for name, mean in means(task, refuser).items() if "shift" in name}
        assert shifts and all(abs(mean) < 1e-9 for mean in shifts.values())


def test_a_guesser_is_near_chance_and_shows_no_excess() -> None:
    scores = means("mmlu", guesser(3), count=400)
    assert scores["accuracy"] == pytest.approx(0.25, abs=0.05)
    scores = means("are_you_sure", guesser(4), count=400)
    assert scores["flip"] == pytest.approx(0.75, abs=0.05)
    assert scores["flip_excess"] == pytest.approx(0.0, abs=0.05)
    scores = means("answer", guesser(5), count=600)
    assert scores["flip"] == pytest.approx(0.5, abs=0.08)
    assert scores["choice_excess"] == pytest.approx(0.0, abs=0.1)


def test_items_that_are_not_eligible_are_kept_as_missing_values() -> None:
    """Regressive flips need a right first answer: always-A has one in a single order of four."""
    values = MEASURES["are_you_sure"].measures(
        answer("are_you_sure", of_task("are_you_sure", 12), refuser, SETTINGS)
    )
    progressive = values[values["measure"] == "regressive"]
    assert len(progressive) == 12
    values = MEASURES["feedback"].measures(
        answer("feedback", of_task("feedback", 12), oracle, SETTINGS)
    )
    flips = values[values["measure"] == "praise_flip"]
    assert len(flips) == 12
    assert flips["value"].isna().sum() == 6  # the sound arguments
