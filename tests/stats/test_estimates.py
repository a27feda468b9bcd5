"""The table of estimates: numbers, methods and counts."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from experiments.measures.per_item import DIFFERENCE
from experiments.stats.estimates import estimates
from tests.stats.frames import CONFIDENCE, both, frame


def row(values):
    table = estimates(values, confidence=CONFIDENCE)
    assert len(table) == 1
    return table.iloc[0]


def test_binary_items_one_per_cluster_get_the_exact_interval():
    found = row(frame([1] * 30 + [0] * 10))
    assert found.method == "clopper_pearson"
    assert (found.low, found.high) == pytest.approx(
        proportion_confint(30, 40, alpha=0.05, method="beta")
    )
    assert found.estimate == 0.75
    assert (found.n, found.clusters, found.seeds) == (40, 40, 1)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
@pytest.mark.parametrize("per_cluster", [1, 2])
def test_equal_outcomes_still_have_an_interval(outcome, per_cluster):
    cluster = [f"c{number // per_cluster}" for number in range(24)]
    found = row(frame([outcome] * 24, cluster=cluster))
    assert found.high - found.low > 0.1
    assert min(abs(found.low - outcome), abs(found.high - outcome)) < 1e-12


def test_clusters_widen_the_interval():
    value = [1, 1, 1, 0, 0, 0] * 10
    alone = row(frame(value))
    together = row(frame(value, cluster=[f"c{number // 3}" for number in range(60)]))
    assert together.method == "korn_graubard"
    assert together.estimate == alone.estimate
    ratio = (together.high - together.low) / (alone.high - alone.low)
    # Three equal items per cluster carry the information of one.
    assert ratio == pytest.approx(np.sqrt(3), rel=0.1)


def test_one_method_for_all_models_of_a_measure():
    cluster = ["a", "a", "b", "b", "c", "c", "d"]
    values = pd.concat(
        [
            frame([1, 0, 1, 0, 1, 1, 0], cluster=cluster),
            frame([1, np.nan, 0, np.nan, 1, np.nan, 0], model="adapter", cluster=cluster),
        ]
    )
    assert set(estimates(values, confidence=CONFIDENCE).method) == {"korn_graubard"}


def test_excess_rates_that_never_differ_still_have_an_interval():
    values = both([0] * 50, [-1, 1] * 25, unit=DIFFERENCE)
    table = estimates(values, confidence=CONFIDENCE).set_index("model")
    assert set(table.method) == {"added_pair"}
    assert table.low["base"] < -0.04 and table.high["base"] > 0.04


def test_margins_get_a_wider_t_interval():
    value = np.random.default_rng(1).normal(5, 2, 30)
    found = row(frame(value))
    assert found.method == "added_pair"
    squares = 29 * value.var(ddof=1) + 2 * np.abs(value - value.mean()).max() ** 2
    half = 2.045229642 * np.sqrt(squares / 29 / 30)
    assert (found.low, found.high) == pytest.approx((value.mean() - half, value.mean() + half))


def test_excluded_and_unparsed_are_counted_apart():
    value = [1, 1, 0, np.nan, np.nan, np.nan]
    found = row(frame(value, unparsed=[False, False, False, True, True, False]))
    assert (found.n, found.excluded, found.unparsed) == (3, 1, 2)
    assert found.estimate == pytest.approx(2 / 3)
    assert found.low_if_none == pytest.approx(2 / 5)
    assert found.high_if_all == pytest.approx(4 / 5)


def test_unparsed_replies_that_were_scored_are_bounded_too():
    found = row(frame([1, 0, 0, 0], unparsed=[False, False, True, True]))
    assert (found.n, found.unparsed) == (4, 2)
    assert (found.estimate, found.low_if_none, found.high_if_all) == (0.25, 0.25, 0.75)


def test_nothing_parsed():
    values = both([1, 0], [np.nan, np.nan])
    values.loc[values.model == "adapter", "unparsed"] = True
    found = estimates(values, confidence=CONFIDENCE).iloc[1]
    assert np.isnan([found.estimate, found.low, found.high]).all()
    assert (found.n, found.unparsed, found.method) == (0, 2, "")
    assert (found.low_if_none, found.high_if_all) == (0, 1)


def test_nothing_parsed_under_any_model():
    found = row(frame([np.nan, np.nan], unparsed=True))
    assert (found.n, found.unparsed, found.low_if_none, found.high_if_all) == (0, 2, 0, 1)


def test_margins_have_no_bounds_of_unparsed():
    found = row(frame([3.0, np.nan], unparsed=[False, True]))
    assert np.isnan([found.low_if_none, found.high_if_all]).all()


def test_seeds_do_not_count_as_items():
    values = pd.concat([frame([1, 0, 1, 0] * 5, seed=seed) for seed in (1, 2, 3)])
    found = row(values)
    assert (found.n, found.seeds) == (20, 3)
    single = row(frame([1, 0, 1, 0] * 5))
    assert (found.low, found.high) == pytest.approx((single.low, single.high), abs=0.01)


def test_columns_and_rows_are_stable():
    values = pd.concat(
        [both([1, 0, 1], [0, 0, 1], task=task, measure=m) for task in "ba" for m in "yx"]
    )
    table = estimates(values, confidence=CONFIDENCE)
    shuffled = estimates(values.sample(frac=1, random_state=1), confidence=CONFIDENCE)
    assert table.to_csv() == shuffled.to_csv()
    assert table[["model", "task", "measure"]].apply(" ".join, axis=1).tolist() == [
        f"{model} {task} {m}" for model in ("base", "adapter") for task in "ab" for m in "xy"
    ]
