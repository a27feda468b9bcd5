"""Replies to the same items on both sides of a comparison, and what they did to the measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.errors import OutcomeError
from experiments.revisions.snapshot import Snapshot

OUTCOMES = "results/outcomes.parquet"


@dataclass(frozen=True)
class ItemChanges:
    """What comparing outcomes item by item found; records as paired_outcomes.py describes them.

    `missing` says why nothing was compared; empty if it was, or if both sides' outcomes are equal.
    """

    replies: tuple[dict, ...] = ()
    values: tuple[dict, ...] = ()
    missing: str = ""


def compare_items(
    old: Snapshot, new: Snapshot, controls: Mapping[str, str | None], confidence: float
) -> ItemChanges:
    """Compare the tracked outcomes of both sides, if they differ and both have them."""
    if old.blobs.get(OUTCOMES) == new.blobs.get(OUTCOMES):
        return ItemChanges()
    sides = [side.content(OUTCOMES) for side in (old, new)]
    if None in sides:
        absent = (old, new)[sides.index(None)].label
        return ItemChanges(missing=f"{absent} has no {OUTCOMES}")
    # Imported here: pandas takes seconds, and most comparisons have no use for it.
    from experiments.revisions.paired_outcomes import compare_outcomes

    try:
        return ItemChanges(*compare_outcomes(*sides, controls, confidence=confidence))
    except OutcomeError as error:
        return ItemChanges(missing=str(error))
    except (KeyError, IndexError, TypeError, ValueError, StopIteration):
        return ItemChanges(missing="the measures of this code cannot read the outcomes of a side")
