"""From outcome rows to per-item values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd

# What a measure's values are per item. Rates lie within [0, 1], a difference of two within [-1, 1].
RATE, DIFFERENCE, NATS = "rate", "difference of rates", "nats"
NATS_PER_CHARACTER, NATS_PER_TOKEN = "nats per character", "nats per token"
ASKED = ["model", "seed", "task", "id", "cluster", "frame"]
VALUE_COLUMNS = [*ASKED, "measure", "value", "unparsed", "unit"]


def log_odds(log_likelihoods: Iterable[float], option: int) -> float:
    """log p/(1 - p) of one option, p being its share among the options asked (nats)."""
    scores = list(log_likelihoods)
    others = [score for index, score in enumerate(scores) if index != option]
    return scores[option] - float(np.logaddexp.reduce(others))


def per_item(
    rows: pd.DataFrame,
    measure: str,
    value: pd.Series,
    unparsed: pd.Series | bool = False,
    *,
    unit: str,
) -> pd.DataFrame:
    """Average `value` (one per row, NaN: not eligible) over the rows of an item in one frame.

    An item without any eligible row keeps its line with NaN, so that it is counted as excluded.
    Rows without a frame are in frame 0.
    """
    if "frame" not in rows:
        rows = rows.assign(frame=0)
    asked = rows[ASKED].assign(value=value.astype(float), unparsed=unparsed)
    result = asked.groupby(ASKED, sort=True, as_index=False).agg(
        value=("value", "mean"), unparsed=("unparsed", "max")
    )
    return result.assign(measure=measure, unit=unit)[VALUE_COLUMNS]


rate = partial(per_item, unit=RATE)
difference = partial(per_item, unit=DIFFERENCE)
nats = partial(per_item, unit=NATS)


def share(log_likelihoods: Iterable[float], option: int) -> float:
    """The probability of one option among the options asked."""
    scores = list(log_likelihoods)
    return float(np.exp(scores[option] - np.logaddexp.reduce(scores)))


def masses(rows: pd.DataFrame) -> pd.DataFrame:
    """`mass_ARM` of every arm: how probable the offered replies were, all together."""
    return pd.concat(
        [
            rate(of_arm, f"mass_{arm}", of_arm["mass"])
            for arm, of_arm in rows.groupby("arm", sort=True)
        ]
    )


def arm_table(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """`column` with one line per item and order, and one column per arm."""
    keys = [*ASKED, "order"] if "frame" in rows else [*ASKED[:-1], "order"]
    return rows.set_index([*keys, "arm"])[column].unstack("arm").reset_index()


def eligible(value: pd.Series, condition: pd.Series) -> pd.Series:
    """`value` where `condition` holds, NaN (excluded and counted) elsewhere."""
    return value.astype(float).where(condition.astype(bool), math.nan)
