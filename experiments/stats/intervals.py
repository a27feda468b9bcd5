"""Confidence intervals for a mean over items that come in clusters.

Which one is used was decided by simulating their coverage (tests/stats/test_coverage.py) for 30
to 300 items, the sizes of this study:

- values of 0 or 1, one per cluster: Wilson (1927), exact statsmodels;
- other values within [0, 1] (several items per cluster, or means over option orders): Wilson with
  the effective number of items that the cluster-robust variance implies (Dean and Pagano 2015),
  and a t quantile. It covers 94 to 97 % where the t interval falls to 90 % near 0 and 1, and it
  does not collapse when every item has the same outcome;
- unbounded values (margins, paired differences): cluster-robust t with clusters - 1 degrees of
  freedom. The percentile bootstrap covers less at 40 clusters (its variance is too small by
  (G - 1) / G and its quantiles are normal), BCa mends skewness only, and the studentised
  bootstrap breaks down on discrete values;
- statistics that are no weighted means (ranks, correlations): percentile bootstrap over clusters,
  widened as Hesterberg (2015, The American Statistician 69) derives.
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

Bounds = tuple[np.ndarray, np.ndarray]


def wilson(successes: np.ndarray, n: np.ndarray, *, confidence: float) -> Bounds:
    """Wilson's score interval for independent values of 0 and 1; NaN where n is 0."""
    n = np.asarray(n, float)
    return proportion_confint(successes, np.where(n > 0, n, np.nan), 1 - confidence, "wilson")


def wilson_effective(
    mean: np.ndarray, se: np.ndarray, clusters: np.ndarray, *, confidence: float
) -> Bounds:
    """Wilson's interval at the effective number of items, mean × (1 - mean) / se².

    `mean` within [0, 1]; `se` cluster-robust. The t quantile of clusters - 1 degrees of freedom
    takes the place of the normal one, since se is estimated. A mean of exactly 0 or 1 tells
    nothing of the variance; then each cluster counts as one item, the cautious choice. Values that
    are equal but neither 0 nor 1 (one letter whatever the question, over all option orders) have
    no sampling error, and the interval is the point.
    """
    mean, se, clusters = (np.asarray(part, float) for part in (mean, se, clusters))
    quantile = t_quantile(clusters, confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        at_bound = (mean <= 0) | (mean >= 1)
        share = np.where(at_bound, 1 / clusters, se**2 / (mean * (1 - mean)))
        spread = quantile**2 * share
        centre = (mean + spread / 2) / (1 + spread)
        half = np.sqrt(quantile**2 * mean * (1 - mean) * share + spread**2 / 4) / (1 + spread)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


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
