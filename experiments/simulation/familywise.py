"""How often a family of tests finds something where training moves things at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from experiments.simulation.cases import crossed
from experiments.simulation.coverage import monte_carlo
from experiments.simulation.methods import Sample, parts

STUDIES_AT_ONCE = 50


def familywise(
    studies: int,
    sizes: Mapping[str, int],
    ratios: Sequence[float],
    *,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """One row per rule × correction: the share of simulated studies with any false finding.

    Every effect is 0 on average, and a training run moves it by a standard deviation of `ratios`
    (one per effect, in standard errors of the items). `sizes` has items, frames and seeds. "items,
    one seed" is the rule of the first protocol; "items, frames and seeds" that of contrasts.
    """
    generator = np.random.default_rng(seed)
    effects = len(ratios)
    p: dict[str, list[np.ndarray]] = {"items, one seed": [], "items, frames and seeds": []}
    for start in range(0, studies, STUDIES_AT_ONCE):
        number = min(STUDIES_AT_ONCE, studies - start)
        size = (number * effects, sizes["items"], sizes["frames"], sizes["seeds"])
        shift = np.tile(ratios, number)[:, None, None, None]
        sample = crossed(0.5, shift, "normal", generator, size)
        one = Sample(sample.sums[..., :1], sample.counts[..., :1], 0.0)
        p["items, one seed"].append(p_of_items(one).reshape(number, effects))
        p["items, frames and seeds"].append(p_of_contrast(sample, confidence).reshape(number, -1))
    rows = []
    for rule, found in p.items():
        smallest = np.vstack(found).min(axis=1)
        for correction, bound in (("none", 1 - confidence), ("holm", (1 - confidence) / effects)):
            # Holm rejects any where it rejects the smallest.
            erring = int((smallest <= bound).sum())
            seeds = 1 if rule == "items, one seed" else sizes["seeds"]
            rows.append(
                {
                    "rule": rule,
                    "correction": correction,
                    "effects": effects,
                    "n": sizes["items"],
                    "frames": sizes["frames"],
                    "seeds": seeds,
                    "seed_ratio": float(np.mean(ratios)),
                    **monte_carlo("error", erring, studies, confidence),
                }
            )
    return pd.DataFrame(rows)


def p_of_items(sample: Sample) -> np.ndarray:
    """Two-sided p of the t test over items."""
    return stats.ttest_1samp(sample.items, 0, axis=1).pvalue


def p_of_contrast(sample: Sample, confidence: float) -> np.ndarray:
    """Two-sided p as in contrasts."""
    found = parts(sample)
    se, degrees, _ = found.interval(confidence)
    return 2 * stats.t.sf(np.abs(found.estimate) / se, degrees)
