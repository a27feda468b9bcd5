"""Which adapter is best, and how far the sample can tell.

A ranking is a step function of the scores, so it has no standard error; the bootstrap over
clusters says how often each rank would come out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from experiments.params import BASE
from experiments.stats.clusters import ClusterTotals
from experiments.stats.composites import Measure
from experiments.stats.intervals import percentile

Scheme = Mapping[Measure, float]
COLUMNS = (
    "scheme", "model", "estimate", "low", "high", "se", "rank", "rank_low", "rank_high",
    "rank_share", "first_share", "n",
)  # fmt: skip


def weighting_schemes(
    capability: Sequence[Measure], sycophancy: Sequence[Measure], shares: Mapping[str, float]
) -> dict[str, Scheme]:
    """Schemes that give `shares[name]` of the weight to capability, the rest against sycophancy.

    Within each part measures weigh the same; sycophancy counts negatively.
    """
    return {
        name: {
            **{measure: share / len(capability) for measure in capability},
            **{measure: -(1 - share) / len(sycophancy) for measure in sycophancy},
        }
        for name, share in shares.items()
    }


def rankings(
    totals: ClusterTotals,
    schemes: Mapping[str, Scheme],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """One row per scheme × adapter, best first; empty without an adapter.

    Equal scores share the better place; an adapter without a value in one of the measures has no
    rank and comes last. OutcomeError if a measure was not taken.
    """
    models = [model for model in dict.fromkeys(totals.cells.get_level_values(0)) if model != BASE]
    if not models:
        return pd.DataFrame(columns=COLUMNS)
    resampled = totals.resampled_means(resamples, seed)
    clusters = totals.sizes
    parts = []
    for name, scheme in schemes.items():
        cells = [scheme_cells(totals, scheme, model) for model in models]
        weights = np.array(list(scheme.values()))
        scores, spread = (score(means, cells, weights) for means in (totals.means, resampled))
        # A rare resample draws no eligible item for some adapter and has no ranking.
        scored = ~np.isnan(scores)
        spread = spread[~np.isnan(spread[:, scored]).any(axis=1)]
        if not len(spread):
            spread = np.full((1, len(models)), np.nan)
        ranks, places = places_of(scores), places_of(spread)
        low, high = percentile(
            spread, clusters[np.concatenate(cells, axis=None)].min(), confidence=confidence
        )
        tail = (1 - confidence) / 2
        low_place, high_place = np.quantile(places, [tail, 1 - tail], axis=0, method="inverted_cdf")
        part = pd.DataFrame(
            {
                "scheme": name,
                "model": models,
                "estimate": scores,
                "low": low,
                "high": high,
                "se": spread.std(axis=0, ddof=1) if len(spread) > 1 else np.nan,
                "rank": ranks,
                "rank_low": low_place,
                "rank_high": high_place,
                "rank_share": (places == ranks).mean(axis=0),
                "first_share": (places == 1).mean(axis=0),
                "n": len(models),
            }
        )
        part.loc[np.isnan(ranks), ["rank_share", "first_share"]] = np.nan
        # Whole numbers that may be missing; a float rank would be written as 1.0.
        part = part.astype({name: "Int64" for name in ("rank", "rank_low", "rank_high")})
        parts.append(part.sort_values("rank", kind="stable"))
    return pd.concat(parts, ignore_index=True)


def scheme_cells(totals: ClusterTotals, scheme: Scheme, model: str) -> tuple[list[int], list[int]]:
    """Columns of the scheme's measures for an adapter and for the base model."""
    return tuple(
        [totals.position((name, task, measure)) for task, measure in scheme]
        for name in (model, BASE)
    )


def score(
    means: np.ndarray, cells: Sequence[tuple[list[int], list[int]]], weights: np.ndarray
) -> np.ndarray:
    """Weighted changes from base along the last axis: (..., K cells) → (..., adapters)."""
    return np.stack(
        [(means[..., mine] - means[..., theirs]) @ weights for mine, theirs in cells], axis=-1
    )


def places_of(scores: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, 1 for the highest, ties sharing the better place; NaN for NaN."""
    # Scores equal in exact arithmetic may differ in the last bits.
    places = stats.rankdata(-np.round(scores, 12), method="min", axis=-1, nan_policy="omit")
    return np.where(np.isnan(scores), np.nan, places)
