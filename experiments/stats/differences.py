"""Intervals for means of differences and of unbounded values, over clusters of items.

The t interval has no width where nothing changed, and is too narrow where little did or values are
skewed. Two clusters are therefore added to the variance, one on either side, as far from the mean
as the farthest: for differences of 0 and 1 the discordant pair of Bonett and Price (2012, Journal
of Educational and Behavioral Statistics 37), with the estimate left in the middle. What it covers
is in results/coverage.csv: too little for fewer than 40 items of lognormal values, and where rare
large changes are missing from a sample of small ones, which no interval can know of.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.stats.clusters import ClusterTotals
from experiments.stats.intervals import cluster_t


def difference_bounds(
    totals: ClusterTotals, bounded: np.ndarray, *, confidence: float
) -> pd.DataFrame:
    """low, high, se and method ("added_pair") per cell of `totals`.

    Equal outcomes in a sample do not prove equal outcomes: where nothing varies, the pair is 1 from
    the mean if values are `bounded` within [-1, 1], and else the bounds are not known. NaN for
    them, and for cells without values.
    """
    se = widened(totals.influence)
    groups = np.where(totals.sizes > 1, totals.sizes, np.nan).astype(float)
    still = ~(se > 1e-12)
    se = np.where(still, np.where(bounded, np.sqrt(2 / (groups * (groups - 1))), 0), se)
    low, high = cluster_t(totals.means, se, totals.sizes, confidence=confidence)
    low, high = (np.where(bounded, np.clip(bound, -1, 1), bound) for bound in (low, high))
    table = pd.DataFrame({"low": low, "high": high, "se": se, "method": "added_pair"})
    table.loc[still & ~np.asarray(bounded, bool), ["low", "high"]] = np.nan
    table.loc[totals.sizes < 2, ["low", "high", "se"]] = np.nan
    table.loc[totals.sizes == 0, "method"] = ""
    return table


def widened(influence: np.ndarray) -> np.ndarray:
    """Standard errors from influence values (clusters × K), the farthest added on either side."""
    squares = influence**2
    return np.sqrt(squares.sum(axis=0) + 2 * squares.max(axis=0))
