"""What a test of this size could have seen, so that "no effect" is never said of a weak one."""

from __future__ import annotations

from functools import cache

import numpy as np
from statsmodels.stats.power import TTestPower


@cache
def detectable_in_se(clusters: int, confidence: float, power: float) -> float:
    """The effect, in standard errors, that a two-sided t test of `clusters` finds with `power`."""
    if clusters < 2:
        return float("nan")
    effect = TTestPower().solve_power(
        nobs=clusters, alpha=1 - confidence, power=power, alternative="two-sided"
    )
    return float(effect) * float(np.sqrt(clusters))


def minimal_detectable_effect(
    se: np.ndarray, clusters: np.ndarray, *, confidence: float, power: float
) -> np.ndarray:
    """The smallest true difference found with probability `power`, from its standard error.

    `se` is cluster-robust and observed, not assumed, so it already holds the pairing and the
    clustering. NaN below two clusters or where se is 0 (no variation was seen, so nothing is known
    of what could be detected).
    """
    se = np.asarray(se, float)
    factors = np.array([detectable_in_se(int(size), confidence, power) for size in clusters])
    return np.where(se > 0, factors * se, np.nan)
