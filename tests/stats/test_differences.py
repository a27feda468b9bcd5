"""The interval of a mean of differences against the published formula."""

import numpy as np
import pytest
from scipy import stats

from experiments.stats.clusters import cluster_totals
from experiments.stats.differences import difference_bounds
from tests.stats.frames import CONFIDENCE, frame


def bounds(value, *, bounded=True, **fields):
    totals = cluster_totals(frame(value, **fields))
    return difference_bounds(totals, np.array([bounded]), confidence=CONFIDENCE).iloc[0]


def test_the_pair_adds_a_gain_and_a_loss_to_the_variance():
    gained, lost, n = 9, 9, 40
    found = bounds([1] * gained + [-1] * lost + [0] * (n - gained - lost))
    half = stats.t.ppf(0.975, n - 1) * np.sqrt((gained + lost + 2) / (n * (n - 1)))
    assert (found.low, found.high) == pytest.approx((-half, half))
    assert found.method == "added_pair"


def test_clusters_of_one_item_and_of_two_nearly_agree_when_items_are_independent():
    value = np.random.default_rng(1).choice([1, 0, -1], size=400, p=[0.3, 0.5, 0.2])
    alone = bounds(value)
    paired = bounds(value, cluster=np.arange(400) // 2)
    assert (paired.low, paired.high) == pytest.approx((alone.low, alone.high), abs=0.02)


def test_ends_stay_within_one():
    assert bounds([1] * 10).high <= 1


@pytest.mark.parametrize("bounded", [True, False])
def test_no_difference_at_all(bounded):
    found = bounds([0] * 30, bounded=bounded)
    assert (found.high > found.low) if bounded else np.isnan([found.low, found.high]).all()


def test_no_values():
    found = bounds([np.nan, np.nan])
    assert np.isnan([found.low, found.high, found.se]).all()
    assert found.method == ""
