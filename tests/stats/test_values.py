"""What a values frame must be, and what it says of itself."""

import numpy as np
import pandas as pd
import pytest

from experiments.errors import OutcomeError
from experiments.measures.per_item import DIFFERENCE, NATS
from experiments.stats.values import checked_values, item_means, value_kinds
from tests.stats.frames import both, frame


def test_order_of_rows_does_not_matter():
    values = both([1, 0, 1], [0, 0, 1])
    shuffled = values.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(checked_values(values), checked_values(shuffled))
    assert list(checked_values(shuffled).model) == ["base"] * 3 + ["adapter"] * 3


def test_item_measured_twice():
    with pytest.raises(OutcomeError, match="'i001' twice"):
        checked_values(pd.concat([frame([1, 0]), frame([1, 0]).iloc[1:]]))


def test_seeds_are_averaged_within_items():
    values = pd.concat(
        [
            frame([1, 0, np.nan, np.nan], seed=1, unparsed=[False, False, True, False]),
            frame([0, 0, 1, np.nan], seed=2),
        ]
    )
    means = item_means(values)
    assert means.value.tolist()[:3] == [0.5, 0.0, 1.0]
    assert np.isnan(means.value[3])
    assert means.unparsed.tolist() == [0, 0, 1, 0]
    assert means.excluded.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([0, 1, np.nan], "binary"),
        ([0, 0, 0], "binary"),
        ([0, 0.25, 1], "share"),
        ([-1, 0, 1], "ternary"),
        ([-0.5, 0, 1], "signed"),
        ([-3.0, 0, 1], "continuous"),
        ([0, 1, 2], "continuous"),
    ],
)
def test_kind(value, kind):
    assert value_kinds(frame(value)).tolist() == [kind]


@pytest.mark.parametrize("value", [[0, 0.25, 1], [0, 1, 1], [-0.5, 0, 1]])
def test_nats_are_unbounded_whatever_they_happen_to_be(value):
    assert value_kinds(frame(value, unit=NATS)).tolist() == ["continuous"]


@pytest.mark.parametrize(("value", "kind"), [([0, 1, 1], "ternary"), ([0, 0.5, 1], "signed")])
def test_a_difference_that_is_never_negative_is_one_all_the_same(value, kind):
    assert value_kinds(frame(value, unit=DIFFERENCE)).tolist() == [kind]


def test_kind_is_judged_over_all_models():
    assert value_kinds(both([0, 1], [0, 0.5])).tolist() == ["share"]
