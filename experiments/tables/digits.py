"""Results are written with the digits that the sample supports, so that noise makes no diff."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.tables.column import BY_CHANGE_SE, BY_SE, SIGNIFICANT, Table

# Two significant digits of the standard error keep its own relative rounding below 5 %.
FIGURES = 2
UNKNOWN = 4  # decimal places of a number without a standard error


def with_digits(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table in order, rounded as it declares; NaN stays NaN.

    Where an error decides, all columns that go with it keep two significant digits of the row's
    standard error, and `decimals` says how many places that are; a quarter of the interval's width
    stands in for a standard error of 0 (a rate of 1 has one).
    """
    result = frame.copy()
    for error in (BY_SE, BY_CHANGE_SE):
        if error in frame:
            scale = result[error].astype(float)
            scale = scale.where(scale > 0, (result["high"] - result["low"]) / 4)
            result["decimals"] = decimals(scale.to_numpy())
            for column in table.columns:
                if column.digits == error:
                    result[column.name] = [
                        # -0.0 and 0.0 are the same number but not the same text
                        round(float(number), int(places)) + 0.0
                        for number, places in zip(
                            result[column.name], result["decimals"], strict=True
                        )
                    ]
    for column in table.columns:
        if column.digits == SIGNIFICANT:
            result[column.name] = result[column.name].astype(float).map(significant)
    present = [column for column in table.columns if column.name in result or not column.optional]
    places = {one.name: one.digits for one in present if isinstance(one.digits, int)}
    return result[[column.name for column in present]].round(places)


def decimals(se: np.ndarray) -> np.ndarray:
    """Decimal places, never negative, that show two significant digits of each standard error."""
    se = np.asarray(se, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.floor(np.log10(se))
        # 0.0996 rounds to 0.10, which has one decimal place less than its logarithm says.
        shown = np.round(se * 10.0 ** (FIGURES - 1 - magnitude))
        magnitude += shown >= 10**FIGURES
    places = np.where(np.isfinite(magnitude), FIGURES - 1 - magnitude, UNKNOWN)
    return np.clip(places, 0, None).astype(int)


def significant(number: float, figures: int = FIGURES) -> float:
    """`number` to this many significant digits; 0, infinite and NaN stay as they are."""
    if number == 0 or not np.isfinite(number):
        return number
    return float(f"{number:.{figures}g}")
