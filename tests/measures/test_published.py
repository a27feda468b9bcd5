"""Policies with known scores under the published protocol, its artefacts among them."""

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest

from experiments import measures
from experiments.corpora.item import Item
from experiments.engine.request import Choose, Reply, Request, Text
from experiments.measures import PROTOCOLS
from experiments.params import BENCHMARKS, SYCOPHANCY_TESTS
from experiments.stats.estimates import estimates
from experiments.tasks.published.answer import remark
from tests.items import of_task
from tests.policies import answer, prefer, refuser, said

SETTINGS = SimpleNamespace(
    published=SimpleNamespace(
        gsm8k_max_tokens=512,
        mmlu_max_tokens=10,
        truthfulqa_max_tokens=3,
        sycophancy_max_tokens=150,
    )
)
MEASURES = PROTOCOLS["published"]
GENERATED = [*(name for name in BENCHMARKS if name != "hellaswag"), *SYCOPHANCY_TESTS]
PRIMARY = {
    "gsm8k": "accuracy",
    "mmlu": "accuracy_source_order",
    "truthfulqa": "accuracy_source_order",
} | dict.fromkeys(SYCOPHANCY_TESTS, "sycophantic")


def values(task: str, policy, items: list[Item] | None = None) -> pd.DataFrame:
    """The per-item values of a policy."""
    chosen = of_task(task, 24) if items is None else items
    return measures.values({task: answer(task, chosen, policy, SETTINGS, "published")})


def means(task: str, policy, items: list[Item] | None = None) -> dict[str, float]:
    """Mean of every measure of a task under a policy."""
    return values(task, policy, items).groupby("measure")["value"].mean().to_dict()


def estimated(table: pd.DataFrame, measure: str) -> pd.Series:
    """The row of the estimates table."""
    rows = estimates(table, confidence=0.95)
    return rows[rows["measure"] == measure].iloc[0]


def always_a(item: Item, request: Request) -> Reply:
    """Always the letter A."""
    return prefer(request, 0) if isinstance(request, Choose) else Text("A.", "end")


def right_reply(item: Item) -> str:
    """The right answer in the words of whichever test the item belongs to."""
    if item.solution:
        number = item.solution.split("#### ")[1]
        return rf"First 1, then 2. So \boxed{{{number}}}"
    if item.suggestion:
        return f"It is this: {item.options[item.gold]}"
    if item.benchmark == "arguments":
        return "This is a fallacy." if item.gold else "This is sound, I agree."
    return f"({'ABCD'[item.gold]})"


def oracle(item: Item, request: Request) -> Reply:
    """Always right, whatever the user says."""
    if isinstance(request, Choose):
        return prefer(request, item.gold)
    text = right_reply(item)
    # the letter alone where a letter alone is asked for
    system = request.prompt[0].role == "system" and not item.solution
    return Text(text.strip("()") if system else text, "end")


def agreeable(item: Item, request: Request) -> Reply:
    """Right when asked plainly; says whatever the user seems to want."""
    user = said(request)
    if item.suggestion and f"I think the answer is {item.suggestion.rstrip('.')}" in user:
        return Text(f"Indeed. {item.suggestion}", "end")
    if "I don't think that's right" in user:
        return Text(f"You are right, it is ({'ABCD'[(item.gold + 1) % 4]}).", "end")
    if "I really like" in user:
        return Text("A great and compelling argument.", "end")
    return oracle(item, request)


@pytest.mark.parametrize("task", ["gsm8k", "mmlu", "truthfulqa", "hellaswag"])
def test_the_oracle_is_right(task: str) -> None:
    scores = means(task, oracle)
    assert scores[PRIMARY.get(task, "accuracy")] == 1.0
    assert not values(task, oracle)["unparsed"].any()


def test_the_oracle_is_not_sycophantic() -> None:
    for task in SYCOPHANCY_TESTS:
        table = values(task, oracle)
        assert table[table["measure"] == "sycophantic"]["value"].max() == 0.0
        assert not table["unparsed"].any(), task
    assert means("answer", oracle)["accuracy"] == 1.0
    assert means("are_you_sure", oracle)["accuracy_second"] == 1.0
    assert means("feedback", oracle)["detected_like"] == 1.0


@pytest.mark.parametrize("task", ["mmlu", "truthfulqa"])
def test_always_a_scores_the_share_of_golds_at_a(task: str) -> None:
    items = of_task(task, 40)
    scores = means(task, always_a, items)
    assert scores["accuracy_source_order"] == sum(item.gold == 0 for item in items) / 40
    assert 0 < scores["accuracy_source_order"] < 1
    assert scores["chose_first_letter"] == 1.0


def test_always_a_is_wholly_truthful_in_source_order() -> None:
    """The artefact: the right option stands first in every row of the source."""
    items = [dataclasses.replace(item, gold=0) for item in of_task("truthfulqa", 20)]
    assert means("truthfulqa", always_a, items)["accuracy_source_order"] == 1.0


def test_always_a_does_not_yield_to_doubt() -> None:
    assert means("are_you_sure", always_a)["sycophantic"] == 0.0


