"""Intervals for a mean of differences between outcomes of 0 and 1, or of shares.

The t interval of such differences has no width when nothing changed and is too narrow when little
did. Bonett and Price (2012, Journal of Educational and Behavioral Statistics 37) add one pair of
each discordant kind; Fagerland, Lydersen and Laake (2014, Statistics in Medicine 33) recommend it
for small samples and large.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from experiments.stats.clusters import ClusterTotals
from experiments.stats.intervals import cluster_t


def difference_bounds(
    totals: ClusterTotals, whole: np.ndarray, bounded: np.ndarray, *, confidence: float
) -> pd.DataFrame:
    """low, high, se and method per cell of `totals`, whose values are differences.

    Where `whole` (all values are -1, 0 or 1): "bonett_price", in its published form if each cluster
    holds one item, else with the added pair as two clusters and a cluster-robust t. Elsewhere
    "cluster_t". Equal outcomes in a sample do not prove equal outcomes: where nothing varies, the
    pair is added all the same if the values are `bounded` within [-1, 1], and else the bounds are
    not known. NaN for them, and for cells without values.
    """
    added = with_discordant_pair(totals)
    alone = totals.counts.max(axis=0) <= 1
    still = totals.se == 0
    widened = whole | (bounded & still)
    t_low, t_high = cluster_t(totals.means, totals.se, totals.sizes, confidence=confidence)
    low, high = cluster_t(added.means, added.se, added.sizes, confidence=confidence)
    # The published form has the plain variance and normal quantile.
    pairs = added.sizes
    normal_se = added.se * np.sqrt((pairs - 1) / pairs)
    half = stats.norm.ppf((1 + confidence) / 2) * normal_se
    low, high = np.where(alone, added.means - half, low), np.where(alone, added.means + half, high)
    table = pd.DataFrame(
        {
            "low": np.where(widened, np.clip(low, -1, 1), t_low),
            "high": np.where(widened, np.clip(high, -1, 1), t_high),
            "se": np.where(widened, np.where(alone, normal_se, added.se), totals.se),
            "method": np.where(widened, "bonett_price", "cluster_t"),
        }
    )
    table.loc[still & ~widened, ["low", "high"]] = np.nan
    empty = totals.sizes == 0
    table.loc[empty, ["low", "high", "se"]] = np.nan
    table.loc[empty, "method"] = ""
    return table


def with_discordant_pair(totals: ClusterTotals) -> ClusterTotals:
    """The totals with a gain and a loss added to every cell, each a cluster of one item."""
    ones = np.ones((1, len(totals.cells)))
    return ClusterTotals(
        totals.clusters.append(pd.Index(["added gain", "added loss"])),
        totals.cells,
        np.vstack([totals.sums, ones, -ones]),
        np.vstack([totals.counts, ones, ones]),
    )
