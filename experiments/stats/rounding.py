"""Results are written with the digits that the sample supports, so that noise makes no diff."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

# Two significant digits of the standard error keep its own relative rounding below 5 %.
SIGNIFICANT = 2


def decimals(se: np.ndarray, fallback: int) -> np.ndarray:
    """Decimal places that show two significant digits of each standard error.

    Never negative; `fallback` where se is 0 or unknown.
    """
    se = np.asarray(se, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.floor(np.log10(se))
        # 0.0996 rounds to 0.10, which has one decimal place less than its logarithm says.
        rounded = np.round(se * 10.0 ** (SIGNIFICANT - 1 - magnitude))
        magnitude += rounded >= 10**SIGNIFICANT
    places = np.where(np.isfinite(magnitude), SIGNIFICANT - 1 - magnitude, fallback)
    return np.clip(places, 0, None).astype(int)


def rounded(
    table: pd.DataFrame,
    columns: Sequence[str] = ("estimate", "low", "high", "se"),
    *,
    se: str = "se",
    fallback: int,
    probabilities: Sequence[str] = (),
) -> pd.DataFrame:
    """The table with `columns` rounded by their row's standard error and a column `decimals`.

    A quarter of the interval's width stands in for a standard error of 0 (a rate of 1 has one).
    `probabilities` (p-values) are rounded to two significant digits of their own. NaN stays NaN.
    """
    scale = table[se].astype(float)
    if {"low", "high"} <= set(table.columns):
        scale = scale.where(scale > 0, (table.high - table.low) / 4)
    places = decimals(scale.to_numpy(), fallback)
    result = table.copy()
    for column in columns:
        result[column] = [
            round(float(number), int(place))
            for number, place in zip(table[column], places, strict=True)
        ]
        # -0.0 and 0.0 are the same number but not the same text.
        result[column] += 0.0
    for column in probabilities:
        result[column] = [significant(float(number)) for number in table[column]]
    return result.assign(decimals=places)


def significant(number: float, digits: int = SIGNIFICANT) -> float:
    """`number` to this many significant digits; 0, infinite and NaN stay as they are."""
    if number == 0 or not np.isfinite(number):
        return number
    return float(f"{number:.{digits}g}")
