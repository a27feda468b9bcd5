"""How often intervals hold the truth, with the Monte Carlo interval of that share."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from experiments.simulation.cases import CASES, Case
from experiments.simulation.methods import METHODS

# The least coverage of a nominal 0.95, of any other level in proportion to its error.
SHORTFALL = 1.3


def coverage(
    studies: int, *, confidence: float, seed: int, cases: Iterable[Case] = CASES
) -> pd.DataFrame:
    """One row per case × method: coverage, its Monte Carlo interval, mean width, and `enough`.

    Enough is a coverage of 1 - SHORTFALL × (1 - confidence), 0.935 at 0.95. A study without an
    interval counts as one that does not cover.
    """
    rows = []
    for case in cases:
        own = zlib.crc32(f"{case.name}, {case.n}, {case.seeds}".encode())
        sample = case.sample(np.random.default_rng([seed, own]), studies)
        for name in case.methods:
            interval, in_use = METHODS[name]
            low, high = interval(sample, confidence)
            holds = int(((low <= sample.truth) & (sample.truth <= high)).sum())
            rows.append(
                {
                    "case": case.name,
                    "varies": case.varies,
                    "n": case.n,
                    "clusters": case.clusters,
                    "frames": case.frames,
                    "seeds": case.seeds,
                    "method": name,
                    "in_use": in_use,
                    "nominal": confidence,
                    **monte_carlo("coverage", holds, studies, confidence),
                    "mean_width": float(np.nanmean(high - low)),
                    "enough": holds / studies >= 1 - SHORTFALL * (1 - confidence),
                }
            )
    return pd.DataFrame(rows)


def monte_carlo(name: str, count: int, studies: int, confidence: float) -> dict[str, float]:
    """A share of studies, with low and high for more studies."""
    low, high = proportion_confint(count, studies, 1 - confidence, "wilson")
    return {name: count / studies, "low": float(low), "high": float(high)}
