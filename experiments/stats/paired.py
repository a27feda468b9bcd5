"""Paired effects: what an adapter changes, item by item, against the base model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from experiments.params import BASE
from experiments.stats.clusters import totals_of_means
from experiments.stats.differences import difference_bounds
from experiments.stats.values import CELL, item_means, value_kinds


def paired_effects(values: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """One row per adapter × task × measure: the mean of (adapter - base) over the same items.

    Only items with a value under both models count (training seeds averaged within items).
    `base_estimate` is the mean over those same n items; for a measure with eligibility (a flip
    needs a right first answer) it is not the rate of estimates.py.

    Interval (`method`): "added_pair" (differences.py), which keeps its width where few items
    change. `p` (`test`): where all differences are -1, 0 or 1 "sign_flip_exact", the exact
    distribution of the sum of cluster differences under random signs; with one item per cluster
    this is McNemar's exact test. For others "cluster_t", the test whose acceptance region is the
    interval.
    """
    means = item_means(values)
    pairs = paired_items(means)
    totals = totals_of_means(pairs)
    table = pair_counts(pairs).loc[totals.cells].reset_index()
    table["estimate"] = totals.means
    table["clusters"] = totals.sizes
    table = table.merge(
        value_kinds(means).reset_index(), on=["task", "measure"], how="left", validate="m:1"
    )
    steps = (table.kind.isin(("binary", "ternary")) & (table.step <= 1)).to_numpy()
    bounded = table.kind.isin(("binary", "share", "ternary", "signed")).to_numpy()
    table = pd.concat([table, difference_bounds(totals, bounded, confidence=confidence)], axis=1)
    exact = [
        sign_flip_exact(totals.sums[:, column]) if steps[column] else np.nan
        for column in range(len(table))
    ]
    by_t = cluster_t_test(table.estimate, table.se, table.clusters)
    table["p"] = np.where(steps, exact, by_t)
    table["test"] = np.where(steps, "sign_flip_exact", "cluster_t")
    table.loc[table.n == 0, ["p", "test"]] = np.nan, ""
    return table


def paired_items(means: pd.DataFrame) -> pd.DataFrame:
    """One row per adapter × task × measure × id with `base_value` and `value`, the difference."""
    key = ["task", "measure", "id"]
    reference = means[means.model == BASE]
    pairs = means[means.model != BASE].merge(
        reference[[*key, "value", "unparsed"]], on=key, suffixes=("", "_base"), validate="m:1"
    )
    pairs = pairs.rename(columns={"value_base": "base_value"})
    lost_to_parsing = (pairs.value.isna() & (pairs.unparsed > 0)) | (
        pairs.base_value.isna() & (pairs.unparsed_base > 0)
    )
    pairs["value"] -= pairs.base_value
    pairs["unparsed"] = pairs.value.isna() & lost_to_parsing
    pairs["excluded"] = pairs.value.isna() & ~lost_to_parsing
    return pairs.drop(columns="unparsed_base")


def pair_counts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Counts and means per cell, indexed by cell."""
    measure = pairs.value.abs().groupby([pairs.task, pairs.measure])
    pairs = pairs.assign(
        step=measure.transform("max"),  # over all models, so that a measure is treated alike
        base_value=pairs.base_value.where(pairs.value.notna()),
    )
    return pairs.groupby(CELL, sort=False).agg(
        base_estimate=("base_value", "mean"),
        n=("value", "count"),
        excluded=("excluded", "sum"),
        unparsed=("unparsed", "sum"),
        unit=("unit", "first"),
        step=("step", "first"),
    )


def cluster_t_test(estimate: pd.Series, se: pd.Series, clusters: pd.Series) -> np.ndarray:
    """Two-sided p of the cluster-robust t test; where nothing varies 1 or, if it differs, NaN."""
    estimate, se, clusters = (np.asarray(part, float) for part in (estimate, se, clusters))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * stats.t.sf(np.abs(estimate) / se, np.where(clusters > 1, clusters - 1, np.nan))
    return np.where(se == 0, np.where(estimate == 0, 1.0, np.nan), p)


def sign_flip_exact(cluster_sums: np.ndarray) -> float:
    """Exact two-sided p of the sum of whole-numbered cluster sums under independent random signs.

    The distribution is built by convolution, one cluster at a time; for sums of -1, 0 and 1 it is
    the binomial of McNemar's test.
    """
    steps = np.rint(np.abs(cluster_sums)).astype(int)
    distribution = np.ones(1)
    for step in steps[steps > 0]:
        flipped = np.zeros(len(distribution) + 2 * step)
        flipped[: len(distribution)] += distribution / 2
        flipped[2 * step :] += distribution / 2
        distribution = flipped
    reach = steps.sum()
    observed = abs(int(np.rint(cluster_sums.sum())))
    sums = np.arange(-reach, reach + 1)
    return float(min(1.0, distribution[np.abs(sums) >= observed].sum()))
