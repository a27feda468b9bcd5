"""Intervals for new training runs from the tables of archived runs of the first protocol.

Those of the second are in contrasts.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats


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
