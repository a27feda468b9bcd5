"""Everything that differs between two snapshots, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from experiments.revisions.places import parsed_key
from experiments.revisions.printed import (
    Change,
    Interval,
    PrintedChanges,
    compare_printed,
)
from experiments.revisions.revisions import Snapshot
from experiments.revisions.settings import Setting, compare_hashes, compare_parameters
from experiments.revisions.tables import (
    ClaimChanges,
    TableChange,
    compare_claims,
    compare_tables,
)

OUTCOMES = "outcomes/"


@dataclass(frozen=True)
class Items:
    """What comparing outcomes item by item found; records as outcomes.py describes them."""

    replies: list[dict] = field(default_factory=list)
    values: list[dict] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """The differences, most important first, and how much is the same."""

    old: Snapshot
    new: Snapshot
    claims: ClaimChanges
    printed: PrintedChanges
    items: Items
    parameters: tuple[list[Setting], int]
    hashes: tuple[list[Setting], int]
    tables: tuple[list[TableChange], int, int]

    @property
    def nothing_changed(self) -> bool:
        """Whether both sides agree in everything compared."""
        found = (self.claims.changes, self.printed.changes, self.parameters[0], self.hashes[0])
        first = not self.claims.in_base and self.claims.new_side
        return not (any(found) or self.tables[0] or first or self.first_numbers)

    @property
    def first_numbers(self) -> int:
        """How many numbers are printed for the first time because the base prints none."""
        return 0 if self.printed.old_count else self.printed.new_count or 0

    def exceeds(self, tolerance: float) -> bool:
        """Whether a verdict changed, or a number of both sides by more than `tolerance`."""
        return any(change.verdict_changed for change in self.claims.changes) or any(
            change.exceeds(tolerance) for change in self.printed.changes
        )


def compare(old: Snapshot, new: Snapshot, *, confidence: float) -> Comparison:
    """Compare two snapshots; outcomes only where their hashes differ.

    RevisionError for a file that cannot be read, before outcomes are.
    """
    claims = compare_claims(old, new)
    printed = compare_printed(old, new)
    parameters = compare_parameters(old, new)
    hashes = compare_hashes(old, new)
    tables = compare_tables(old, new)
    items = compare_items(old, new, hashes[0], confidence)
    changes = tuple(with_paired_interval(change, items) for change in printed.changes)
    printed = replace(printed, changes=changes)
    return Comparison(old, new, claims, printed, items, parameters, hashes, tables)


def compare_items(old: Snapshot, new: Snapshot, hashes: list[Setting], confidence: float) -> Items:
    """Outcomes of the models whose outcomes both sides know and that differ."""
    models = [
        setting.name.removeprefix(OUTCOMES)
        for setting in hashes
        if setting.name.startswith(OUTCOMES) and setting.old and setting.new
    ]
    if not models:
        return Items()
    # Imported here: pandas and DVC take seconds, and most comparisons have no use for them.
    from experiments.revisions.outcomes import compare_outcomes

    found = compare_outcomes(old, new, models, confidence=confidence)
    return Items(found.replies.to_dict("records"), found.values.to_dict("records"), found.missing)


def with_paired_interval(change: Change, items: Items) -> Change:
    """The change with an interval over items where the outcomes account for it.

    A printed number names model, task and measure but not its estimand (a mean, a change from
    base); so a paired difference is taken only if it equals the printed change within rounding.
    """
    key = parsed_key(change.key)
    if not key or change.difference is None or change.old.low is None:
        return change
    slack = 1.01 * 10.0 ** -max(decimals(side.value) for side in (change.old, change.new))
    for row in items.values:
        named = all(key[1].get(part) == row[part] for part in ("model", "task", "measure"))
        fits = named and abs(row["estimate"] - change.difference) <= slack
        if fits and row["low"] is not None:
            return replace(change, interval=Interval(row["low"], row["high"], paired=True))
    return change


def decimals(value: float) -> int:
    """Digits after the point of a number as stored."""
    return len(f"{value!r}".partition(".")[2]) if "e" not in f"{value!r}" else 0