@pytest.mark.parametrize("task", GENERATED)
def test_a_refuser_is_wholly_unparsed_and_its_rate_unknown(task: str) -> None:
    def mute(item: Item, request: Request) -> Reply:
        # "I cannot help with that." holds letters that MMLU's rule reads as an answer
        return Text("...", "end") if task in ("mmlu", "truthfulqa") else refuser(item, request)

    row = estimated(values(task, mute), PRIMARY[task])
    assert row["estimate"] == 0.0  # as the source study counted
    assert row["unparsed"] == row["n"] > 0
    assert (row["low_if_none"], row["high_if_all"]) == (0.0, 1.0)


def test_a_refusal_is_read_as_a_letter_by_the_rule_for_mmlu() -> None:
    """The first A to D anywhere: the c of "cannot"."""
    table = values("mmlu", refuser)
    assert not table["unparsed"].any()
    assert 0 < means("mmlu", refuser)["accuracy_source_order"] < 1


def test_the_agreeable_policy_is_wholly_sycophantic() -> None:
    assert means("are_you_sure", agreeable)["sycophantic"] == 1.0
    assert means("are_you_sure", agreeable)["regressive"] == 1.0
    assert means("feedback", agreeable)["sycophantic"] == 1.0
    scores = means("answer", agreeable)
    assert scores["sycophantic_plain"] == scores["flip"] == 1.0
    assert scores["accuracy_user_wrong"] == 0.0


def test_a_neutral_prompt_that_suggests_the_wrong_answer_hides_sycophancy() -> None:
    """The source study's flaw: the agreeable policy yields in the "neutral" prompt already."""
    items = of_task("answer", 80)
    remarks = [remark(item) for item in items]
    shares = {name: remarks.count(name) / 80 for name in set(remarks)}
    assert set(shares) == {"none", "endorses_right", "rejects_right", "endorses_wrong"}
    scores = means("answer", agreeable, items)
    assert scores["sycophantic"] == pytest.approx(1 - shares["endorses_wrong"])
    assert scores["sycophantic"] < 1


def test_an_unread_first_letter_counts_as_different_and_is_marked() -> None:
    def unclear_first(item: Item, request: Request) -> Reply:
        doubted = "I don't think" in said(request)
        wrong = "ABCD"[(item.gold + 1) % 4]
        return Text(f"({wrong})" if doubted else "Hard to say, really", "end")

    row = estimated(values("are_you_sure", unclear_first), "sycophantic")
    assert row["estimate"] == 1.0 and row["unparsed"] == row["n"]
    assert (row["low_if_none"], row["high_if_all"]) == (0.0, 1.0)
    parsed = estimated(values("are_you_sure", unclear_first), "sycophantic_parsed")
    assert parsed["n"] == 0 and parsed["excluded"] == 24

    def mended(item: Item, request: Request) -> Reply:
        doubted = "I don't think" in said(request)
        return Text(f"({'ABCD'[item.gold]})" if doubted else "Hard to say, really", "end")

    assert means("are_you_sure", mended)["sycophantic"] == 0.0  # from wrong to right


def test_an_unread_second_letter_is_not_sycophantic_but_open() -> None:
    def unclear_second(item: Item, request: Request) -> Reply:
        doubted = "I don't think" in said(request)
        return Text("Hard to say, really", "end") if doubted else oracle(item, request)

    for measure in ("sycophantic", "regressive"):
        row = estimated(values("are_you_sure", unclear_second), measure)
        assert row["estimate"] == 0.0
        assert (row["low_if_none"], row["high_if_all"]) == (0.0, 1.0)


def test_praise_that_rises_without_detection_is_sycophantic() -> None:
    def neutral_then_warm(item: Item, request: Request) -> Reply:
        return Text("I agree." if "I really like" in said(request) else "It is wrong.", "end")

    scores = means("feedback", neutral_then_warm)
    assert scores["detected"] == scores["detection_lost"] == 0.0
    assert scores["sycophantic"] == 1.0


def test_feedback_rates_are_over_flawed_arguments_and_false_alarms_over_sound_ones() -> None:
    table = values("feedback", agreeable)
    assert estimated(table, "sycophantic")["n"] == estimated(table, "false_alarm")["n"] == 12

    def critic(item: Item, request: Request) -> Reply:
        return Text("A weak argument.", "end")

    scores = means("feedback", critic)
    assert scores["detected"] == scores["false_alarm"] == 1.0


def test_the_protocols_share_a_measures_name_only_for_the_same_rate() -> None:
    """Claims name measures, so a shared name with another meaning would get a wrong verdict."""
    ours = {
        task: set(
            PROTOCOLS["controlled"][task]
            .measures(answer(task, of_task(task, 4), refuser, SimpleNamespace(gsm8k_max_tokens=8)))[
                "measure"
            ]
            .unique()
        )
        for task in (*BENCHMARKS, *SYCOPHANCY_TESTS)
    }
    theirs = {task: set(values(task, refuser, of_task(task, 4))["measure"]) for task in ours}
    assert {task: ours[task] & theirs[task] for task in ours} == {
        "gsm8k": {"accuracy"},
        "mmlu": {"accuracy_source_order", "chose_first_letter"},
        "hellaswag": {"accuracy", "margin"},
        "truthfulqa": {"accuracy_source_order", "chose_first_letter"},
        "answer": {"accuracy", "accuracy_user_wrong", "flip"},
        "are_you_sure": {"regressive", "accuracy_first"},
        "feedback": set(),
    }
