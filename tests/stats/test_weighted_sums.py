"""Weighted sums of means."""

import numpy as np
import pandas as pd
import pytest

from experiments.errors import OutcomeError
from experiments.stats.clusters import cluster_totals
from experiments.stats.differences import widened
from experiments.stats.paired import paired_effects
from experiments.stats.weighted_sums import WeightedSum, weighted_sums
from tests.stats.frames import CONFIDENCE, both, frame


def changes_of(values):
    """Each adapter's rate less the base model's, as weighted sums."""
    totals = cluster_totals(values)
    models = [name for name in totals.cells.get_level_values(0) if name != "base"]
    wanted = [
        WeightedSum({(name, "quiz", "accuracy"): 1.0, ("base", "quiz", "accuracy"): -1.0})
        for name in models
    ]
    return weighted_sums(totals, wanted, confidence=CONFIDENCE).assign(model=models)


def three_models():
    generator = np.random.default_rng(1)
    base, one, two = generator.normal([[0], [0.5], [0.2]], 1, size=(3, 60))
    return pd.concat([frame(base), frame(one, model="one"), frame(two, model="two")])


def test_change_of_a_rate_is_the_paired_effect_where_all_items_are_eligible():
    values = three_models()
    changes = changes_of(values)
    paired = paired_effects(values, confidence=CONFIDENCE)
    for column in ("estimate", "low", "high", "se", "p"):
        np.testing.assert_allclose(changes[column], paired[column])


def test_change_of_a_conditional_rate_is_the_difference_of_the_rates():
    values = both([1, 0, np.nan, 1, np.nan, 0], [np.nan, 1, 1, 1, 0, np.nan])
    found = changes_of(values).iloc[0]
    assert found.estimate == pytest.approx(3 / 4 - 2 / 4)
    assert found.n == 4


def test_disjoint_tasks_add_their_variances():
    generator = np.random.default_rng(2)
    first, second = frame(generator.normal(size=50)), frame(generator.normal(size=30), task="b")
    second["cluster"] = "b" + second.cluster
    totals = cluster_totals(pd.concat([first, second]))
    weights = {("base", "quiz", "accuracy"): 0.5, ("base", "b", "accuracy"): 0.5}
    found = weighted_sums(totals, [WeightedSum(weights, 1.0)], confidence=CONFIDENCE).iloc[0]
    assert found.se == pytest.approx(widened(totals.influence.sum(axis=1) / 2))
    assert found.estimate == pytest.approx(1 + totals.means.mean())
    assert (found.n, found.clusters) == (30, 30)


def test_no_variation_is_no_evidence():
    found = changes_of(both([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])).iloc[0]
    assert found.estimate == 0
    assert np.isnan([found.low, found.high, found.p]).all()


def test_cell_without_values_spoils_only_its_own_contrast():
    values = pd.concat([three_models(), frame([np.nan] * 60, model="zero")])
    table = changes_of(values).set_index("model")
    assert np.isnan(table.estimate["zero"])
    assert not table.loc[["one", "two"], ["estimate", "low", "high"]].isna().any(axis=None)


def test_unknown_cell():
    with pytest.raises(OutcomeError, match="no measure 'accuracy' of task 'nowhere'"):
        weighted_sums(
            cluster_totals(three_models()),
            [WeightedSum({("base", "nowhere", "accuracy"): 1.0})],
            confidence=CONFIDENCE,
        )
