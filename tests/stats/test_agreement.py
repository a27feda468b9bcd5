"""Cohen's kappa against scikit-learn's definition worked by hand, and its edges."""

import math

import pytest

from experiments.stats.agreement import agreement


def test_a_table_worked_by_hand() -> None:
    """Cohen (1960): 20 + 15 of 50 agree, shares 25/25 and 30/20, so kappa = (0.7 - 0.5) / 0.5."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    measured = agreement(first, second)
    assert measured["n"] == 50
    assert measured["observed"] == pytest.approx(0.7)
    assert measured["kappa"] == pytest.approx(0.4)


def test_full_agreement_and_full_disagreement() -> None:
    assert agreement(["a", "b"], ["a", "b"])["kappa"] == 1.0
    assert agreement(["a", "b"], ["b", "a"])["kappa"] == -1.0


def test_one_label_throughout_says_nothing_beyond_chance() -> None:
    measured = agreement(["a", "a"], ["a", "a"])
    assert measured["observed"] == 1.0 and math.isnan(measured["kappa"])


def test_no_items() -> None:
    assert agreement([], [])["n"] == 0 and math.isnan(agreement([], [])["kappa"])


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="1 and 2"):
        agreement(["a"], ["a", "b"])
