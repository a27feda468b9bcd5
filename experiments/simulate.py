"""Simulate studies whose truth is known: what the intervals cover, how often families err.

    python -m experiments.simulate

Writes results/coverage.csv and results/familywise.csv. Measured on one CPU core: 10 seconds.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments import params, tables
from experiments.errors import run_stage
from experiments.simulation.coverage import coverage
from experiments.simulation.familywise import familywise

RESULTS = Path("results")
# How far three training seeds lay apart in the 21 primary effects of a run of SmolLM2-135M under
# the first protocol, and the standard errors over items (effects.csv and seeds.csv of runs/long,
# in this repository up to the commit 4f379fd).
DEVIATIONS = Path(__file__).parent / "simulation/seed_deviations.csv"


def main() -> None:
    """Write both tables."""
    parameters = params.load()
    settings = parameters.simulate
    confidence, seed = parameters.analyze.confidence, parameters.seed
    ratios = seed_ratios(settings.effects)
    found = coverage(settings.studies, confidence=confidence, seed=seed)
    tables.write(RESULTS, "coverage", found)
    sizes = {"items": settings.items, "frames": settings.frames, "seeds": settings.seeds}
    found = familywise(settings.studies, sizes, ratios, confidence=confidence, seed=seed)
    tables.write(RESULTS, "familywise", found)
    print("results/ holds coverage and familywise. Next: python -m experiments.render")


def seed_ratios(effects: int) -> list[float]:
    """Standard deviations between seeds in standard errors of the items, of that many effects.

    They are those of DEVIATIONS, repeated or cut to the number wanted.
    """
    found = pd.read_csv(DEVIATIONS)
    ratios = (found["seed_sd"] / found["se"]).to_list()
    return (ratios * (effects // len(ratios) + 1))[:effects]


if __name__ == "__main__":
    run_stage(main)
