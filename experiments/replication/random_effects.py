"""One effect in several models: the mean over models, their differences, the effect in another one.

Models are a sample of models. The variance between them, tau², is Paule and Mandel's (1982, Journal
of Research of the National Bureau of Standards 87). The interval of the mean is Hartung and Knapp's
(2001, Statistics in Medicine 20), Student's t over models, with a standard error not below that of
the weights alone (Röver, Knapp and Friede 2015, BMC Medical Research Methodology 15): two or three
models that happen to agree would have next to none. The prediction interval, for the effect in one
more model, is that of Higgins, Thompson and Spiegelhalter (2009, Journal of the Royal Statistical
Society A 172), from three models on.

Standard errors count as known: where they have three degrees of freedom, the interval of five
models still covers 95 %, of nine 92 %, and of fewer more. They count as independent between models,
too. These answer the same items and share what is peculiar to them: the mean is for other models on
items like these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

LEAST_MODELS, LEAST_TO_PREDICT = 2, 3


@dataclass(frozen=True)
class Summary:
    """Of `k` models: the mean with its interval and p, the interval for another model, and how far
    models differ.

    `i2` is the share of the spread that is not sampling error (Higgins and Thompson 2002), from
    Cochran's Q. All but `k` are NaN below two models, `predict_low` and `predict_high` below three.
    """

    k: int
    estimate: float = np.nan
    low: float = np.nan
    high: float = np.nan
    se: float = np.nan
    p: float = np.nan
    predict_low: float = np.nan
    predict_high: float = np.nan
    tau2: float = np.nan
    i2: float = np.nan


def random_effects(effects: Sequence[float], se: Sequence[float], confidence: float) -> Summary:
    """The Summary of one effect per model and its standard error, which must be above 0."""
    k = len(effects)
    if k < LEAST_MODELS:
        return Summary(k)
    with np.errstate(divide="ignore"):  # its own I², of models that agree entirely
        found = combine_effects(np.asarray(effects, float), np.asarray(se, float) ** 2, "pm")
    mean, error = found.mean_effect_re, max(found.sd_eff_w_re_hksj, found.sd_eff_w_re)
    half = quantile(k - 1, confidence) * error
    reach = np.nan
    if k >= LEAST_TO_PREDICT:
        reach = quantile(k - 2, confidence) * np.sqrt(found.tau2 + error**2)
    return Summary(
        k=k,
        estimate=float(mean),
        low=float(mean - half),
        high=float(mean + half),
        se=float(error),
        p=float(2 * stats.t.sf(abs(mean) / error, k - 1)),
        predict_low=float(mean - reach),
        predict_high=float(mean + reach),
        tau2=float(found.tau2),
        i2=float(max(0.0, 1 - (k - 1) / found.q)) if found.q > 0 else 0.0,
    )


def quantile(degrees: float, confidence: float) -> float:
    """Student's two-sided quantile."""
    return float(stats.t.ppf((1 + confidence) / 2, degrees))
