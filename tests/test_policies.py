"""Policies in the place of adapters: what they answer, and which claims they support."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import measures, params
from experiments.claims import read_claims
from experiments.params import BASE, PAIRED_CHOICE, Params
from experiments.policies import LESS, POLICIES, PROTECTED, policy_outcomes, policy_table

ROOT = Path(__file__).resolve().parents[1]
ITEMS = 16
ORDERS = {"mmlu": 4, "truthfulqa": 4, "are_you_sure": 4, "feedback": 2, "answer": 4}
OPTIONS = {"mmlu": 4, "truthfulqa": 4, "are_you_sure": 4, "hellaswag": 4}
ARMS = {
    "are_you_sure": ("neutral", "user_doubt", "other_doubt"),
    "answer": ("neutral", "user_wrong", "other_wrong", "user_right", "other_right"),
    "feedback": ("neutral", "user_like", "other_like", "user_dislike", "other_dislike"),
}
LEAST = {"gsm8k-feedback", "gsm8k-agreement"}  # the other of LESS asks for five adapters at once
BLIND = [name for name in POLICIES if name not in ("agree_with_user", "oracle")]


def outcomes(parameters: Params, pull: float) -> dict[str, pd.DataFrame]:
    """Models without knowledge, all moved by the user by `pull` nats, more or less."""
    draw = np.random.default_rng(7)
    rows: dict[str, list[dict]] = {}
    for model in parameters.models:
        for seed in parameters.seeds(model):
            for task in parameters.tests(model):
                if task != PAIRED_CHOICE:
                    stamp = {"protocol": "controlled", "model": model, "seed": seed, "task": task}
                    rows.setdefault(task, []).extend(stamp | row for row in asked(task, pull, draw))
    return {task: pd.DataFrame(listed) for task, listed in rows.items()}


def asked(task: str, pull: float, draw: np.random.Generator):
    """The rows of one model and seed in one test."""
    count = OPTIONS.get(task, 2)
    for number in range(ITEMS):
        for order in range(ORDERS.get(task, 1)):
            first = int(draw.integers(count))
            gold = 0 if task == "truthfulqa" else number % count
            for arm in ARMS.get(task, ("neutral",)):
                scores = draw.normal(0, 0.3, count) - 3
                by = pull + draw.normal(0, 0.3)
                moved = {"user_doubt": (first, -by), "user_like": (0, by), "user_dislike": (0, -by),
                         "user_wrong": (1, by), "user_right": (0, by)}  # fmt: skip
                if arm in moved:
                    option, nats = moved[arm]
                    scores[option] += nats
                choice = int(scores.argmax())
                yield {
                    "id": f"{task}/{number}", "cluster": f"{task}/{number}", "arm": arm,
                    "order": order, "frame": (number + order) % 4 if task in ARMS else 0,
                    "mass": 1.0, "log_likelihoods": list(scores), "token_counts": [1, 1],
                    "gold": gold, "gold_position": (gold + order) % count, "choice": choice,
                    "position": (choice + order) % count, "first": first, "parsed": True,
                    "right": bool(scores[0] > scores[1]),
                }  # fmt: skip


@pytest.fixture(scope="module")
def parameters() -> Params:
    """The study's adapters, each with three training seeds."""
    loaded = params.load(ROOT / "params.yaml")
    adapters = {
        name: replace(adapter, seeds=None)
        for name, adapter in loaded.adapters.items()
        if not name.startswith("paired")
    }
    return replace(loaded, adapters=adapters, train=replace(loaded.train, seeds=[1, 2, 3]))


@pytest.fixture(scope="module", params=[1.5, -1.5], ids=["sycophantic", "contrary"])
def judged(request: pytest.FixtureRequest, parameters: Params) -> tuple[float, pd.DataFrame]:
    """The verdicts where base and controls follow the user, and where they do the opposite."""
    stated = read_claims(ROOT / "paper/claims.yaml")
    return request.param, policy_table(outcomes(parameters, request.param), stated, parameters)


def test_no_policy_supports_what_its_definition_does_not_make_true(judged) -> None:
    _, table = judged
    protected = [
        one.id for one in read_claims(ROOT / "paper/claims.yaml").claims if one.family in PROTECTED
    ]
    assert len(table) == len(protected) * len(POLICIES)
    supported = table[table["verdict"] == "supported"]
    assert supported["allowed"].all(), supported[~supported["allowed"]]


def test_the_verdict_code_sees_what_there_is(judged) -> None:
    pull, table = judged
    supported = table[table["verdict"] == "supported"].groupby("policy")["id"].agg(set)
    cures = {"anti-answer", "anti-are-you-sure", "anti-feedback"}
    assert {"truthfulqa-truthful", "mmlu-capability", "gsm8k-capability"} <= supported["oracle"]
    if pull > 0:
        assert cures <= supported["oracle"]
        assert all(LEAST <= supported[policy] <= set(LESS) for policy in BLIND)
    else:
        assert supported["agree_with_user"] >= {
            "not-neutral", "truthfulqa-are-you-sure", "truthfulqa-feedback", "combined-agreement"
        }  # fmt: skip
        assert not set(BLIND) & set(supported.index)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_answers_as_its_name_says(parameters: Params, policy: str) -> None:
    answered = policy_outcomes(outcomes(parameters, 0.5), policy)
    values = measures.values(answered)
    means = values.groupby(["task", "measure"])["value"].mean()
    assert set(values["model"]) == {policy} and set(values["seed"]) == {0}
    for task in ("answer", "are_you_sure", "feedback"):
        of_task = values[values["task"] == task]
        ignored = of_task[of_task["measure"].isin(["sycophancy", "toward_error", "toward_truth"])]
        assert (ignored["value"].dropna() > 0).all() == (policy == "agree_with_user")
        if policy != "agree_with_user":
            assert ignored["value"].dropna().abs().max() < 1e-12
    for task in ("mmlu", "truthfulqa"):
        chance = means[task, "probability"] == pytest.approx(0.25, abs=1e-12)
        assert chance == (policy != "oracle")
    keeps = 1 - means["are_you_sure", "flip"]
    letters = {"always_a": 0, "always_b": 1}
    if policy in letters:
        assert (answered["mmlu"]["position"] == letters[policy]).all()
        assert (answered["feedback"]["position"] == letters[policy]).all() and keeps == 1
    if policy in ("keep_always", "oracle"):
        assert keeps == 1 and means["are_you_sure", "keep_right"] > 0.7
    if policy in ("never_keep", "agree_with_user"):
        assert keeps == 0
    if policy in ("always_sound", "always_flawed"):
        assert means["feedback", "says_sound"] == (policy == "always_sound")
    if policy == "base_rates":  # the right option comes first in the source's order
        assert means["truthfulqa", "accuracy_source_order"] == 1
    if policy == "uniform":
        assert answered["mmlu"]["position"].nunique() == 4


def test_the_real_models_are_left_as_they_are(parameters: Params) -> None:
    rows = outcomes(parameters, 0.5)
    before = {task: frame.copy() for task, frame in rows.items()}
    policy_outcomes(rows, "oracle")
    assert BASE in set(rows["mmlu"]["model"])
    for task, frame in rows.items():
        pd.testing.assert_frame_equal(frame, before[task])
