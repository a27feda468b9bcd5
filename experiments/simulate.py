"""Simulate studies whose truth is known: what the intervals cover, how often families err.

    python -m experiments.simulate

Reads how much training runs differed in runs/long/; writes results/coverage.csv and
results/familywise.csv. Measured on one CPU core: 10 seconds.
"""

from __future__ import annotations

from pathlib import Path

from experiments import params, tables
from experiments.errors import DataError, run_stage
from experiments.simulation.coverage import coverage
from experiments.simulation.familywise import familywise

RESULTS = Path("results")
# The archived run with three training seeds, by the first protocol.
LONG = Path("runs/long/results")


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

    They are those of the primary effects of runs/long, repeated or cut to the number wanted.
    """
    key = ["model", "task", "measure"]
    for name in ("effects", "seeds"):
        if not (LONG / f"{name}.csv").is_file():
            raise DataError(f"{LONG / name}.csv is missing; restore it from the repository")
    found = tables.read(LONG / "effects.csv", "effects", whole=False)
    seeds = tables.read(LONG / "seeds.csv", "seeds", whole=False)[[*key, "seed_sd"]]
    found = found[found["family"] == "primary"].merge(seeds, on=key)
    ratios = (found["seed_sd"] / found["se"]).to_list()
    return (ratios * (effects // len(ratios) + 1))[:effects]


if __name__ == "__main__":
    run_stage(main)
