"""Everything that differs between two snapshots, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from experiments.revisions.cells import TableChanges, compare_tables
from experiments.revisions.claims import ClaimChanges, compare_claims
from experiments.revisions.effects import RunPair, compare_effects
from experiments.revisions.items import ItemChanges, compare_items
from experiments.revisions.printed import (
    Change,
    Interval,
    PrintedChanges,
    compare_printed,
    decimals,
    parsed_key,
)
from experiments.revisions.settings import SettingChanges, compare_hashes, compare_parameters
from experiments.revisions.snapshot import Snapshot


@dataclass(frozen=True)
class Comparison:
    """The differences, most important first, and how much is the same."""

    old: Snapshot
    new: Snapshot
    claims: ClaimChanges
    effects: tuple[RunPair, ...]
    printed: PrintedChanges
    items: ItemChanges
    parameters: SettingChanges
    hashes: SettingChanges
    tables: TableChanges

    @property
    def nothing_changed(self) -> bool:
        """Whether both sides agree in everything compared."""
        found = (self.claims, self.printed, self.parameters, self.hashes, self.tables)
        more = self.first_numbers or self.items.replies
        return not (more or any(one.changes for one in found))

    @property
    def first_numbers(self) -> int:
        """How many numbers are printed for the first time because the base prints none."""
        return 0 if self.printed.old_count else self.printed.new_count or 0

    def exceeds(self, tolerance: float) -> bool:
        """Whether a verdict changed, or a number of both sides by more than `tolerance`."""
        return any(change.verdict_changed for change in self.claims.changes) or any(
            change.exceeds(tolerance) for change in self.printed.changes
        )


def compare(
    old: Snapshot, new: Snapshot, *, controls: Mapping[str, str | None], confidence: float
) -> Comparison:
    """Compare two snapshots; RevisionError for a file that cannot be read."""
    claims = compare_claims(old, new)
    effects = compare_effects(old, new)
    printed = compare_printed(old, new)
    parameters = compare_parameters(old, new)
    hashes = compare_hashes(old, new)
    tables = compare_tables(old, new)
    items = compare_items(old, new, controls, confidence)
    changes = tuple(with_paired_interval(change, items) for change in printed.changes)
    printed = replace(printed, changes=changes)
    return Comparison(old, new, claims, effects, printed, items, parameters, hashes, tables)


def with_paired_interval(change: Change, items: ItemChanges) -> Change:
    """The change with an interval over items where the outcomes account for it.

    A printed number names model, task and measure, but only a contrast what it is against; so a
    paired difference is taken only if it equals the printed change within rounding. The outcomes
    compared are those of the run at hand, of no archived one.
    """
    key = parsed_key(change.key)
    if not key or change.difference is None or change.old.low is None or "runs/" in key[0]:
        return change
    shown = [f"{side.value:f}".rstrip("0") for side in (change.old, change.new)]
    slack = 1.01 * 10.0 ** -max(map(decimals, shown))
    for row in items.values:
        named = all(key[1].get(part) == row[part] for part in ("model", "task", "measure"))
        named = named and key[1].get("against", row["against"]) == row["against"]
        fits = named and abs(row["estimate"] - change.difference) <= slack
        if fits and row["low"] is not None:
            return replace(change, interval=Interval(row["low"], row["high"], paired=True))
    return change
