"""Effects of the run that the documents are about, and of the run at hand, on both sides."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.params import AT_HAND, RUNS
from experiments.revisions.cells import read_table
from experiments.revisions.settings import parameters
from experiments.revisions.snapshot import Snapshot

COLUMNS = ("model", "task", "measure", "against", "estimate", "low", "high", "status")
Effect = dict[str, str]  # a row of results/contrasts.csv as text


@dataclass(frozen=True)
class RunPair:
    """A run of each side, named as in `paper.run`, and its contrasts; none where it has no table.

    `printed`: whether the documents of each side are about it.
    """

    runs: tuple[str, str]
    printed: bool
    old: tuple[Effect, ...]
    new: tuple[Effect, ...]


def compare_effects(old: Snapshot, new: Snapshot) -> tuple[RunPair, ...]:
    """The run that the documents are about, and the run at hand where that is another.

    RevisionError for contrasts that are damaged.
    """
    sides = (old, new)
    before, after = (parameters(side).get("paper.run", AT_HAND) for side in sides)
    about = (before, after)
    pairs = dict.fromkeys((about, (AT_HAND, AT_HAND)))
    return tuple(RunPair(runs, runs == about, *map(read_effects, sides, runs)) for runs in pairs)


def read_effects(side: Snapshot, run: str) -> tuple[Effect, ...]:
    """The contrasts of a run of one side."""
    folder = run if run == AT_HAND else f"{RUNS}/{run}/results"
    table = read_table(side, f"{folder}/contrasts.csv", *COLUMNS)
    return tuple(table.dictionaries()) if table else ()
