"""Weighted sums of means over items, with a cluster-robust interval.

Composites and their changes are such sums. Their error is linearised (clusters.py), so covariance
between models and tasks that share clusters counts, and has the added pair of differences.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.stats.clusters import Cell, ClusterTotals
from experiments.stats.differences import widened
from experiments.stats.intervals import cluster_t
from experiments.stats.paired import cluster_t_test


@dataclass(frozen=True)
class WeightedSum:
    """constant + Σ weight × mean of a cell (model, task, measure)."""

    weights: Mapping[Cell, float]
    constant: float = 0.0


def weighted_sums(
    totals: ClusterTotals, wanted: Sequence[WeightedSum], *, confidence: float
) -> pd.DataFrame:
    """estimate, low, high, se, n (items), clusters and p, one row per sum, in order.

    `n` and `clusters` are those of the smallest cell involved; its clusters - 1 are the degrees
    of freedom, the cautious choice. NaN where a cell has no value or nothing varies. Raises
    OutcomeError for a cell that was not measured.
    """
    rows = []
    items = totals.counts.sum(axis=0)
    for one in wanted:
        cells = [totals.position(cell) for cell in one.weights]
        weights = np.array(list(one.weights.values()))
        estimate = one.constant + totals.means[cells] @ weights
        se = float(widened(totals.influence[:, cells] @ weights))
        # Equal outcomes throughout a sample do not tell how far others would differ.
        se = np.nan if np.isclose(se, 0, atol=1e-12) else se
        rows.append((estimate, se, items[cells].min(), totals.sizes[cells].min()))
    table = pd.DataFrame(rows, columns=["estimate", "se", "n", "clusters"])
    table = table.astype({"n": int, "clusters": int})
    table["low"], table["high"] = cluster_t(
        table.estimate, table.se, table.clusters, confidence=confidence
    )
    table["p"] = cluster_t_test(table.estimate, table.se, table.clusters)
    return table[["estimate", "low", "high", "se", "n", "clusters", "p"]]
