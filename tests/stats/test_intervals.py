"""Closed forms against statsmodels, and behaviour at the edges."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from experiments.stats.intervals import (
    cluster_t,
    percentile,
    wilson,
    wilson_effective,
)
from tests.stats.frames import CONFIDENCE


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (150, 300), (300, 300)])
def test_equals_statsmodels(successes, n):
    expected = proportion_confint(successes, n, alpha=0.05, method="wilson")
    assert wilson(successes, n, confidence=CONFIDENCE) == pytest.approx(expected)


def test_no_items_give_no_interval():
    low, high = wilson([0, 5], [0, 10], confidence=CONFIDENCE)
    assert np.isnan([low[0], high[0]]).all()
    assert not np.isnan([low[1], high[1]]).any()


def test_effective_wilson_is_nearly_wilson_for_independent_zeros_and_ones():
    n = 2000
    for successes in (100, 1000, 1990):
        mean = successes / n
        se = np.sqrt(mean * (1 - mean) / (n - 1))
        expected = wilson(successes, n, confidence=CONFIDENCE)
        found = wilson_effective(mean, se, n, confidence=CONFIDENCE)
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_effective_wilson_at_the_ends_counts_clusters_as_items():
    low, high = wilson_effective([0.0, 1.0], [0.0, 0.0], [20, 20], confidence=CONFIDENCE)
    assert low[0] == 0 and high[1] == 1
    # z² / (n + z²) is Wilson's end at none of n; here with the t quantile.
    t = stats.t.ppf(0.975, 19)
    assert high[0] == pytest.approx(t**2 / (20 + t**2))
    assert low[1] == pytest.approx(1 - high[0])


def test_effective_wilson_of_values_that_are_all_alike_is_their_value():
    assert wilson_effective(0.25, 0.0, 50, confidence=CONFIDENCE) == pytest.approx((0.25, 0.25))


def test_one_cluster_has_no_interval():
    assert np.isnan(cluster_t(0.5, np.nan, 1, confidence=CONFIDENCE)).all()
    assert np.isnan(wilson_effective(1.0, np.nan, 1, confidence=CONFIDENCE)).all()


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
