"""How much of a result is the training run: variance between seeds, apart from that of items."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from experiments.stats.clusters import totals_of_means
from experiments.stats.values import CELL, checked_values, item_means


def seed_variation(values: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """One row per model × task × measure.

    `item_se` is the cluster-robust standard error of the mean over seeds, for these training runs
    and new items. `seed_sd_observed` is the standard deviation of the seeds' means; part of it is
    item sampling, since seeds answer different items rightly. `seed_sd` has that part removed (the
    cluster-robust variance of each seed's deviations from the item's mean over seeds), and is 0
    where nothing is left. `se`, `low` and `high` are for new items and new training runs:
    item_se² + seed_sd² / seeds, with Satterthwaite's degrees of freedom.

    With one seed everything but the item part is NaN. The base model is not trained, so it has no
    such variance, and these columns hold for changes from base too.
    """
    frame = checked_values(values)
    means = item_means(frame)
    totals = totals_of_means(means)
    table = totals.cells.to_frame(index=False)
    table["estimate"] = totals.means
    table["item_se"] = totals.se
    table["n"] = totals.counts.sum(axis=0).astype(int)
    table["clusters"] = totals.sizes
    table = table.merge(between_seeds(frame), on=CELL, how="left", validate="one_to_one")
    table[["se", "low", "high"]] = for_new_training(table, table.item_se, confidence)
    several = table.seeds > 1
    table["status"] = np.where(several, "ok", "not estimable: one seed")
    return table


def for_new_training(table: pd.DataFrame, item_se: pd.Series, confidence: float) -> pd.DataFrame:
    """se, low and high of `estimate` for new items and new training runs; NaN with one seed.

    The variance is item_se² + seed_sd² / seeds, with Satterthwaite's (1946) degrees of freedom.
    `table` has estimate, seed_sd, seeds and clusters.
    """
    items = item_se**2
    training = (table["seed_sd"] ** 2 / table["seeds"]).where(table["seeds"] > 1)
    se = np.sqrt(items + training)
    with np.errstate(invalid="ignore", divide="ignore"):
        # A component of 0 is left out of the mixture of degrees of freedom.
        degrees = (items + training) ** 2 / (
            items**2 / (table["clusters"] - 1) + training**2 / (table["seeds"] - 1)
        )
    half = stats.t.ppf((1 + confidence) / 2, degrees.where(degrees > 0)) * se
    estimate = table["estimate"]
    return pd.DataFrame({"se": se, "low": estimate - half, "high": estimate + half})


def between_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """seeds, seed_sd, seed_sd_observed, lowest and highest per cell; NaN where there is one."""
    item_mean = frame.groupby([*CELL, "id"], sort=False)["value"].transform("mean")
    deviations = frame.assign(value=frame.value - item_mean, seed=frame.seed.astype(str))
    of_seed = totals_of_means(deviations, cell=(*CELL, "seed"))
    per_seed = of_seed.cells.to_frame(index=False)
    per_seed["noise"] = of_seed.se**2
    per_seed["mean"] = totals_of_means(
        frame.assign(seed=frame.seed.astype(str)), cell=(*CELL, "seed")
    ).means
    table = (
        per_seed.groupby(CELL, sort=False)
        .agg(
            seeds=("seed", "size"),
            observed=("mean", "var"),
            noise=("noise", "mean"),
            lowest=("mean", "min"),
            highest=("mean", "max"),
        )
        .reset_index()
    )
    # A seed's deviations from a mean of S seeds hold (S - 1) / S of its own variance.
    noise = table.noise * table.seeds / (table.seeds - 1).where(table.seeds > 1)
    table["seed_sd_observed"] = np.sqrt(table.observed)
    table["seed_sd"] = np.sqrt((table.observed - noise).clip(lower=0))
    several = table.seeds > 1
    for column in ("lowest", "highest"):
        table[column] = table[column].where(several)
    return table.drop(columns=["observed", "noise"])
