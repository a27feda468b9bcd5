"""The interval of a mean of differences against the published formula."""

import numpy as np
import pytest

from experiments.stats.clusters import cluster_totals
from experiments.stats.differences import difference_bounds
from tests.stats.frames import CONFIDENCE, frame


def bounds(value, *, whole=True, bounded=True, **fields):
    totals = cluster_totals(frame(value, **fields))
    return difference_bounds(
        totals, np.array([whole]), np.array([bounded]), confidence=CONFIDENCE
    ).iloc[0]


def test_bonett_and_price():
    gained, lost, n = 9, 3, 40
    found = bounds([1] * gained + [-1] * lost + [0] * (n - gained - lost))
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = 1.959963985 * np.sqrt((up + down - (up - down) ** 2) / (n + 2))
    assert (found.low, found.high) == pytest.approx((up - down - half, up - down + half))
    assert found.method == "bonett_price"


def test_clusters_of_one_item_and_of_two_nearly_agree_when_items_are_independent():
    value = np.random.default_rng(1).choice([1, 0, -1], size=400, p=[0.3, 0.5, 0.2])
    alone = bounds(value)
    paired = bounds(value, cluster=np.arange(400) // 2)
    assert (paired.low, paired.high) == pytest.approx((alone.low, alone.high), abs=0.02)


def test_ends_stay_within_one():
    assert bounds([1] * 10).high <= 1


@pytest.mark.parametrize(
    ("whole", "bounded", "width"), [(True, True, True), (False, True, True), (False, False, False)]
)
def test_no_difference_at_all(whole, bounded, width):
    found = bounds([0] * 30, whole=whole, bounded=bounded)
    assert (found.high > found.low) if width else np.isnan([found.low, found.high]).all()


def test_no_values():
    found = bounds([np.nan, np.nan])
    assert np.isnan([found.low, found.high, found.se]).all()
    assert found.method == ""
