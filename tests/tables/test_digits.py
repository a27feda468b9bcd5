"""Digits that the sample supports."""

import numpy as np
import pandas as pd
import pytest

from experiments.tables.column import PROBABILITY, SIGNIFICANT, Column, bounded, table
from experiments.tables.digits import decimals, significant, with_digits

TABLE = table(
    "quiz",
    "a table with an error that decides its digits",
    0,
    *bounded("estimate", "mean", "rate", "se"),
    Column("se", "its error", "rate", "se"),
    Column("p", "p", PROBABILITY, SIGNIFICANT),
    "n decimals",
)


@pytest.mark.parametrize(
    ("se", "places"),
    [(0.05, 3), (0.0523, 3), (0.0996, 2), (0.00996, 3), (1.0, 1), (12.0, 0), (345.0, 0)],
)
def test_two_digits_of_the_standard_error(se, places):
    assert decimals(np.array([se]))[0] == places
    assert round(se, int(places)) == pytest.approx(se, rel=0.05)


def test_unknown_error_falls_back():
    assert decimals(np.array([0.0, np.nan])).tolist() == [4, 4]


def test_table():
    frame = pd.DataFrame(
        {
            "estimate": [0.123456, -0.0001, np.nan],
            "low": [0.023456, -0.1, np.nan],
            "high": [0.223456, 0.1, np.nan],
            "se": [0.0512, 0.0512, np.nan],
            "p": [0.0123456, 0.98765, np.nan],
            "n": [40, 40, 0],
        }
    )
    found = with_digits(TABLE, frame)
    assert found.estimate.tolist()[:2] == [0.123, 0.0]
    assert str(found.estimate[1]) == "0.0"
    assert found.p.tolist()[:2] == [0.012, 0.99]
    assert found.decimals.tolist() == [3, 3, 4]
    assert found.iloc[2][["estimate", "low", "high", "p"]].isna().all()
    assert frame.estimate[0] == 0.123456


def test_rate_of_one_takes_its_digits_from_the_interval():
    cells = {"estimate": [1.0], "low": [0.928765], "high": [1.0], "se": [0.0], "p": [1.0], "n": [9]}
    assert with_digits(TABLE, pd.DataFrame(cells)).low[0] == 0.929


def test_noise_below_the_shown_digits_makes_no_difference():
    cells = {"estimate": [0.5], "low": [0.4], "high": [0.6], "se": [0.05], "p": [0.5], "n": [9]}
    frame = pd.DataFrame(cells)
    noisy = frame.assign(estimate=0.5 + 1e-9, se=0.05 - 1e-9)
    assert with_digits(TABLE, frame).to_csv() == with_digits(TABLE, noisy).to_csv()


@pytest.mark.parametrize(
    ("number", "expected"), [(0.012345, 0.012), (0.0, 0.0), (1.0, 1.0), (3.2e-9, 3.2e-9)]
)
def test_significant(number, expected):
    assert significant(number) == expected
