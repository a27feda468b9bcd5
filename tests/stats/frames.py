"""Values frames with known content, for the tests of experiments.stats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.measures.per_item import DIFFERENCE, NATS, RATE
from experiments.stats.clusters import ClusterTotals

CONFIDENCE = 0.95


def frame(
    value: Sequence[float],
    *,
    model: str = "base",
    seed: int = 1,
    task: str = "quiz",
    measure: str = "accuracy",
    cluster: Sequence | None = None,
    unparsed: Sequence[bool] | bool = False,
    unit: str | None = None,
) -> pd.DataFrame:
    """One cell: items i000, i001 … with these values; each its own cluster unless given.

    Without a unit, values within [0, 1] are rates and those within [-1, 1] differences of rates.
    """
    known = np.asarray(value, float)[~np.isnan(np.asarray(value, float))]
    bounded = DIFFERENCE if (known < 0).any() else RATE
    names = [f"i{number:03d}" for number in range(len(value))]
    return pd.DataFrame(
        {
            "model": model,
            "seed": seed,
            "task": task,
            "measure": measure,
            "id": names,
            "frame": 0,
            "cluster": names if cluster is None else cluster,
            "value": np.asarray(value, float),
            "unparsed": unparsed,
            "unit": unit or (NATS if (np.abs(known) > 1).any() else bounded),
        }
    )


def both(base: Sequence[float], adapter: Sequence[float], **fields) -> pd.DataFrame:
    """The base model and one adapter on the same items."""
    return pd.concat([frame(base, **fields), frame(adapter, model="adapter", **fields)])


def simulated_totals(sums: np.ndarray, counts: np.ndarray) -> ClusterTotals:
    """Simulations × clusters as totals, one cell per simulation."""
    cells = pd.MultiIndex.from_product([range(len(sums)), ["quiz"], ["accuracy"]])
    return ClusterTotals(pd.RangeIndex(sums.shape[1]), cells, sums.T, counts.T)
