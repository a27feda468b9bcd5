"""Confidence intervals for a mean over items that come in clusters.

Which one is used was decided by simulating their coverage (results/coverage.csv):

- values of 0 or 1, one per cluster: Clopper and Pearson (1934), exact statsmodels;
- other values within [0, 1] (several items per cluster, or means over option orders): the same at
  the effective number of items that the cluster-robust variance implies. It does not collapse when
  every item has the same outcome;
- differences and unbounded values: cluster-robust t with clusters - 1 degrees of freedom and an
  added pair (differences.py). The studentised bootstrap breaks down on discrete values;
- statistics that are no weighted means (ranks, correlations): percentile bootstrap over clusters,
  widened as Hesterberg (2015, The American Statistician 69) derives.
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

Bounds = tuple[np.ndarray, np.ndarray]


def wilson(successes: np.ndarray, n: np.ndarray, *, confidence: float) -> Bounds:
    """Wilson's score interval, for published counts of hundreds; NaN where n is 0."""
    n = np.asarray(n, float)
    return proportion_confint(successes, np.where(n > 0, n, np.nan), 1 - confidence, "wilson")


def clopper_pearson(successes: np.ndarray, n: np.ndarray, *, confidence: float) -> Bounds:
    """The exact interval for independent values of 0 and 1; NaN where n is 0."""
    n = np.asarray(n, float)
    return proportion_confint(successes, np.where(n > 0, n, np.nan), 1 - confidence, "beta")


def korn_graubard(
    mean: np.ndarray, se: np.ndarray, clusters: np.ndarray, *, confidence: float
) -> Bounds:
    """The exact interval at the effective number of items, mean × (1 - mean) / se².

    `mean` within [0, 1]; `se` cluster-robust, whose degrees of freedom lower the number by the
    squared ratio of the normal to the t quantile (Korn and Graubard 1998, Survey Methodology 24). A
    mean of exactly 0 or 1 tells nothing of the variance; then each cluster counts as one item.
    Values that are equal but neither 0 nor 1 (one letter whatever the question, over all option
    orders) have no sampling error, and the interval is the point.
    """
    mean, se, clusters = (np.asarray(part, float) for part in (mean, se, clusters))
    ratio = stats.norm.ppf((1 + confidence) / 2) / t_quantile(clusters, confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        at_bound = (mean <= 0) | (mean >= 1)
        items = np.where(at_bound, clusters, mean * (1 - mean) / se**2) * ratio**2
        low, high = clopper_pearson(items * mean, items, confidence=confidence)
    point = (se == 0) & ~at_bound
    return np.where(point, mean, low), np.where(point, mean, high)


def cluster_t(
    mean: np.ndarray, se: np.ndarray, clusters: np.ndarray, *, confidence: float
) -> Bounds:
    """mean ± t × se with clusters - 1 degrees of freedom; NaN below two clusters."""
    half = t_quantile(clusters, confidence) * np.asarray(se, float)
    return mean - half, mean + half


def t_quantile(clusters: np.ndarray, confidence: float) -> np.ndarray:
    """The two-sided t quantile for this many clusters; NaN below two."""
    degrees = np.asarray(clusters, float) - 1
    return stats.t.ppf((1 + confidence) / 2, np.where(degrees > 0, degrees, np.nan))


def percentile(resampled: np.ndarray, clusters: np.ndarray | int, *, confidence: float) -> Bounds:
    """Expanded percentile interval of bootstrap statistics (resamples × K); NaN are left out.

    The nominal level is raised so that for a mean the half-width equals that of the t interval:
    the percentile's tail becomes Φ(-√(G / (G - 1)) · t), G the number of clusters.
    """
    resampled = np.atleast_2d(np.asarray(resampled, float).T).T
    columns = resampled.shape[1]
    groups = np.broadcast_to(np.asarray(clusters, float), (columns,))
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        tails = stats.norm.cdf(-np.sqrt(groups / (groups - 1)) * t_quantile(groups, confidence))
    for column in range(columns):
        known = resampled[~np.isnan(resampled[:, column]), column]
        if len(known) and np.isfinite(tails[column]):
            low[column], high[column] = np.quantile(known, [tails[column], 1 - tails[column]])
    return low, high
