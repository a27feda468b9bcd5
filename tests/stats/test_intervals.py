"""Closed forms against statsmodels, and behaviour at the edges."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from experiments.stats.intervals import (
    clopper_pearson,
    cluster_t,
    korn_graubard,
    percentile,
    wilson,
)
from tests.stats.frames import CONFIDENCE


@pytest.mark.parametrize(("interval", "method"), [(wilson, "wilson"), (clopper_pearson, "beta")])
@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (150, 300), (300, 300)])
def test_equals_statsmodels(interval, method, successes, n):
    expected = proportion_confint(successes, n, alpha=0.05, method=method)
    assert interval(successes, n, confidence=CONFIDENCE) == pytest.approx(expected)


def test_no_items_give_no_interval():
    low, high = clopper_pearson([0, 5], [0, 10], confidence=CONFIDENCE)
    assert np.isnan([low[0], high[0]]).all()
    assert not np.isnan([low[1], high[1]]).any()


@pytest.mark.parametrize("successes", [100, 1000, 1990])
def test_effective_items_are_nearly_the_items_for_independent_zeros_and_ones(successes):
    n = 2000
    mean = successes / n
    expected = clopper_pearson(successes, n, confidence=CONFIDENCE)
    se = np.sqrt(mean * (1 - mean) / (n - 1))
    found = korn_graubard(mean, se, n, confidence=CONFIDENCE)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_at_the_ends_clusters_count_as_items():
    low, high = korn_graubard([0.0, 1.0], [0.0, 0.0], [20, 20], confidence=CONFIDENCE)
    assert low[0] == 0 and high[1] == 1
    items = 20 * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 19)) ** 2
    assert high[0] == pytest.approx(1 - 0.025 ** (1 / items))
    assert low[1] == pytest.approx(1 - high[0])


def test_values_that_are_all_alike_have_no_sampling_error():
    assert korn_graubard(0.25, 0.0, 50, confidence=CONFIDENCE) == pytest.approx((0.25, 0.25))


def test_one_cluster_has_no_interval():
    assert np.isnan(cluster_t(0.5, np.nan, 1, confidence=CONFIDENCE)).all()
    assert np.isnan(korn_graubard(1.0, np.nan, 1, confidence=CONFIDENCE)).all()


def test_expanded_percentile_of_normal_draws_is_as_wide_as_the_t_interval():
    groups = 25
    # A bootstrap's standard deviation is too small by √((G - 1) / G).
    draws = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000) * np.sqrt((groups - 1) / groups)
    low, high = percentile(draws[:, None], groups, confidence=CONFIDENCE)
    half = stats.t.ppf(0.975, groups - 1)
    assert (low[0], high[0]) == pytest.approx((-half, half), rel=1e-3)


def test_percentile_leaves_out_resamples_without_a_value():
    draws = np.column_stack([np.arange(1000.0), np.full(1000, np.nan)])
    draws[::2, 0] = np.nan
    low, high = percentile(draws, 500, confidence=CONFIDENCE)
    assert low[0] == pytest.approx(25, abs=2)
    assert np.isnan([low[1], high[1]]).all()
