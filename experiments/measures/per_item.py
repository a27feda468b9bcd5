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
VALUE_COLUMNS = ["model", "seed", "task", "measure", "id", "cluster", "value", "unparsed", "unit"]


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
    """Average `value` (one per row, NaN: not eligible) over an item's rows, arms and orders.

    An item without any eligible row keeps its line with NaN, so that it is counted as excluded.
    """
    frame = rows[["model", "seed", "task", "id", "cluster"]].assign(
        value=value.astype(float), unparsed=unparsed
    )
    keys = ["model", "seed", "task", "id", "cluster"]
    result = frame.groupby(keys, sort=True, as_index=False).agg(
        value=("value", "mean"), unparsed=("unparsed", "max")
    )
    return result.assign(measure=measure, unit=unit)[VALUE_COLUMNS]


rate = partial(per_item, unit=RATE)
difference = partial(per_item, unit=DIFFERENCE)
nats = partial(per_item, unit=NATS)


def arm_table(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """`column` with one line per item and order, and one column per arm."""
    keys = ["model", "seed", "task", "id", "cluster", "order"]
    return rows.set_index([*keys, "arm"])[column].unstack("arm").reset_index()


def eligible(value: pd.Series, condition: pd.Series) -> pd.Series:
    """`value` where `condition` holds, NaN (excluded and counted) elsewhere."""
    return value.astype(float).where(condition.astype(bool), math.nan)
