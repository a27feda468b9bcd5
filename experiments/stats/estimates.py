"""Estimate, interval and counts for every model × task × measure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.stats.clusters import ClusterTotals, totals_of_means
from experiments.stats.differences import difference_bounds
from experiments.stats.intervals import clopper_pearson, korn_graubard
from experiments.stats.values import CELL, checked_values, item_means, value_kinds


def estimates(values: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """One row per model × task × measure, training seeds averaged within items.

    Intervals are for a new sample of clusters, by the `method` that intervals.py gives for the kind
    of value. `unparsed` counts replies (item × seed), whether the task left them without a value or
    scored them. `low_if_none` and `high_if_all` are NaN for a measure that is not within [0, 1].
    """
    frame = checked_values(values)
    means = item_means(frame)
    totals = totals_of_means(means)
    table = counts(frame, means).loc[totals.cells].reset_index()
    table["estimate"] = totals.means
    table["clusters"] = totals.sizes
    kinds = value_kinds(means).rename("kind").reset_index()
    # A cell in which no item has a value has no kind; it is reported with NaN.
    table = table.merge(kinds, on=["task", "measure"], how="left", validate="many_to_one")
    table = pd.concat([table, bounds(table, totals, confidence)], axis=1)
    table = pd.concat([table, bounds_of_unparsed(frame, table)], axis=1)
    return table


def counts(frame: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """Items with a value, items excluded, replies unparsed and seeds, indexed by cell."""
    items = means.groupby(CELL, sort=False).agg(
        n=("value", "count"),
        excluded=("excluded", "sum"),
        unparsed=("unparsed", "sum"),
        unit=("unit", "first"),
    )
    return items.assign(seeds=frame.groupby(CELL, sort=False)["seed"].nunique(dropna=False))


def bounds(table: pd.DataFrame, totals: ClusterTotals, confidence: float) -> pd.DataFrame:
    """low, high, se and method, by the kind of value and whether clusters hold one item each."""
    kind = table.kind
    # Judged over all rows of a measure: clustered for one model is clustered for all.
    alone = (table.n == table.clusters).groupby([table.task, table.measure]).transform("all")
    bounded = kind.isin(("ternary", "signed")).to_numpy()
    result = difference_bounds(totals, bounded, confidence=confidence)
    single = (kind == "binary") & alone & (table.n > 0)
    mean, n = table.loc[single, ["estimate", "n"]].to_numpy().T
    pair = clopper_pearson(np.rint(mean * n), n, confidence=confidence)
    result.loc[single, "low"], result.loc[single, "high"] = pair
    result.loc[single, "method"] = "clopper_pearson"
    shares = ((kind == "share") | ((kind == "binary") & ~alone)) & (table.n > 0)
    mean, clusters = table.loc[shares, ["estimate", "clusters"]].to_numpy().T
    result.loc[single | shares, "se"] = totals.se[single | shares]
    pair = korn_graubard(mean, totals.se[shares], clusters, confidence=confidence)
    result.loc[shares, "low"], result.loc[shares, "high"] = pair
    result.loc[shares, "method"] = "korn_graubard"
    return result


def bounds_of_unparsed(frame: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """low_if_none and high_if_all, in the table's row order."""
    within = frame.merge(table[[*CELL, "kind"]], on=CELL, how="left", validate="many_to_one")
    within["none"] = within.value.where(~within.unparsed, 0.0)
    within["all"] = within.value.where(~within.unparsed, 1.0)
    # Items first, then their mean, so that items weigh the same whatever parsed in which seed.
    per_item = within.groupby([*CELL, "id"], sort=False)[["none", "all"]].mean()
    extremes = per_item.groupby(CELL, sort=False).mean()
    extremes = extremes.loc[pd.MultiIndex.from_frame(table[CELL])].reset_index(drop=True)
    # A cell whose every reply is unparsed has no kind, but its rate is still within [0, 1].
    bounded = table.kind.isna() | table.kind.isin(("binary", "share"))
    return pd.DataFrame(
        {
            "low_if_none": extremes["none"].where(bounded),
            "high_if_all": extremes["all"].where(bounded),
        }
    )
