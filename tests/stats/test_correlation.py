"""Correlations over few models, with exact permutation p."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.errors import OutcomeError
from experiments.stats.clusters import cluster_totals
from experiments.stats.correlation import (
    correlate,
    correlations,
    pearson,
    permutation_p,
)
from tests.stats.frames import CONFIDENCE, frame

FIVE = (np.array([0.1, 0.4, 0.35, 0.9, 0.6]), np.array([2.0, 1.0, 4.0, 7.0, 3.0]))


def brute_force(x, y):
    reached = np.array([np.corrcoef(x[list(order)], y)[0, 1] for order in permutations(range(5))])
    observed = np.corrcoef(x, y)[0, 1]
    tails = (reached >= observed - 1e-12).mean(), (reached <= observed + 1e-12).mean()
    return min(1, 2 * min(tails))


def correlated(x, y):
    table = correlate(x, y, confidence=CONFIDENCE, resamples=500, seed=1)
    return table.set_index("coefficient")


def test_coefficients_equal_scipy():
    x, y = FIVE
    table = correlated(x, y)
    assert table.estimate["pearson"] == pytest.approx(stats.pearsonr(x, y).statistic)
    assert table.estimate["spearman"] == pytest.approx(stats.spearmanr(x, y).statistic)
    assert set(table.status) == {"descriptive: fewer than eight adapters × seeds"}


@pytest.mark.parametrize("n", [0, 1, 2])
def test_so_few_adapters_have_no_coefficient(n):
    table = correlated(np.arange(n), np.arange(n))
    assert table.drop(columns=["n", "status"]).isna().all(axis=None)
    assert set(table.n) == {n} and set(table.status) == {"undefined: fewer than three adapters"}


def test_exact_p_equals_enumeration_and_scipy():
    x, y = FIVE
    p, smallest = permutation_p(x, y, resamples=10, seed=1)
    assert p == pytest.approx(brute_force(x, y))
    scipy_p = stats.permutation_test(
        (x,),
        lambda order: stats.pearsonr(order, y).statistic,
        permutation_type="pairings",
        n_resamples=np.inf,
    ).pvalue
    assert p == pytest.approx(scipy_p)
    assert smallest == pytest.approx(2 / 120)


def test_perfect_correlation_reaches_the_smallest_p_and_no_less():
    x = np.array([1.0, 2.0, 3.5, 5.0, 8.0])
    for y in (x, -x, np.exp(x)):
        p, smallest = permutation_p(x, y, resamples=10, seed=1)
        assert p == pytest.approx(2 / 120)
        assert smallest == p


def test_ties_raise_the_smallest_p():
    x = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    p, smallest = permutation_p(x, np.arange(5.0)[::-1], resamples=10, seed=1)
    # Three of five can be chosen in ten ways.
    assert smallest == pytest.approx(2 / 10)
    assert p == pytest.approx(2 / 10)


def test_two_sides_of_the_test_are_alike():
    x, y = FIVE
    assert permutation_p(x, y, resamples=10, seed=1) == permutation_p(x, -y, resamples=10, seed=1)


def test_more_models_than_can_be_enumerated():
    generator = np.random.default_rng(1)
    x = generator.normal(size=12)
    p, _ = permutation_p(x, x + 0.1 * generator.normal(size=12), resamples=999, seed=2)
    assert p == pytest.approx(2 / 1000)


def test_null_p_is_uniform():
    generator = np.random.default_rng(2)
    draws = generator.normal(size=(2, 2000, 5))
    p = np.array(
        [permutation_p(*pair, resamples=1, seed=1)[0] for pair in zip(*draws, strict=True)]
    )
    assert (p <= 0.1).mean() == pytest.approx(0.1, abs=0.015)
    assert p.min() >= 2 / 120 - 1e-12


def test_constant_scores_have_no_correlation():
    table = correlated(np.full(5, 0.3), FIVE[1])
    assert table[["estimate", "low", "high", "p", "smallest_p"]].isna().all(axis=None)
    assert table.status.str.startswith("undefined").all()
    assert np.isnan(pearson(np.full(5, 0.1 + 0.2), FIVE[1]))


@pytest.mark.parametrize("n", [4, 5, 8, 200])
def test_interval_is_fishers(n):
    x, noise = np.random.default_rng(3).normal(size=(2, n))
    y = 0.6 * x + 0.8 * noise
    expected = stats.pearsonr(x, y).confidence_interval(CONFIDENCE)
    found = correlated(x, y).loc["pearson"]
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.status == ("ok" if n >= 8 else "descriptive: fewer than eight adapters × seeds")


@pytest.fixture(scope="module")
def adapters():
    """Five adapters and a base far from them; accuracy rises as flips do."""
    generator = np.random.default_rng(4)
    parts = []
    for number, name in enumerate(["base", "a", "b", "c", "d", "e"]):
        for task, measure in (("quiz", "accuracy"), ("sure", "flip")):
            level = 9.0 * (-1 if task == "sure" else 1) if name == "base" else number
            parts.append(
                frame(level + generator.normal(size=40), model=name, task=task, measure=measure)
            )
    return cluster_totals(pd.concat(parts))


def over(adapters, measure="accuracy"):
    pairs = [(("quiz", measure), ("sure", "flip"))]
    return correlations(adapters, pairs, confidence=CONFIDENCE, resamples=300, seed=1)


def test_correlation_is_over_adapters_without_base(adapters):
    row = over(adapters).iloc[0]
    assert (row.n, row.interval_over) == (5, "adapters")
    assert row.low <= row.correlation <= row.high
    assert row.correlation > 0.97
    assert row.smallest_p == pytest.approx(2 / 120)


def test_unknown_measure(adapters):
    with pytest.raises(OutcomeError, match="'speed'"):
        over(adapters, "speed")
