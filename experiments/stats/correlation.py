"""Correlations across adapters, and what so few can show.

The interval is Fisher's (1921, Metron 1), for other adapters. With n models there are n! ways to
pair the two sets of numbers, so no two-sided permutation p can fall below 2 / n! (0.017 for five);
that floor is printed beside every p.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from experiments.params import BASE
from experiments.stats.clusters import ClusterTotals
from experiments.stats.composites import Measure

COEFFICIENTS = ("pearson", "spearman")
# Beyond, p is estimated from random pairings.
LARGEST_EXACT = 9
LEAST, LEAST_ADAPTERS = 3, 8  # for a coefficient, and for a verdict
OK, FEW = "ok", "descriptive: fewer than eight adapters × seeds"
NONE = "undefined: fewer than three adapters"
UNDEFINED = "undefined: scores are equal or missing"


def correlations(
    totals: ClusterTotals,
    pairs: Sequence[tuple[Measure, Measure]],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Two rows (Pearson, Spearman) per pair of measures, over adapters, their seeds averaged.

    Without the base model, correlating scores or changes from base is the same thing. Noise in the
    scores pulls a coefficient towards 0. `resamples` random pairings make p where there are too
    many for all.
    """
    models = list(dict.fromkeys(totals.cells.get_level_values("model")))
    models = [model for model in models if model != BASE]
    tables = []
    for x, y in pairs:
        scores = [
            totals.means[[totals.position((model, *side)) for model in models]] for side in (x, y)
        ]
        sides = {
            "benchmark": x[0],
            "x_measure": x[1],
            "sycophancy_dataset": y[0],
            "y_measure": y[1],
        }
        found = correlate(*scores, confidence=confidence, resamples=resamples, seed=seed)
        tables.append(found.assign(**sides, interval_over="adapters"))
    return pd.concat(tables, ignore_index=True).rename(columns={"estimate": "correlation"})


def correlate(
    x: np.ndarray, y: np.ndarray, *, confidence: float, resamples: int, seed: int
) -> pd.DataFrame:
    """Both coefficients of two arrays of scores, one per model: a row each."""
    rows = []
    for name in COEFFICIENTS:
        sides = [np.asarray(side, float) for side in (x, y)]
        if len(sides[0]) < LEAST:
            rows.append(
                dict.fromkeys(("estimate", "low", "high", "p", "smallest_p"), np.nan)
                | {"coefficient": name, "n": len(sides[0]), "status": NONE}
            )
            continue
        sides = sides if name == "pearson" else [ranks(side) for side in sides]
        estimate = float(pearson(*sides))
        low, high = fisher(estimate, len(sides[0]), confidence=confidence)
        p, smallest = permutation_p(*sides, resamples=resamples, seed=seed)
        status = OK if len(sides[0]) >= LEAST_ADAPTERS else FEW
        rows.append(
            {
                "coefficient": name,
                "estimate": estimate,
                "low": float(low),
                "high": float(high),
                "p": p,
                "smallest_p": smallest,
                "n": len(sides[0]),
                "status": UNDEFINED if np.isnan(estimate) else status,
            }
        )
    return pd.DataFrame(rows)


def fisher(
    coefficient: np.ndarray | float, n: int, *, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fisher's interval of a correlation over n pairs; -1 to 1 below four, NaN for NaN."""
    if n < 4:
        return (np.where(np.isnan(coefficient), np.nan, end) for end in (-1.0, 1.0))
    half = stats.norm.ppf((1 + confidence) / 2) / np.sqrt(n - 3)
    with np.errstate(divide="ignore"):
        centre = np.arctanh(coefficient)
    return np.tanh(centre - half), np.tanh(centre + half)


def ranks(scores: np.ndarray) -> np.ndarray:
    """Average ranks along the last axis; NaN for a row that holds a NaN."""
    # Scores equal in exact arithmetic may differ in the last bits.
    return stats.rankdata(np.round(scores, 12), axis=-1, nan_policy="propagate")


def pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's r along the last axis; NaN where either side is constant or holds a NaN."""
    x, y = centred(x), centred(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip((x * y).sum(axis=-1), -1, 1)


def centred(scores: np.ndarray) -> np.ndarray:
    """Deviations from the mean at unit length along the last axis; NaN if all are equal."""
    deviations = scores - scores.mean(axis=-1, keepdims=True)
    length = np.sqrt((deviations**2).sum(axis=-1, keepdims=True))
    constant = length <= 1e-12 * np.abs(scores).max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(constant, np.nan, deviations / length)


def permutation_p(
    x: np.ndarray, y: np.ndarray, *, resamples: int, seed: int
) -> tuple[float, float]:
    """Two-sided permutation p of the correlation, and the smallest one these numbers allow.

    Twice the smaller tail, at most 1; over all n! pairings up to LARGEST_EXACT models, else over
    `resamples` random ones (counting the observed). The smallest is 2 / n! without ties and larger
    with them. Both NaN if either side is constant.
    """
    x, y = centred(np.asarray(x, float)), centred(np.asarray(y, float))
    if np.isnan(x).any() or np.isnan(y).any():
        return np.nan, np.nan
    result = stats.permutation_test(
        (x,),
        lambda order, axis: (order * y).sum(axis=axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=np.inf if len(x) <= LARGEST_EXACT else resamples,
        rng=seed,
    )
    reached = result.null_distribution
    ends = [
        np.isclose(reached, end, rtol=0, atol=1e-9).mean() for end in (reached.min(), reached.max())
    ]
    return float(result.pvalue), min(1.0, 2 * min(ends))
