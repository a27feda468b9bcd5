"""Recompute what the source study published, and give each statement a verdict.

    python -m experiments.audit                   the published figures and tracked counts
    python -m experiments.audit --mirror FOLDER   also recount the study's data files

Reads paper/reported/, writes results/audit/. With a mirror of the study's data (FOLDER, else the
environment variable UPSTREAM_MIRROR, else ../shared/upstream if it is there) every file is checked
against its git blob id and every tracked count is recomputed; a count that differs is an error,
so the results are the same with and without it. `--record` stores the recomputed counts as the
tracked ones. Measured on 2 CPU cores: 4 seconds, 0.2 GB of memory.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pandas as pd

from experiments import params, tables
from experiments.audit import (
    contamination,
    correlations,
    counting,
    findings,
    mirror,
    option_position,
    prompts,
    quotations,
    repeats,
    reported,
    sampling_noise,
    unparsed,
    validation,
)
from experiments.errors import DataError, run_stage

REPORTED = Path("paper/reported")
RESULTS = Path("results")
AUDIT = "audit"  # the folder of its tables
DEFAULT_MIRROR = Path("../shared/upstream")
COUNTS = "mirror_counts.json"


def main(arguments: list[str] | None = None) -> None:
    """Recount if a mirror is there, then write every table of results/audit/."""
    parser = argparse.ArgumentParser(prog="python -m experiments.audit", description=__doc__)
    parser.add_argument("--mirror", type=Path, help="folder that mirrors the study's data files")
    parser.add_argument("--record", action="store_true", help="track the recomputed counts")
    options = parser.parse_args(arguments)
    knobs = params.load()
    folder = mirror_folder(options.mirror)
    if folder is None and options.record:
        raise DataError("--record needs the study's data files; give their folder by --mirror")
    if folder is not None:
        recount(folder, record=options.record)
    found = audit(reported.load(REPORTED), knobs.analyze.resamples, knobs.seed)
    for name, table in found.items():
        tables.write(RESULTS, f"{AUDIT}/{name}", table)
    counting.write(reported.read_json(REPORTED / COUNTS), RESULTS / AUDIT / COUNTS)
    source = "recounted from the mirror" if folder else "tracked counts, no mirror here"
    print(
        f"results/audit/ holds {len(found['findings'])} findings ({source}). "
        "Next: python -m experiments.render"
    )


def mirror_folder(given: Path | None) -> Path | None:
    """The mirror to use, or None; DataError if one was asked for and is not a folder."""
    named = given or os.environ.get("UPSTREAM_MIRROR")
    if not named:
        return DEFAULT_MIRROR if DEFAULT_MIRROR.is_dir() else None
    named = Path(named)
    if not named.is_dir():
        raise DataError(
            f"the mirror {named} is not a folder; give the folder that holds sycophancy-in-lms/, "
            "or leave --mirror and UPSTREAM_MIRROR out to use the tracked counts"
        )
    return named


def recount(folder: Path, *, record: bool) -> None:
    """Recompute every count from the mirror; store them, or refuse if a tracked one differs."""
    letters = reported.read_json(REPORTED / "procedure.json")["parsed_letters"]
    counts = counting.recompute(mirror.load(folder, mirror.PINNED), letters)
    if record:
        counting.write(counts, REPORTED / COUNTS)
    counting.compare(reported.read_json(REPORTED / COUNTS), counts, REPORTED / COUNTS)


def audit(figures: reported.Reported, resamples: int, seed: int) -> dict[str, pd.DataFrame]:
    """Every table of results/audit/ by its file name, findings in the order of the paper."""
    cells = correlations.recompute(figures, resamples, seed)
    quoted = quotations.compare(figures)
    bounds = unparsed.bounds(figures)
    rates, changes = sampling_noise.rates(figures), sampling_noise.changes(figures)
    found = [
        *reported.findings(figures),
        *correlations.findings(figures, cells),
        *quotations.findings(figures, quoted),
        *unparsed.findings(bounds),
        *sampling_noise.findings(figures, rates, changes),
        *option_position.findings(figures),
        *contamination.findings(figures),
        *prompts.findings(figures),
        *repeats.findings(figures),
        *validation.findings(figures),
    ]
    table = findings.frame(found)
    return {
        "findings": table,
        "verdicts": findings.verdicts(table),
        "numbers": findings.numbers(found),
        "correlations": cells,
        "quoted": quoted,
        "unparsed": bounds,
        "rates": rates,
        "changes": changes,
    }


if __name__ == "__main__":
    run_stage(main)
