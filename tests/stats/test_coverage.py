"""95 % intervals hold the truth in 95 ± 1.5 % of 2,000 simulated studies, and nulls reject in 5 %.

The sizes are those of this study: 40 clusters, or 60 items. Where a method is known to be cautious
(few discordant pairs) the test says so: it may cover more, never less.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.stats.differences import difference_bounds
from experiments.stats.estimates import estimates
from experiments.stats.intervals import cluster_t, percentile, wilson, wilson_effective
from experiments.stats.paired import cluster_t_test, sign_flip, sign_flip_exact
from experiments.stats.power import minimal_detectable_effect
from experiments.stats.weighted_sums import WeightedSum, weighted_sums
from tests.stats.frames import CONFIDENCE, frame, simulated_totals

STUDIES = 2000
SLACK = 0.015


def covered(bounds, truth) -> float:
    low, high = bounds
    return float(((low <= truth) & (truth <= high)).mean())


def clustered_shares(generator, rate, clusters, largest=4):
    """Sums and counts of correlated zeros and ones; clusters hold 1 to `largest` items."""
    counts = generator.integers(1, largest + 1, (STUDIES, clusters))
    propensity = generator.beta(3 * rate, 3 * (1 - rate), (STUDIES, clusters))
    return generator.binomial(counts, propensity).astype(float), counts.astype(float)


@pytest.mark.parametrize("n", [40, 60, 100, 300])
def test_wilson_averaged_over_rates(n):
    # At one rate the coverage of any interval for a count jumps with n; its mean over rates is
    # what can be nominal (Brown, Cai and DasGupta 2001).
    generator = np.random.default_rng(1)
    rate = generator.uniform(0.05, 0.95, STUDIES)
    assert covered(wilson(generator.binomial(n, rate), n, confidence=CONFIDENCE), rate) == (
        pytest.approx(0.95, abs=SLACK)
    )


@pytest.mark.parametrize("clusters", [40, 60])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_effective_wilson_for_clustered_zeros_and_ones(clusters, rate):
    totals = simulated_totals(*clustered_shares(np.random.default_rng(2), rate, clusters))
    bounds = wilson_effective(totals.means, totals.se, totals.sizes, confidence=CONFIDENCE)
    assert covered(bounds, rate) == pytest.approx(0.95, abs=SLACK)


@pytest.mark.parametrize("clusters", [40, 60])
@pytest.mark.parametrize(("rate", "orders"), [(0.9, 4), (0.7, 4), (0.1, 10)])
def test_effective_wilson_for_means_over_option_orders(clusters, rate, orders):
    generator = np.random.default_rng(3)
    propensity = generator.beta(2 * rate, 2 * (1 - rate), (STUDIES, clusters))
    sums = generator.binomial(orders, propensity) / orders
    totals = simulated_totals(sums, np.ones_like(sums))
    bounds = wilson_effective(totals.means, totals.se, totals.sizes, confidence=CONFIDENCE)
    assert covered(bounds, rate) == pytest.approx(0.95, abs=SLACK)


@pytest.mark.parametrize("clusters", [40, 60])
def test_cluster_t_for_clustered_margins(clusters):
    generator = np.random.default_rng(4)
    counts = generator.integers(1, 5, (STUDIES, clusters)).astype(float)
    shared = generator.normal(0.3, 1.0, (STUDIES, clusters))
    own = generator.normal(0, 1, (STUDIES, clusters)) * np.sqrt(counts)
    totals = simulated_totals(shared * counts + own, counts)
    bounds = cluster_t(totals.means, totals.se, totals.sizes, confidence=CONFIDENCE)
    assert covered(bounds, 0.3) == pytest.approx(0.95, abs=SLACK)


def test_cluster_t_for_skewed_margins_needs_more_items():
    generator = np.random.default_rng(5)
    for clusters, slack in ((60, 0.02), (150, SLACK)):
        sums = generator.exponential(1.0, (STUDIES, clusters))
        totals = simulated_totals(sums, np.ones_like(sums))
        bounds = cluster_t(totals.means, totals.se, totals.sizes, confidence=CONFIDENCE)
        assert covered(bounds, 1.0) == pytest.approx(0.95, abs=slack)


@pytest.mark.parametrize("clusters", [40, 60])
def test_bootstrap_percentile(clusters):
    generator = np.random.default_rng(6)
    sums = generator.normal(1.0, 2.0, (STUDIES, clusters))
    totals = simulated_totals(sums, np.ones_like(sums))
    resampled = totals.resampled_means(1000, seed=1)
    bounds = percentile(resampled, totals.sizes, confidence=CONFIDENCE)
    assert covered(bounds, 1.0) == pytest.approx(0.95, abs=SLACK)


@pytest.mark.parametrize("clusters", [60, 100])
@pytest.mark.parametrize(("gain", "loss"), [(0.15, 0.05), (0.3, 0.1), (0.3, 0.3)])
def test_paired_binary_differences(clusters, gain, loss):
    generator = np.random.default_rng(7)
    sums = generator.choice(
        [1.0, -1.0, 0.0], p=[gain, loss, 1 - gain - loss], size=(STUDIES, clusters)
    )
    found = bounds_of_differences(sums, np.ones_like(sums))
    assert covered(found, gain - loss) == pytest.approx(0.95, abs=SLACK)


@pytest.mark.parametrize("clusters", [40, 60])
def test_paired_binary_differences_are_cautious_when_few_pairs_differ(clusters):
    generator = np.random.default_rng(8)
    sums = generator.choice([1.0, -1.0, 0.0], p=[0.05, 0.02, 0.93], size=(STUDIES, clusters))
    plain = simulated_totals(sums, np.ones_like(sums))
    naive = cluster_t(plain.means, plain.se, plain.sizes, confidence=CONFIDENCE)
    assert covered(naive, 0.03) < 0.95 - SLACK / 2
    assert covered(bounds_of_differences(sums, np.ones_like(sums)), 0.03) > 0.95


@pytest.mark.parametrize("clusters", [40, 60])
def test_paired_binary_differences_in_clusters(clusters):
    generator = np.random.default_rng(9)
    counts = generator.integers(1, 5, (STUDIES, clusters))
    gains = np.minimum(0.3 * generator.gamma(2, 0.5, counts.shape), 0.6)
    losses = np.minimum(0.1 * generator.gamma(2, 0.5, counts.shape), 0.3)
    draws = generator.random((4, *counts.shape))
    exists = np.arange(4)[:, None, None] < counts
    outcome = (draws < gains) * 1.0 - ((draws >= gains) & (draws < gains + losses))
    truth = np.minimum(0.3 * generator.gamma(2, 0.5, 10**6), 0.6).mean()
    truth -= np.minimum(0.1 * generator.gamma(2, 0.5, 10**6), 0.3).mean()
    found = bounds_of_differences((outcome * exists).sum(axis=0), counts.astype(float))
    assert covered(found, truth) == pytest.approx(0.95, abs=SLACK)


def bounds_of_differences(sums, counts):
    totals = simulated_totals(sums, counts)
    whole = np.ones(len(sums), bool)
    table = difference_bounds(totals, whole, whole, confidence=CONFIDENCE)
    return table.low.to_numpy(), table.high.to_numpy()


def test_contrast_of_correlated_measures():
    generator = np.random.default_rng(10)
    shared = generator.normal(size=(STUDIES, 60))
    first = shared + generator.normal(0.5, 1, size=shared.shape)
    second = shared + generator.normal(0.2, 0.5, size=shared.shape)
    both = simulated_totals(np.vstack([first, second]), np.ones((2 * STUDIES, 60)))
    wanted = [
        WeightedSum(
            {(study, "quiz", "accuracy"): 1.0, (study + STUDIES, "quiz", "accuracy"): -1.0}, 0.1
        )
        for study in range(STUDIES)
    ]
    table = weighted_sums(both, wanted, confidence=CONFIDENCE)
    assert covered((table.low, table.high), 0.4) == pytest.approx(0.95, abs=SLACK)


def test_table_of_estimates_covers_as_its_parts_do():
    generator = np.random.default_rng(11)
    sizes = generator.integers(1, 4, 40)
    cluster = np.repeat([f"c{number:02d}" for number in range(40)], sizes)
    values = frame(np.zeros(sizes.sum()), cluster=cluster)
    propensity = np.repeat(generator.beta(1.2, 2.8, (500, 40)), sizes, axis=1)
    drawn = (generator.random(propensity.shape) < propensity).astype(float)
    many = [values.assign(model=f"m{study:03d}", value=drawn[study]) for study in range(500)]
    table = estimates(pd.concat(many), confidence=CONFIDENCE)
    assert set(table.method) == {"wilson_effective"}
    # 500 studies: three binomial standard deviations.
    assert covered((table.low, table.high), 0.3) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("clusters", [40, 60])
def test_null_margins_reject_in_five_percent(clusters):
    generator = np.random.default_rng(12)
    counts = generator.integers(1, 4, (STUDIES, clusters)).astype(float)
    sums = generator.normal(0, 1, counts.shape) * counts
    totals = simulated_totals(sums, counts)
    by_t = cluster_t_test(totals.means, totals.se, totals.sizes)
    by_signs = sign_flip(totals.sums, resamples=1999, seed=3)
    for p in (by_t, by_signs):
        assert (p <= 0.05).mean() == pytest.approx(0.05, abs=SLACK)
        assert (p <= 0.5).mean() == pytest.approx(0.5, abs=0.04)


def test_null_binary_outcomes_reject_at_most_in_five_percent():
    generator = np.random.default_rng(13)
    counts = generator.integers(1, 4, (STUDIES, 60))
    rises = generator.binomial(counts, 0.4)
    sums = rises - generator.binomial(counts - rises, 0.4 / 0.6)
    p = np.array([sign_flip_exact(row) for row in sums.astype(float)])
    assert 0.025 < (p <= 0.05).mean() <= 0.05 + SLACK / 2


def test_power_is_what_the_minimal_detectable_effect_promises():
    generator = np.random.default_rng(14)
    clusters, sd = 60, 2.0
    se = np.array([sd / np.sqrt(clusters)])
    effect = minimal_detectable_effect(se, [clusters], confidence=CONFIDENCE, power=0.8)[0]
    sums = generator.normal(effect, sd, (STUDIES, clusters))
    totals = simulated_totals(sums, np.ones_like(sums))
    p = stats.ttest_1samp(sums, 0, axis=1).pvalue
    np.testing.assert_allclose(p, cluster_t_test(totals.means, totals.se, totals.sizes))
    assert (p <= 0.05).mean() == pytest.approx(0.8, abs=0.03)
