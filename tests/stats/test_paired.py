"""Paired effects: planted effects, known tests, counts and incomplete outcomes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.measures.per_item import DIFFERENCE
from experiments.stats.paired import paired_effects, sign_flip_exact
from tests.stats.frames import CONFIDENCE, both, frame


def effects(values):
    return paired_effects(values, confidence=CONFIDENCE)


def test_planted_effect_on_margins_is_recovered():
    generator = np.random.default_rng(1)
    base = generator.normal(0, 3, 100)
    found = effects(both(base, base + generator.normal(0.5, 1, 100))).iloc[0]
    assert found.low < 0.5 < found.high
    # Pairing removes the spread between items, which is three times as large.
    assert found.high - found.low < 0.5
    assert found.p < 0.001
    assert found.base_estimate == pytest.approx(base.mean())
    assert (found.method, found.test) == ("added_pair", "cluster_t")


def test_planted_effect_on_rates_is_recovered():
    generator = np.random.default_rng(2)
    base = generator.random(200) < 0.3
    adapter = np.where(base, generator.random(200) < 0.9, generator.random(200) < 0.4)
    found = effects(both(base, adapter)).iloc[0]
    truth = 0.7 * 0.4 - 0.3 * 0.1
    assert found.low < truth < found.high
    assert (found.method, found.test) == ("added_pair", "sign_flip_exact")


def test_p_is_of_the_interval_and_no_smaller_than_the_paired_t_test():
    generator = np.random.default_rng(3)
    base, adapter = generator.normal(size=(2, 25))
    found = effects(both(base, adapter)).iloc[0]
    assert found.p > stats.ttest_rel(adapter, base).pvalue
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.estimate) / found.se, 24))


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (5, 0), (0, 6), (12, 3), (7, 7)])
def test_mcnemar_equals_scipy(gained, lost):
    base = [0] * gained + [1] * lost + [1, 0] * 10
    adapter = [1] * gained + [0] * lost + [1, 0] * 10
    found = effects(both(base, adapter)).iloc[0]
    discordant = gained + lost
    expected = stats.binomtest(gained, discordant).pvalue if discordant else 1.0
    assert found.p == pytest.approx(expected)  # one item per cluster


def test_equal_items_in_clusters_are_not_counted_as_evidence():
    base, adapter = [0] * 20 + [1, 0] * 10, [1] * 20 + [1, 0] * 10
    cluster = [f"c{number // 10}" for number in range(40)]
    found = effects(both(base, adapter, cluster=cluster)).iloc[0]
    # Two clusters changed, both upwards: 2 × (1/2)².
    assert found.p == pytest.approx(0.5)


def test_exact_signs_equal_enumeration():
    sums = np.array([3.0, -1.0, 2.0, 0.0, 2.0, 1.0])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1).T
    reached = np.abs(signs @ np.abs(sums))
    assert sign_flip_exact(sums) == pytest.approx((reached >= abs(sums.sum())).mean())


def test_pairs_that_are_not_eligible_or_did_not_parse_are_counted():
    values = both([1, 0, np.nan, np.nan, 1, 0], [1, 1, 1, 1, np.nan, np.nan])
    values["unparsed"] = values.value.isna() & values.id.isin(("i003", "i005"))
    found = effects(values).iloc[0]
    assert (found.n, found.excluded, found.unparsed) == (2, 2, 2)
    assert (found.base_estimate, found.estimate) == (0.5, 0.5)


def test_no_pair_at_all():
    found = effects(both([1, np.nan], [np.nan, 1])).iloc[0]
    assert found.n == 0 and found.method == "" and found.test == ""
    assert np.isnan([found.estimate, found.low, found.p]).all()


def test_nothing_changed():
    found = effects(both([1, 0] * 15, [1, 0] * 15)).iloc[0]
    assert (found.estimate, found.p) == (0, 1)
    assert found.low < -0.05 and found.high > 0.05


def test_margins_that_did_not_change_are_no_evidence_of_change():
    found = effects(both([2.5, 0.1, 3.0], [2.5, 0.1, 3.0])).iloc[0]
    assert (found.estimate, found.p) == (0, 1)
    assert np.isnan([found.low, found.high]).all()


def test_shares_that_all_moved_alike():
    found = effects(both([0.25] * 6 + [0.5], [0.5] * 6 + [0.75])).iloc[0]
    assert found.test == "cluster_t" and found.low < 0 and 0.05 < found.p < 1
    found = effects(both([2.0, 7.0, 4.0], [3.0, 8.0, 5.0])).iloc[0]
    assert np.isnan([found.low, found.p]).all()  # without bounds nothing is known of others


def test_seeds_are_averaged_before_pairing():
    values = pd.concat(
        [
            frame([1, 0, 1, 0]),
            frame([1, 1, 1, 0], model="adapter", seed=1),
            frame([1, 0, 1, 1], model="adapter", seed=2),
        ]
    )
    found = effects(values).iloc[0]
    assert (found.n, found.estimate) == (4, 0.25)
    assert found.test == "cluster_t"


def test_measure_of_base_alone_is_left_out():
    values = pd.concat([both([1, 0], [1, 1]), frame([1, 0], measure="other")])
    assert effects(values).measure.tolist() == ["accuracy"]


def test_columns_and_rows_are_stable():
    values = pd.concat([both([1, 0, 1], [0, 0, 1]), frame([0, 1, 1], model="another")])
    table = effects(values)
    assert table.model.tolist() == ["adapter", "another"]
    assert table.to_csv() == effects(values.sample(frac=1, random_state=2)).to_csv()


def test_a_difference_of_rates_that_moves_in_whole_steps_is_tested_exactly():
    base, adapter = [0, 0, 0, 0, 1, -1], [1, 1, 1, 1, 1, -1]
    found = effects(both(base, adapter, unit=DIFFERENCE)).iloc[0]
    assert (found.test, found.method) == ("sign_flip_exact", "added_pair")
    assert found.p == 2 / 2**4
    found = effects(both([-1, 0, 0, 0, 1, -1], adapter, unit=DIFFERENCE)).iloc[0]
    assert (found.test, found.method) == ("cluster_t", "added_pair")  # one item moves by two
