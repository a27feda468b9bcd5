"""Correlations across adapters. Descriptive: with five adapters they cannot be anything else.

With n models there are n! ways to pair the two sets of numbers, so no two-sided permutation p can
fall below 2 / n! (0.017 for five); that floor is printed beside every p. Inference in this study
rests on items (paired.py) and training seeds (seeds.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from experiments.params import BASE
from experiments.stats.clusters import ClusterTotals
from experiments.stats.composites import Measure
from experiments.stats.intervals import percentile

COEFFICIENTS = ("pearson", "spearman")
# Beyond, p is estimated from random pairings.
LARGEST_EXACT = 9


def correlations(
    totals: ClusterTotals,
    pairs: Sequence[tuple[Measure, Measure]],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Two rows (Pearson, Spearman) per pair of measures, over models.

    Without the base model, correlating scores or changes from base is the same thing. The interval
    resamples clusters of items and keeps the adapters (`interval_over` "items"): how the
    coefficient would vary with other questions put to these same adapters, not with other
    adapters. Noise in the scores pulls a coefficient towards 0, in the resamples once more than in
    the estimate. `undefined` is the share of resamples in which all models had the same score.
    """
    models = list(dict.fromkeys(totals.cells.get_level_values("model")))
    models = [model for model in models if model != BASE]
    resampled = totals.resampled_means(resamples, seed)
    rows = []
    for x, y in pairs:
        columns = [[totals.position((model, *side)) for model in models] for side in (x, y)]
        scores = [totals.means[column] for column in columns]
        draws = [resampled[:, column] for column in columns]
        clusters = int(totals.sizes[np.concatenate(columns)].min())
        for row in coefficients(*scores, *draws, clusters, confidence, resamples, seed):
            sides = {
                "benchmark": x[0],
                "x_measure": x[1],
                "sycophancy_dataset": y[0],
                "y_measure": y[1],
            }
            rows.append(sides | row | {"interval_over": "items"})
    return pd.DataFrame(rows).rename(columns={"estimate": "correlation"})


def correlate(
    x: np.ndarray, y: np.ndarray, *, confidence: float, resamples: int, seed: int
) -> pd.DataFrame:
    """The same for two arrays of published scores, one per model, where no items are known.

    The interval resamples models (`interval_over` "models"), the only thing there is to resample;
    below about ten of them it is a rough guide.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    drawn = np.random.default_rng(seed).integers(0, len(x), size=(resamples, len(x)))
    rows = coefficients(x, y, x[drawn], y[drawn], len(x), confidence, resamples, seed)
    rows = [row | {"interval_over": "models"} for row in rows]
    return pd.DataFrame(rows)


def coefficients(
    x: np.ndarray,
    y: np.ndarray,
    x_draws: np.ndarray,
    y_draws: np.ndarray,
    clusters: int,
    confidence: float,
    resamples: int,
    seed: int,
) -> list[dict]:
    """Both coefficients of two n-vectors, with intervals from resamples × n draws of each."""
    rows = []
    for name in COEFFICIENTS:
        scored = [side if name == "pearson" else ranks(side) for side in (x, y, x_draws, y_draws)]
        estimate = float(pearson(scored[0], scored[1]))
        draws = pearson(scored[2], scored[3])
        low, high = percentile(draws[:, None], clusters, confidence=confidence)
        p, smallest = permutation_p(scored[0], scored[1], resamples=resamples, seed=seed)
        defined = not np.isnan(estimate)
        rows.append(
            {
                "coefficient": name,
                "estimate": estimate,
                "low": low[0] if defined else np.nan,
                "high": high[0] if defined else np.nan,
                "p": p,
                "smallest_p": smallest,
                "n": len(x),
                "undefined": float(np.isnan(draws).mean()),
                "status": "descriptive" if defined else "undefined: scores are equal or missing",
            }
        )
    return rows


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
