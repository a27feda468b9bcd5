"""Claims and their verdicts on both sides of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.revisions.cells import read_table
from experiments.revisions.snapshot import Snapshot

CLAIMS = "results/claims.csv"
Claim = dict[str, str]


@dataclass(frozen=True)
class ClaimChange:
    """One claim on both sides; None where it is not there."""

    old: Claim | None
    new: Claim | None

    @property
    def verdict_changed(self) -> bool:
        """Whether a claim of both sides has another verdict."""
        return bool(self.old and self.new and self.old["verdict"] != self.new["verdict"])

    @property
    def changed(self) -> bool:
        """Whether the claim is new, removed, reworded, or has another verdict."""
        parts = ("verdict", "text")
        return not (self.old and self.new) or any(self.old[one] != self.new[one] for one in parts)


@dataclass(frozen=True)
class ClaimChanges:
    """Claims with another verdict first, then new, removed and reworded ones."""

    changes: tuple[ClaimChange, ...]
    unchanged: int


def compare_claims(old: Snapshot, new: Snapshot) -> ClaimChanges:
    """Claims that changed, in the order of the file."""
    before, after = read_claims(old), read_claims(new)
    pairs = [ClaimChange(before.get(name), after.get(name)) for name in {**after, **before}]
    changes = sorted(
        (pair for pair in pairs if pair.changed), key=lambda change: not change.verdict_changed
    )
    return ClaimChanges(tuple(changes), len(pairs) - len(changes))


def read_claims(side: Snapshot) -> dict[str, Claim]:
    """Claims by id; none if there is no table of them."""
    table = read_table(side, CLAIMS, "id", "text", "verdict")
    return {row["id"]: row for row in table.dictionaries()} if table else {}
