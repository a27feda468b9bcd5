"""The intervals that are simulated: those in use, and those that they took the place of.

Each takes a Sample of many studies and gives low and high, an element per study.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from experiments.stats import intervals
from experiments.stats.clusters import ClusterTotals
from experiments.stats.components import Components, components
from experiments.stats.correlation import fisher
from experiments.stats.differences import difference_bounds
from experiments.stats.margins import change_bounds, spread, spread_bounds

Bounds = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Sample:
    """Studies × clusters × frames × seeds: sums of values and numbers of items; and the truth."""

    sums: np.ndarray
    counts: np.ndarray
    truth: float
    bounded: bool = False

    @cached_property
    def totals(self) -> ClusterTotals:
        """One cell per study, frames and seeds averaged."""
        cells = pd.MultiIndex.from_product([range(len(self.sums)), ["test"], ["measure"]])
        asked = (self.counts > 0).sum(axis=(2, 3))
        sums, counts = ((part.sum(axis=(2, 3)) / asked).T for part in (self.sums, self.counts))
        return ClusterTotals(pd.RangeIndex(len(sums)), cells, sums, counts)

    @property
    def items(self) -> np.ndarray:
        """Studies × items, for samples of one item per cluster."""
        return self.sums.mean(axis=(2, 3))


def parts(sample: Sample) -> Components:
    """The variances of contrasts, every frame and seed of a cluster with the same weight."""
    asked = (sample.counts > 0).sum(axis=(2, 3), keepdims=True)
    largest = 1.0 if sample.bounded else np.nan
    return components(sample.sums / asked, sample.counts / asked, largest)


def for_new_levels(sample: Sample, confidence: float) -> Bounds:
    """The interval of contrasts: new items, frames and training runs."""
    found = parts(sample)
    half = found.interval(confidence)[2]
    return found.estimate - half, found.estimate + half


def satterthwaite(sample: Sample, confidence: float) -> Bounds:
    """The same variances without the items' share, with Satterthwaite's (1946) degrees."""
    found = parts(sample)
    sources = [(sample.totals.se**2, found.clusters)]
    sources += [(part.own, part.levels) for part in (found.frame, found.seed)]
    variance = sum(part for part, _ in sources)
    degrees = variance**2 / sum(part**2 / np.maximum(levels - 1, 1) for part, levels in sources)
    half = stats.t.ppf((1 + confidence) / 2, degrees) * np.sqrt(variance)
    return found.estimate - half, found.estimate + half


def cluster_t(sample: Sample, confidence: float) -> Bounds:
    """The t interval over clusters, for new items alone."""
    totals = sample.totals
    return intervals.cluster_t(totals.means, totals.se, totals.sizes, confidence=confidence)


def added_pair(sample: Sample, confidence: float) -> Bounds:
    """The same with the pair of differences.py."""
    bounded = np.full(len(sample.sums), sample.bounded)
    table = difference_bounds(sample.totals, bounded, confidence=confidence)
    return table["low"].to_numpy(), table["high"].to_numpy()


def wilson(sample: Sample, confidence: float) -> Bounds:
    """Wilson's interval, which has no clusters."""
    items = sample.counts.sum(axis=1)[:, 0, 0]
    return intervals.wilson(sample.totals.means * items, items, confidence=confidence)


def clopper_pearson(sample: Sample, confidence: float) -> Bounds:
    """The exact interval of independent items."""
    items = sample.counts.sum(axis=1)[:, 0, 0]
    successes = np.rint(sample.totals.means * items)
    return intervals.clopper_pearson(successes, items, confidence=confidence)


def korn_graubard(sample: Sample, confidence: float) -> Bounds:
    """The exact interval at the effective number of items."""
    totals = sample.totals
    return intervals.korn_graubard(totals.means, totals.se, totals.sizes, confidence=confidence)


def of_spreads(bounds: Callable, names: tuple[str, str]) -> Callable[[Sample, float], Bounds]:
    """An interval of standard deviations, one study at a time; two halves of items are compared."""

    def interval(sample: Sample, confidence: float) -> Bounds:
        found = []
        for study in sample.sums[..., 0]:
            sides = [spread(side, np.arange(len(side))) for side in study.T]
            found.append([bounds(*sides, confidence)[name] for name in names])
        return tuple(np.array(found).T)

    return interval


def correlation(sample: Sample, confidence: float) -> Bounds:
    """Fisher's interval of the correlation of two measures, taken as two frames."""
    x, y = sample.sums[:, :, 0, 0], sample.sums[:, :, 1, 0]
    centred = [side - side.mean(axis=1, keepdims=True) for side in (x, y)]
    product = (centred[0] * centred[1]).sum(axis=1)
    length = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    return fisher(product / length, x.shape[1], confidence=confidence)


spread_level = of_spreads(spread_bounds, ("low", "high"))
spread_change = of_spreads(change_bounds, ("change_low", "change_high"))
# name -> the interval, and whether it is in use.
METHODS: dict[str, tuple[Callable[[Sample, float], Bounds], bool]] = {
    "for new items, frames and runs": (for_new_levels, True),
    "satterthwaite": (satterthwaite, False),
    "cluster_t": (cluster_t, False),
    "added_pair": (added_pair, True),
    "wilson": (wilson, False),
    "clopper_pearson": (clopper_pearson, True),
    "korn_graubard": (korn_graubard, True),
    "log spread": (spread_level, True),
    "change of spread": (spread_change, True),
    "fisher": (correlation, True),
}
