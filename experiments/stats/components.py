"""What a mean over items × frames × training seeds varies by, and an interval for new ones of each.

Items come in clusters and are crossed with frames (wordings) and training seeds. Three variances
of the mean are estimated, each from the spread of the means of its own levels:

- items: cluster-robust, over cluster totals averaged over frames and seeds. Two clusters are added,
  as far from the mean as the farthest of all, one on either side: for values of -1, 0 and 1 the
  discordant pair of Bonett and Price (2012), elsewhere its like on the scale of the values. It
  keeps the interval from collapsing where few clusters vary, and guards against skewness;
- frames and seeds: the variance of their means, with and without what items put into it.

The half-width is √(Σ t² V), every variance with the t quantile of its own degrees of freedom, which
covers at least as often as stated for independent variances (Banerjee 1960, Sankhyā 22). Items are
taken out of the other two there, but the interval is never shorter than the plain t interval of the
seeds' means alone, or the frames'. Satterthwaite's degrees of freedom fall to 90 % with three
seeds (results/coverage.csv).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats


@dataclass(frozen=True)
class Part:
    """A variance of the mean: as observed between `levels` levels, and how much of it is items'."""

    observed: np.ndarray
    noise: np.ndarray
    levels: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """The variance of the mean with the items' share removed, not below 0."""
        return np.clip(self.observed - self.noise, 0, None)

    @property
    def sd(self) -> np.ndarray:
        """Standard deviation between levels, items' share removed."""
        return np.sqrt(self.own * self.levels)


@dataclass(frozen=True)
class Components:
    """A mean and the three parts of its variance; all arrays have one element per study."""

    estimate: np.ndarray
    clusters: np.ndarray
    item: np.ndarray
    frame: Part
    seed: Part

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """se, degrees of freedom and half-width; the half-width is the t quantile times se.

        A part with one level is left out: the interval is for that frame, or those training runs.
        NaN below two clusters.
        """
        squared = t_quantile(self.clusters - 1, confidence) ** 2 * self.item
        variance, alone = self.item, []
        for part in (self.frame, self.seed):
            several = part.levels > 1
            quantile = np.where(several, t_quantile(part.levels - 1, confidence), 0)
            squared = squared + quantile**2 * part.own
            variance = variance + part.own
            alone.append((quantile**2 * part.observed, part.observed))
        half = np.sqrt(np.maximum.reduce([squared, *(half for half, _ in alone)]))
        se = np.sqrt(np.maximum.reduce([variance, *(observed for _, observed in alone)]))
        with np.errstate(invalid="ignore", divide="ignore"):
            degrees = special.stdtridf((1 + confidence) / 2, half / se)
        return se, degrees, half


def components(sums: np.ndarray, weights: np.ndarray, largest: float = np.nan) -> Components:
    """The parts of the variance of Σ sums / Σ weights, for arrays (..., clusters, frames, seeds).

    `weights` is the number of items in a cluster × frame × seed, an item's frames and seeds sharing
    its weight of 1; `sums` their weighted values. Where nothing varies between clusters, the added
    pair is `largest` from the mean: 1 for a rate, NaN where values have no bounds.
    """
    total = weights.sum(axis=(-3, -2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = sums.sum(axis=(-3, -2, -1)) / total
    of_cluster = weights.sum(axis=(-2, -1))
    clusters = (of_cluster > 0).sum(axis=-1)
    deviations = sums.sum(axis=(-2, -1)) - estimate[..., None] * of_cluster
    farthest = np.abs(deviations).max(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = total / clusters
        farthest = np.where(farthest > 1e-12 * size, farthest, largest * size)
        squares = (deviations**2).sum(axis=-1) + 2 * farthest**2  # as in differences.py
        item = np.where(clusters > 1, squares * clusters / (clusters - 1) / total**2, np.nan)
    frame, seed = (between(sums.sum(axis=axis), weights.sum(axis=axis)) for axis in (-1, -2))
    return Components(estimate, clusters, item, frame, seed)


def between(sums: np.ndarray, weights: np.ndarray) -> Part:
    """The variance of the mean by the last axis of arrays (..., clusters, levels)."""
    total, levels = weights.sum(axis=-2), weights.shape[-1]
    clusters = (weights.sum(axis=-1) > 0).sum(axis=-1)
    if levels < 2:
        none = np.zeros(total.shape[:-1])
        return Part(none, none, none + levels)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums.sum(axis=-2) / total
        influence = (sums - means[..., None, :] * weights) / total[..., None, :]
        influence = influence - influence.mean(axis=-1, keepdims=True)
        correction = clusters / (clusters - 1) / (levels * (levels - 1))
        noise = (influence**2).sum(axis=(-2, -1)) * correction
    return Part(means.var(axis=-1, ddof=1) / levels, noise, np.full(noise.shape, levels))


def t_quantile(degrees: np.ndarray, confidence: float) -> np.ndarray:
    """The two-sided t quantile; NaN below one degree of freedom."""
    degrees = np.asarray(degrees, float)
    return stats.t.ppf((1 + confidence) / 2, np.where(degrees > 0, degrees, np.nan))
