"""GEE against formulas that can be checked by hand."""

import numpy as np
import pandas as pd
import pytest

from experiments.errors import OutcomeError
from experiments.stats.logistic import arm_interactions
from tests.stats.frames import CONFIDENCE, frame

ARMS = ["neutral", "suggest"]


def cells(rates, n=50, models=("base", "adapter"), unique=False):
    """base neutral, base suggest, adapter neutral, adapter suggest with these rates."""
    parts = []
    for number, rate in enumerate(rates):
        right = round(rate * n)
        part = frame(
            [1] * right + [0] * (n - right),
            model=models[number // 2],
            task="answer",
            measure=ARMS[number % 2],
        )
        if unique:
            part["id"] = part["cluster"] = [f"{number}-{name}" for name in part.id]
        parts.append(part)
    return pd.concat(parts)


def fitted(values):
    return arm_interactions(values, "answer", ARMS, confidence=CONFIDENCE)


def logit(rate):
    return np.log(rate / (1 - rate))


def test_interaction_is_the_difference_of_log_odds_ratios():
    rates = (0.6, 0.4, 0.7, 0.2)
    row = fitted(cells(rates)).iloc[0]
    expected = (logit(0.2) - logit(0.7)) - (logit(0.4) - logit(0.6))
    assert row.estimate == pytest.approx(expected, abs=1e-6)
    assert row.odds_ratio == pytest.approx(np.exp(expected), abs=1e-5)
    assert (row.model, row.task, row.arm, row.status) == ("adapter", "answer", "suggest", "ok")
    assert (row.n, row.clusters) == (50, 50)


def test_standard_error_of_independent_outcomes():
    rates, n = (0.6, 0.4, 0.7, 0.2), 50
    row = fitted(cells(rates, n, unique=True)).iloc[0]
    # Woolf's variance of a log odds, each residual divided by 1 - leverage = 1 - 1 / n.
    expected = np.sqrt(sum(1 / (n * p * (1 - p)) for p in rates)) * n / (n - 1)
    assert row.se == pytest.approx(expected, rel=1e-5)


def test_pairing_of_arms_narrows_the_interval():
    # Sorted outcomes: an item right in one arm tends to be right in the others.
    rates = (0.6, 0.4, 0.7, 0.2)
    assert fitted(cells(rates)).se[0] < fitted(cells(rates, unique=True)).se[0]


def test_planted_interaction_is_recovered_and_null_is_not_found():
    generator = np.random.default_rng(1)
    found = []
    for effect in (0.0, 1.5):
        hits = 0
        for _ in range(60):
            ease = generator.normal(size=80)
            parts = []
            for model, moved in (("base", 0.0), ("adapter", effect)):
                for arm, pushed in (("neutral", 0.0), ("suggest", 1.0)):
                    chance = 1 / (1 + np.exp(-(ease - 0.5 * pushed - moved * pushed)))
                    value = generator.random(80) < chance
                    parts.append(frame(value, model=model, task="answer", measure=arm))
            row = fitted(pd.concat(parts)).iloc[0]
            hits += row.p <= 0.05
        found.append(hits / 60)
    assert found[0] <= 0.15
    assert found[1] >= 0.7


def test_separation_is_a_row_not_a_crash():
    values = pd.concat(
        [
            cells((0.6, 0.4, 0.7, 0.0)),
            *[frame([1, 0] * 25, model="fine", task="answer", measure=arm) for arm in ARMS],
        ]
    )
    table = fitted(values).set_index("model")
    assert table.status["adapter"] == "separation: suggest is constant for adapter"
    assert table.loc["adapter", ["estimate", "low", "high", "se", "p"]].isna().all()
    assert table.status["fine"] == "ok"


def test_base_that_is_constant_spoils_every_fit_but_crashes_none():
    table = fitted(cells((1.0, 0.4, 0.7, 0.2)))
    assert table.status[0] == "separation: neutral is constant for base"


def test_arm_without_a_value():
    values = cells((0.6, 0.4, 0.7, 0.2))
    values.loc[(values.model == "adapter") & (values.measure == "suggest"), "value"] = np.nan
    assert fitted(values).status[0] == "no value in some arm"


def test_too_few_clusters():
    values = cells((0.5, 0.5, 0.5, 0.5), n=4)
    assert fitted(values).status[0] == "too few clusters"


def test_arm_that_was_not_asked():
    with pytest.raises(OutcomeError, match="model adapter has no value of suggest"):
        values = cells((0.6, 0.4, 0.7, 0.2))
        fitted(values[~((values.model == "adapter") & (values.measure == "suggest"))])


def test_values_that_are_not_binary():
    values = cells((0.6, 0.4, 0.7, 0.2))
    values.iloc[0, values.columns.get_loc("value")] = 0.5
    with pytest.raises(OutcomeError, match="other than 0 and 1"):
        fitted(values)
