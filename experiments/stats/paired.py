"""Paired effects: what an adapter changes, item by item, against the base model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from experiments.params import BASE
from experiments.stats.clusters import RESAMPLES_AT_ONCE, totals_of_means
from experiments.stats.differences import difference_bounds
from experiments.stats.power import minimal_detectable_effect
from experiments.stats.values import CELL, item_means, value_kinds


def paired_effects(
    values: pd.DataFrame,
    *,
    confidence: float,
    power: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """One row per adapter × task × measure: the mean of (adapter - base) over the same items.

    Only items with a value under both models count (training seeds averaged within items).
    `base_estimate` and `model_estimate` are means over those same n items, so they differ by
    exactly `estimate`; for a measure with eligibility (a flip needs a right first answer) they are
    not the rates of estimates.py.

    Interval (`method`): "added_pair" (differences.py), which keeps its width where few items
    change.

    `p` (`test`): where all differences are -1, 0 or 1 "sign_flip_exact", the exact distribution of
    the sum of cluster differences under random signs; with one item per cluster this is McNemar's
    exact test. For others
    "cluster_t", the test whose acceptance region is the interval, or "sign_flip" where all items
    differ by the same amount. Beside them `p_mcnemar` (exact, ignores clusters) and `p_sign_flip`,
    a permutation test by `resamples` random signs per cluster.
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
    table.loc[~steps, ["gained", "lost"]] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        table["standardized"] = np.where(table.sd > 0, table.estimate / table.sd, np.nan)
    table["minimal_detectable"] = minimal_detectable_effect(
        table.se.to_numpy(), table.clusters.to_numpy(), confidence=confidence, power=power
    )
    table["p_mcnemar"] = mcnemar_exact(table.gained.to_numpy(), table.lost.to_numpy())
    table["p_sign_flip"] = sign_flip(totals.sums, resamples=resamples, seed=seed)
    exact = [
        sign_flip_exact(totals.sums[:, column]) if steps[column] else np.nan
        for column in range(len(table))
    ]
    still = ~steps & (totals.se == 0)
    table["p"] = np.select(
        [steps, still],
        [exact, table.p_sign_flip],
        cluster_t_test(table.estimate, table.se, table.clusters),
    )
    table["test"] = np.select([steps, still], ["sign_flip_exact", "sign_flip"], "cluster_t")
    empty = table.n == 0
    table.loc[empty, ["p", "p_mcnemar", "p_sign_flip", "gained", "lost"]] = np.nan
    table.loc[empty, "test"] = ""
    return table


def paired_items(means: pd.DataFrame) -> pd.DataFrame:
    """One row per adapter × task × measure × id with `base_value`, `model_value`, `value`."""
    key = ["task", "measure", "id"]
    reference = means[means.model == BASE]
    pairs = means[means.model != BASE].merge(
        reference[[*key, "value", "unparsed"]], on=key, suffixes=("", "_base"), validate="m:1"
    )
    pairs = pairs.rename(columns={"value": "model_value", "value_base": "base_value"})
    lost_to_parsing = (pairs.model_value.isna() & (pairs.unparsed > 0)) | (
        pairs.base_value.isna() & (pairs.unparsed_base > 0)
    )
    pairs["value"] = pairs.model_value - pairs.base_value
    pairs["unparsed"] = pairs.value.isna() & lost_to_parsing
    pairs["excluded"] = pairs.value.isna() & ~lost_to_parsing
    return pairs.drop(columns="unparsed_base")


def pair_counts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Counts and means per cell, indexed by cell."""
    known = pairs.value.notna()
    measure = pairs.value.abs().groupby([pairs.task, pairs.measure])
    pairs = pairs.assign(
        step=measure.transform("max"),  # over all models, so that a measure is treated alike
        base_value=pairs.base_value.where(known),
        model_value=pairs.model_value.where(known),
        gained=pairs.value > 0,
        lost=pairs.value < 0,
    )
    table = pairs.groupby(CELL, sort=False).agg(
        base_estimate=("base_value", "mean"),
        model_estimate=("model_value", "mean"),
        sd=("value", "std"),
        n=("value", "count"),
        excluded=("excluded", "sum"),
        unparsed=("unparsed", "sum"),
        gained=("gained", "sum"),
        lost=("lost", "sum"),
        unit=("unit", "first"),
        step=("step", "first"),
    )
    return table.astype({"gained": float, "lost": float})


def cluster_t_test(estimate: pd.Series, se: pd.Series, clusters: pd.Series) -> np.ndarray:
    """Two-sided p of the cluster-robust t test; 1 where neither differs nor varies."""
    estimate, se, clusters = (np.asarray(part, float) for part in (estimate, se, clusters))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * stats.t.sf(np.abs(estimate) / se, np.where(clusters > 1, clusters - 1, np.nan))
    return np.where((se == 0) & (estimate == 0), 1.0, p)


def mcnemar_exact(gained: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Exact two-sided p of McNemar's test, from the discordant counts; NaN where they are."""
    smaller, total = np.minimum(gained, lost), gained + lost
    return np.minimum(1.0, 2 * stats.binom.cdf(smaller, total, 0.5))


def sign_flip_exact(cluster_sums: np.ndarray) -> float:
    """Exact two-sided p of the sum of whole-numbered cluster sums under independent random signs.

    The distribution is built by convolution, one cluster at a time; for sums of -1, 0 and 1 it is
    the binomial of McNemar's test, which is taken from there.
    """
    if np.abs(cluster_sums).max(initial=0) <= 1:
        gained, lost = (cluster_sums > 0).sum(), (cluster_sums < 0).sum()
        return float(mcnemar_exact(gained, lost))
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


def sign_flip(cluster_sums: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Two-sided permutation p per column of cluster sums (C × K), by random signs per cluster.

    (1 + signs at least as extreme) / (1 + resamples), so it is never 0 and never too small
    (Phipson and Smyth 2010).
    """
    generator = np.random.default_rng(seed)
    # Sums that are equal in exact arithmetic may differ in the last bits.
    slack = 1e-9 * np.abs(cluster_sums).sum(axis=0)
    observed = np.abs(cluster_sums.sum(axis=0)) - slack
    extreme = np.zeros(cluster_sums.shape[1])
    for start in range(0, resamples, RESAMPLES_AT_ONCE):
        number = min(RESAMPLES_AT_ONCE, resamples - start)
        signs = generator.integers(0, 2, size=(number, len(cluster_sums)), dtype=np.int8) * 2.0 - 1
        extreme += (np.abs(signs @ cluster_sums) >= observed).sum(axis=0)
    return (1 + extreme) / (1 + resamples)
