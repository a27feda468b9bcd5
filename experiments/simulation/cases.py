"""Studies that are simulated: what varies, at the sizes in use, and which intervals are tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from experiments.simulation.methods import Sample

Draw = Callable[[np.random.Generator, tuple[int, int, int, int]], Sample]
SHARES = (0.25, 0.5, 0.75, 1.0)  # of four orders
MOSTLY_QUARTERS = (0.25, 0.25, 0.25, 1.0)


@dataclass(frozen=True)
class Case:
    """One kind of study at one size."""

    name: str
    varies: str
    draw: Draw
    n: int
    methods: tuple[str, ...]
    items_per_cluster: int = 1
    frames: int = 1
    seeds: int = 1

    @property
    def clusters(self) -> int:
        """Clusters of items."""
        return self.n // self.items_per_cluster

    def sample(self, generator: np.random.Generator, studies: int) -> Sample:
        """That many studies of the case."""
        return self.draw(generator, (studies, self.clusters, self.frames, self.seeds))


def alone(sums: np.ndarray, truth: float, bounded: bool = False) -> Sample:
    """Items that are each their own cluster."""
    return Sample(sums, np.ones_like(sums), truth, bounded)


def values(distribution: str, truth: float, generator: np.random.Generator, size: tuple) -> Sample:
    """Independent unbounded values."""
    if distribution == "t":
        return alone(generator.standard_t(3, size), truth)
    return alone(getattr(generator, distribution)(size=size), truth)


def binary(rate: float, generator: np.random.Generator, size: tuple) -> Sample:
    """Independent zeros and ones."""
    return alone(generator.binomial(1, rate, size).astype(float), rate, True)


def clustered(rate: float, generator: np.random.Generator, size: tuple) -> Sample:
    """Zeros and ones in clusters of one to four items that resemble each other."""
    counts = generator.integers(1, 5, size)
    sums = generator.binomial(counts, generator.beta(3 * rate, 3 - 3 * rate, size))
    return Sample(sums.astype(float), counts.astype(float), rate, True)


def orders(rate: float, generator: np.random.Generator, size: tuple) -> Sample:
    """Shares of four option orders."""
    sums = generator.binomial(4, generator.beta(2 * rate, 2 - 2 * rate, size)) / 4
    return alone(sums, rate, True)


def sparse(
    changing: float, steps: tuple[float, ...], generator: np.random.Generator, size: tuple
) -> Sample:
    """Differences of which few are not 0."""
    sums = (generator.random(size) < changing) * generator.choice(steps, size)
    return alone(sums, changing * float(np.mean(steps)), True)


def topics(changing: float, generator: np.random.Generator, size: tuple) -> Sample:
    """Pairs of items on one topic that change together."""
    sums = 2.0 * (generator.random(size) < changing)
    return Sample(sums, np.full(size, 2.0), changing, True)


def crossed(
    frame: float, seed: float, shape: str, generator: np.random.Generator, size: tuple
) -> Sample:
    """Items × frames × seeds with interactions; frame and seed in standard errors of the items."""
    studies, items, frames, seeds = size
    drawn = getattr(generator, shape)(size=(2, studies, items, 1, 1))
    own = (drawn[0] - drawn[1]) / np.sqrt(2 * (1 if shape == "normal" else (np.e - 1) * np.e))
    scale = np.sqrt(1 / items)
    sums = own + 0.5 * generator.normal(size=size)
    sums += 0.3 * generator.normal(size=(studies, items, frames, 1))
    sums += 0.7 * generator.normal(size=(studies, items, 1, seeds))
    sums += frame * scale * generator.normal(size=(studies, 1, frames, 1))
    sums += seed * scale * generator.normal(size=(studies, 1, 1, seeds))
    return alone(sums, 0.0)


def some_frames(
    asked_in: int, frame: float, seed: float, generator: np.random.Generator, size: tuple
) -> Sample:
    """The same with items asked in so many of the frames each, in turn."""
    whole = crossed(frame, seed, "normal", generator, size)
    item, number = np.arange(size[1])[:, None], np.arange(size[2])
    asked = ((number - item) % size[2] < asked_in)[None, :, :, None]
    return Sample(whole.sums * asked, whole.counts * asked, 0.0)


def bounded(changing: float, seed: float, generator: np.random.Generator, size: tuple) -> Sample:
    """Differences of rates of which few are not 0; each run gains or loses on every item."""
    studies, _, _, seeds = size
    drawn = (generator.random(size) < changing) * generator.choice((1.0, -1.0), size)
    return alone(drawn + seed * generator.normal(size=(studies, 1, 1, seeds)), 0.0, True)


def spreads(
    distribution: str, sides: int, ratio: float, generator: np.random.Generator, size: tuple
) -> Sample:
    """A margin of base and of an adapter, in place of frames; the truth is the change of spread."""
    studies, items = size[:2]
    scale = np.sqrt(5 / 3) if distribution == "t" else 1.0
    drawn = (
        generator.standard_t(5, (studies, items, sides, 1))
        if distribution == "t"
        else generator.normal(size=(studies, items, sides, 1))
    ) / scale
    if sides == 1:
        return alone(drawn, 1.0)
    drawn[:, :, 0] = ratio * (0.6 * drawn[:, :, 1] + 0.8 * drawn[:, :, 0])
    return alone(drawn, ratio - 1.0)


def correlated(rho: float, generator: np.random.Generator, size: tuple) -> Sample:
    """Two measures of each adapter, in place of frames."""
    drawn = generator.normal(size=(*size[:2], 2, 1))
    drawn[:, :, 1] = rho * drawn[:, :, 0] + np.sqrt(1 - rho**2) * drawn[:, :, 1]
    return alone(drawn, rho)


MEAN = ("added_pair", "cluster_t")
RATE = ("clopper_pearson", "wilson")
EFFECTIVE = ("korn_graubard", "cluster_t")
LEVELS = ("for new items, frames and runs", "satterthwaite")
FREE = {"normal": 0.0, "t": 0.0, "exponential": 1.0, "lognormal": float(np.exp(0.5))}

CASES = (
    *(
        Case(f"{name} values", "items", partial(values, name, truth), n, MEAN)
        for name, truth in FREE.items()
        for n in (16, 24, 40, 60)
    ),
    *(
        Case(f"rate of {rate}", "items", partial(binary, rate), n, RATE)
        for rate in (0.01, 0.03, 0.1, 0.3, 0.5)
        for n in (16, 24, 40)
    ),
    *(
        Case(f"rate of {rate}, over 4 orders", "items", partial(orders, rate), n, EFFECTIVE)
        for rate in (0.1, 0.5, 0.9)
        for n in (24, 40)
    ),
    *(
        Case(f"rate of {rate}, in clusters", "clusters", partial(clustered, rate), n, EFFECTIVE)
        for rate in (0.1, 0.5, 0.9)
        for n in (24, 40)
    ),
    *(
        Case(f"{k} of 24 topics change", "clusters", partial(topics, k / 24), 48, MEAN, 2)
        for k in (1, 2, 3, 4, 5, 8)
    ),
    *(
        Case(f"{name}, {k} of 40 change", "items", partial(sparse, k / 40, steps), 40, MEAN)
        for name, steps in (
            ("answers gained or lost", (1.0, 1.0, -1.0)),
            ("shares of 4 orders", SHARES),
            ("shares, mostly a quarter", MOSTLY_QUARTERS),
        )
        for k in (2, 5, 8)
    ),
    *(
        Case(
            f"frames {frame}, seeds {seed}, {shape} items",
            "items, frames, seeds",
            partial(crossed, frame, seed, shape),
            n,
            LEVELS,
            frames=4,
            seeds=seeds,
        )
        for n, seeds in ((24, 3), (40, 3), (40, 5))
        for frame, seed, shape in (
            (0, 0, "normal"),
            (0, 1, "normal"),
            (0, 4, "normal"),
            (1, 1, "normal"),
            (2, 0, "normal"),
            (2, 2, "normal"),
            (4, 1, "normal"),
            (1, 1, "lognormal"),
        )
    ),
    *(
        Case(
            f"frames {frame}, seeds {seed}, {asked_in} of {frames} frames each",
            "items, frames, seeds",
            partial(some_frames, asked_in, frame, seed),
            n,
            LEVELS,
            frames=frames,
            seeds=3,
        )
        for asked_in, frames in ((2, 4), (1, 8), (4, 8))
        for n in (24, 40)
        for frame, seed in ((0, 0), (1, 1), (4, 1))
    ),
    *(
        Case(
            f"answers, 1 of 20 changes, seeds {seed}",
            "items, frames, seeds",
            partial(bounded, 0.05, seed),
            n,
            LEVELS,
            frames=4,
            seeds=3,
        )
        for n in (24, 40)
        for seed in (0.0, 0.1)
    ),
    *(
        Case(
            f"frames {frame}",
            "items, frames",
            partial(crossed, frame, 0, "normal"),
            40,
            LEVELS,
            frames=4,
        )
        for frame in (0, 1, 4)
    ),
    *(
        Case(
            f"seeds {seed}",
            "items, seeds",
            partial(crossed, 0, seed, "normal"),
            40,
            LEVELS,
            seeds=seeds,
        )
        for seed in (0, 1, 4)
        for seeds in (3, 5)
    ),
    *(
        Case(f"spread, {name} margins", "items", partial(spreads, name, 1, 1), n, ("log spread",))
        for name in ("normal", "t")
        for n in (24, 40)
    ),
    *(
        Case(
            f"spread {ratio} times as large, {name} margins",
            "items",
            partial(spreads, name, 2, ratio),
            n,
            ("change of spread",),
        )
        for name in ("normal", "t")
        for ratio in (1, 2)
        for n in (24, 40)
    ),
    *(
        Case(f"correlation of {rho}", "adapters", partial(correlated, rho), n, ("fisher",))
        for rho in (0.0, 0.7)
        for n in (8, 14)
    ),
)  # fmt: skip
