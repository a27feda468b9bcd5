"""Totals, influence and resampling against their textbook definitions."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from experiments.errors import OutcomeError
from experiments.stats.clusters import cluster_totals
from tests.stats.frames import both, frame


def test_standard_error_is_the_usual_one_without_clusters():
    value = np.random.default_rng(1).normal(size=50)
    totals = cluster_totals(frame(value))
    assert totals.se[0] == pytest.approx(value.std(ddof=1) / np.sqrt(50))


def test_standard_error_equals_statsmodels_cluster_robust_regression_on_a_constant():
    generator = np.random.default_rng(2)
    value, cluster = generator.normal(size=90), generator.integers(0, 25, 90)
    totals = cluster_totals(frame(value, cluster=cluster))
    fitted = sm.OLS(value, np.ones(90)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    groups = len(set(cluster))
    assert totals.means[0] == pytest.approx(fitted.params[0])
    assert totals.se[0] == pytest.approx(fitted.bse[0] * np.sqrt(groups / (groups - 1)))


def test_influence_of_a_paired_difference_is_that_of_the_differences():
    generator = np.random.default_rng(3)
    base = generator.normal(size=40)
    adapter = base + generator.normal(0.2, 0.1, size=40)
    totals = cluster_totals(both(base, adapter))
    se = np.sqrt(((totals.influence @ [-1, 1]) ** 2).sum())
    assert se == pytest.approx((adapter - base).std(ddof=1) / np.sqrt(40))


def test_values_that_are_missing_do_not_count():
    totals = cluster_totals(frame([1, np.nan, 0, np.nan], cluster=["a", "a", "b", "c"]))
    assert totals.means[0] == 0.5
    assert totals.sizes[0] == 2


def test_resamples_keep_models_paired_and_have_the_right_spread():
    generator = np.random.default_rng(4)
    base = generator.normal(size=60)
    totals = cluster_totals(both(base, base + 1.0))
    resampled = totals.resampled_means(1001, seed=5)
    assert resampled.shape == (1001, 2)
    np.testing.assert_allclose(resampled[:, 1] - resampled[:, 0], 1.0)
    assert resampled[:, 0].std() == pytest.approx(base.std() / np.sqrt(60), rel=0.08)
    np.testing.assert_array_equal(resampled, totals.resampled_means(1001, seed=5))
    assert (resampled != totals.resampled_means(1001, seed=6)).any()


def test_clusters_of_one_name_in_two_tasks_are_drawn_together():
    value = np.arange(30.0)
    values = pd.concat([frame(value), frame(value, task="other")])
    resampled = cluster_totals(values).resampled_means(50, seed=1)
    np.testing.assert_allclose(resampled[:, 0], resampled[:, 1])


def test_unknown_cell():
    with pytest.raises(OutcomeError, match="measure 'speed' of task 'quiz' for model 'base'"):
        cluster_totals(frame([1, 0])).position(("base", "quiz", "speed"))
