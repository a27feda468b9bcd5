"""Sums over clusters: the sufficient statistics of every mean, interval and resample here.

A mean over items is a ratio, the sum of cluster sums over the sum of cluster sizes. Its sampling
error follows from the clusters' influence values (Taylor linearisation; Cochran 1977, Sampling
Techniques, chapter 6), and a bootstrap resample of clusters is a weighted sum: one matrix
product serves all models and measures, and keeps them paired.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from experiments.errors import OutcomeError
from experiments.stats.values import CELL, item_means

Cell = tuple[str, str, str]
RESAMPLES_AT_ONCE = 250


@dataclass(frozen=True)
class ClusterTotals:
    """Per cluster (C rows) and cell (K columns: model, task, measure): sum and number of values."""

    clusters: pd.Index
    cells: pd.MultiIndex
    sums: np.ndarray
    counts: np.ndarray

    @cached_property
    def means(self) -> np.ndarray:
        """The K means over items; NaN for a cell without values."""
        with np.errstate(invalid="ignore"):
            return self.sums.sum(axis=0) / self.counts.sum(axis=0)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of clusters with a value, per cell."""
        return (self.counts > 0).sum(axis=0)

    @cached_property
    def influence(self) -> np.ndarray:
        """C × K influence values; the root of the sum of their squares is the standard error.

        Each cell's squares are scaled by G / (G - 1), G its clusters; the influence of a
        weighted sum of means is the weighted sum of influences, so covariances between models
        that answered the same items are kept. NaN for a cell of fewer than two clusters.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            deviations = (self.sums - self.means * self.counts) / self.counts.sum(axis=0)
            correction = np.sqrt(self.sizes / (self.sizes - 1.0))
            return np.where(self.sizes > 1, deviations * correction, np.nan)

    @cached_property
    def se(self) -> np.ndarray:
        """The K cluster-robust standard errors; NaN below two clusters."""
        return np.sqrt((self.influence**2).sum(axis=0))

    def position(self, cell: Cell) -> int:
        """Column of a cell; OutcomeError if it was not measured."""
        if cell not in self.cells:
            model, task, measure = cell
            raise OutcomeError(
                f"there is no measure {measure!r} of task {task!r} for model {model!r}; mend the "
                "name or evaluate that model"
            )
        return int(self.cells.get_loc(cell))

    def resampled_means(self, resamples: int, seed: int) -> np.ndarray:
        """`resamples` × K means over clusters drawn with replacement; NaN where none was drawn."""
        size = len(self.clusters)
        generator = np.random.default_rng(seed)
        means = np.empty((resamples, len(self.cells)))
        # A few resamples at a time, so that memory stays small with many clusters.
        for start in range(0, resamples, RESAMPLES_AT_ONCE):
            number = min(RESAMPLES_AT_ONCE, resamples - start)
            weights = generator.multinomial(size, np.full(size, 1 / size), size=number)
            weights = weights.astype(float)
            with np.errstate(invalid="ignore"):
                means[start : start + number] = (weights @ self.sums) / (weights @ self.counts)
        return means


def cluster_totals(values: pd.DataFrame) -> ClusterTotals:
    """Totals of a values frame, training seeds averaged within items."""
    return totals_of_means(item_means(values))


def totals_of_means(means: pd.DataFrame) -> ClusterTotals:
    """Totals of a frame with the columns of CELL, `cluster` and `value` (NaN is left out)."""
    cells = pd.MultiIndex.from_frame(means[CELL].drop_duplicates())
    column = cells.get_indexer(pd.MultiIndex.from_frame(means[CELL]))
    row, clusters = pd.factorize(means["cluster"], sort=True)
    present = means["value"].notna().to_numpy()
    shape = (len(clusters), len(cells))
    flat = np.ravel_multi_index((row[present], column[present]), shape)
    size = shape[0] * shape[1]
    counts = np.bincount(flat, minlength=size).reshape(shape).astype(float)
    weights = means["value"].to_numpy()[present]
    sums = np.bincount(flat, weights=weights, minlength=size).reshape(shape)
    return ClusterTotals(pd.Index(clusters), cells, sums, counts)
