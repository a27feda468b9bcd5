"""The three variances of a mean, and the interval for new levels of each."""

import numpy as np
import pytest
from scipy import stats

from experiments.stats.components import Components, Part, between, components
from tests.stats.frames import CONFIDENCE


def whole(values):
    """Components of complete items × frames × seeds."""
    values = np.asarray(values, float)
    weights = np.full(values.shape, 1 / (values.shape[-1] * values.shape[-2]))
    return components(values * weights, weights)


def planted(items, frames, seeds, spreads=(1, 0.5, 0.3, 0.2)):
    generator = np.random.default_rng(1)
    item, frame, seed, noise = (
        spread * generator.normal(size=size)
        for spread, size in zip(
            spreads,
            [(items, 1, 1), (1, frames, 1), (1, 1, seeds), (items, frames, seeds)],
            strict=True,
        )
    )
    return item + frame + seed + noise


def test_planted_standard_deviations_are_recovered():
    parts = whole(planted(60, 400, 400))
    assert parts.frame.sd == pytest.approx(0.5, rel=0.1)
    assert parts.seed.sd == pytest.approx(0.3, rel=0.1)
    assert np.sqrt(parts.item * 60) == pytest.approx(1, rel=0.2)


def test_item_noise_between_seeds_is_the_sampling_variance_of_their_differences():
    values = planted(200, 1, 2)[:, 0, :]
    found = between(values / 2, np.full(values.shape, 0.5))
    half = (values[:, 0] - values[:, 1]) / 2
    assert found.observed == pytest.approx(half.mean() ** 2)
    assert found.noise == pytest.approx(half.var(ddof=1) / 200)


def test_an_added_pair_widens_the_usual_standard_error():
    values = np.random.default_rng(2).normal(size=(30, 1, 1))
    farthest = np.abs(values - values.mean()).max()
    expected = values.var(ddof=1) / 30 + 2 * farthest**2 / (29 * 30)
    assert whole(values).item == pytest.approx(expected)


@pytest.mark.parametrize(("frames", "seeds", "least"), [(1, 1, 29), (4, 1, 3), (1, 3, 2)])
def test_interval_is_as_long_as_the_t_interval_of_the_widest_part(frames, seeds, least):
    spreads = (1e-9, 1, 1, 1e-9) if frames * seeds > 1 else (1, 0, 0, 0)
    parts = whole(planted(30, frames, seeds, spreads))
    se, degrees, half = parts.interval(CONFIDENCE)
    assert degrees == pytest.approx(least, rel=1e-6)
    assert half == pytest.approx(se * stats.t.ppf(0.975, least))
    means = planted(30, frames, seeds, spreads).mean(axis=0).ravel()
    if len(means) > 1:
        low, high = stats.t.interval(0.95, len(means) - 1, means.mean(), stats.sem(means))
        assert half == pytest.approx((high - low) / 2, rel=1e-6)


def test_parts_of_equal_size_add_up_with_their_own_quantiles():
    one = np.array(0.01)
    parts = Components(one, 40, one, Part(one, 0 * one, 4), Part(one, 0 * one, 3))
    se, degrees, half = parts.interval(CONFIDENCE)
    squared = sum(0.01 * stats.t.ppf(0.975, degree) ** 2 for degree in (39, 3, 2))
    assert (se, half) == pytest.approx((np.sqrt(0.03), np.sqrt(squared)))
    assert stats.t.ppf(0.975, degrees) == pytest.approx(half / se)


@pytest.mark.parametrize(("largest", "known"), [(1.0, True), (np.nan, False)])
def test_nothing_varies(largest, known):
    parts = components(np.zeros((20, 1, 1)), np.ones((20, 1, 1)), largest)
    assert np.isfinite(parts.interval(CONFIDENCE)[2]) == known
