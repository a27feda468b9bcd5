"""Simulate studies whose truth is known: what the intervals cover, how often families err.

    python -m experiments.simulate

Reads how much training runs differed in runs/long/; writes results/coverage.csv and
results/familywise.csv. Measured on one CPU core: MEASURED.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments import params, tables
from experiments.errors import run_stage
from experiments.simulation.coverage import coverage
from experiments.simulation.familywise import familywise

RESULTS = Path("results")
# The archived run with three training seeds, by the first protocol.
LONG = Path("runs/long/results")


def main() -> None:
    """Write both tables."""
    parameters = params.load()
    settings = parameters.simulate
    options = {"confidence": parameters.analyze.confidence, "seed": parameters.seed}
    tables.write(RESULTS, "coverage", coverage(settings.studies, **options))
    sizes = {"items": settings.items, "frames": settings.frames, "seeds": settings.seeds}
    found = familywise(settings.studies, sizes, seed_ratios(settings.effects), **options)
    tables.write(RESULTS, "familywise", found)
    print("results/ holds coverage and familywise. Next: python -m experiments.render")


def seed_ratios(effects: int) -> list[float]:
    """Standard deviations between seeds in standard errors of the items, of that many effects.

    They are those of the primary effects of runs/long, repeated or cut to the number wanted.
    """
    key = ["model", "task", "measure"]
    found = tables.read(LONG / "effects.csv", "effects", whole=False)
    found = found[found["family"] == "primary"].merge(pd.read_csv(LONG / "seeds.csv"), on=key)
    ratios = (found["seed_sd"] / found["se_x"]).to_list()
    return (ratios * (effects // len(ratios) + 1))[:effects]


if __name__ == "__main__":
    run_stage(main)
