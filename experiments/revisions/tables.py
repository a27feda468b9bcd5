"""Result tables and claims on both sides of a comparison, cell by cell."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from experiments.revisions.revisions import RevisionError, Snapshot

CLAIMS = "results/claims.csv"
APART = (CLAIMS, "results/printed_numbers.csv")  # reported in sections of their own
RUN = re.compile(r"runs/[^/]+/")  # the folder of an archived run


@dataclass(frozen=True)
class Rows:
    """A table as text."""

    header: list[str]
    rows: list[list[str]]

    def dictionaries(self) -> Iterator[dict[str, str]]:
        """Rows by column name."""
        return (dict(zip(self.header, row, strict=False)) for row in self.rows)


@dataclass(frozen=True)
class ClaimChange:
    """One claim on both sides; None where it is not there."""

    id: str
    old: dict[str, str] | None
    new: dict[str, str] | None

    @property
    def verdict_changed(self) -> bool:
        """Whether a claim of both sides has another verdict."""
        return bool(self.old and self.new and self.old["verdict"] != self.new["verdict"])


@dataclass(frozen=True)
class ClaimChanges:
    """Claims with another verdict first, then new, removed and reworded ones."""

    changes: tuple[ClaimChange, ...]
    new_side: tuple[dict[str, str], ...] | None
    in_base: bool
    unchanged: int


@dataclass(frozen=True)
class Cell:
    """One cell of a result table; None where that side does not have it."""

    row: str
    column: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class TableChange:
    """What changed in one result file; `cells` counts those that both sides have."""

    path: str
    status: str  # "changed", "new" or "removed"
    changed: tuple[Cell, ...] = ()
    cells: int = 0
    rows_added: int = 0
    rows_removed: int = 0
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()


def read_table(text: str) -> Rows:
    """A CSV file; the first row is the header."""
    lines = list(csv.reader(io.StringIO(text)))
    return Rows(lines[0], lines[1:]) if lines else Rows([], [])


def compare_claims(old: Snapshot, new: Snapshot) -> ClaimChanges:
    """Claims whose verdict changed, then the new, the removed and the reworded, in file order."""
    before, after = read_claims(old), read_claims(new)
    if before is None:
        return ClaimChanges((), tuple(after.values()) if after else None, False, 0)
    after = after or {}
    changes = [ClaimChange(name, before.get(name), claim) for name, claim in after.items()]
    changes += [ClaimChange(name, before[name], None) for name in before if name not in after]
    different = [
        change
        for change in changes
        if not change.old
        or not change.new
        or any(change.old[part] != change.new[part] for part in ("verdict", "text"))
    ]
    different.sort(key=lambda change: not change.verdict_changed)
    unchanged = len(changes) - len(different)
    return ClaimChanges(tuple(different), tuple(after.values()), True, unchanged)


def read_claims(side: Snapshot) -> dict[str, dict[str, str]] | None:
    """Claims by id; None if there is no table of them."""
    text = side.text(CLAIMS)
    if text is None:
        return None
    table = read_table(text)
    missing = [name for name in ("id", "text", "verdict") if name not in table.header]
    if missing:
        raise RevisionError(
            f"{CLAIMS} of {side.label} lacks the column {', '.join(missing)}; run "
            "`python -m experiments.analyze` again"
        )
    return {row["id"]: row for row in table.dictionaries()}


def compare_tables(old: Snapshot, new: Snapshot) -> tuple[list[TableChange], int, int]:
    """Result files and those of archived runs that changed, by path.

    Then how many did not, and their cells. A run that only one side has is one change.
    """
    sides = [result_files(side) for side in (old, new)]
    changes, unchanged, cells = runs_of_one_side(*sides), 0, 0
    one_sided = tuple(change.path for change in changes)
    for path in sorted(set().union(*sides)):
        if path.startswith(one_sided):
            continue
        if old.blobs.get(path) == new.blobs.get(path):
            unchanged += 1
            cells += len(read_cells(new, path)[2])
        elif path not in old.blobs or path not in new.blobs:
            changes.append(TableChange(path, "new" if path in new.blobs else "removed"))
        else:
            changes.append(compare_file(old, new, path))
    return changes, unchanged, cells


def result_files(side: Snapshot) -> list[str]:
    """Tables of results/ and of the results of archived runs, but for those reported apart."""
    runs = [path for path in side.paths("runs", ".csv", ".json") if "/results/" in path]
    return [path for path in side.paths("results", ".csv", ".json") if path not in APART] + runs


def runs_of_one_side(old: list[str], new: list[str]) -> list[TableChange]:
    """Archived runs that were added or removed as a whole."""
    before, after = ({found[0] for found in map(RUN.match, side) if found} for side in (old, new))
    status = dict.fromkeys(after - before, "new") | dict.fromkeys(before - after, "removed")
    return [TableChange(path, status[path]) for path in sorted(status)]


def compare_file(old: Snapshot, new: Snapshot, path: str) -> TableChange:
    """Cells of a file that both sides have; text that reads as the same number is the same."""
    identity = shared_identity(old, new, path)
    old_rows, old_columns, before = read_cells(old, path, identity)
    new_rows, new_columns, after = read_cells(new, path, identity)
    both = [key for key in after if key in before]
    return TableChange(
        path,
        "changed",
        tuple(
            Cell(*key, before[key], after[key]) for key in both if differ(before[key], after[key])
        ),
        len(both),
        len(set(new_rows) - set(old_rows)),
        len(set(old_rows) - set(new_rows)),
        tuple(name for name in new_columns if name not in old_columns),
        tuple(name for name in old_columns if name not in new_columns),
    )


def shared_identity(old: Snapshot, new: Snapshot, path: str) -> int:
    """How many leading columns tell the rows of a CSV file apart on both sides; 0: none do.

    Tidy tables begin with their keys, so this is the shortest such key.
    """
    if path.endswith(".json"):
        return 0
    tables = [read_table(side.text(path) or "") for side in (old, new)]
    longest = min(len(table.header) for table in tables)
    for width in range(1, longest + 1):
        same_names = tables[0].header[:width] == tables[1].header[:width]
        starts = [[tuple(row[:width]) for row in table.rows] for table in tables]
        if same_names and all(len(set(rows)) == len(rows) for rows in starts):
            return width
    return 0


Cells = dict[tuple[str, str], str]


def read_cells(side: Snapshot, path: str, identity: int = 0) -> tuple[list[str], list[str], Cells]:
    """Row names, column names and (row, column) -> text of a CSV or JSON file.

    Rows are named by their first `identity` columns, or numbered. A JSON file is one row whose
    columns are the paths of its leaves.
    """
    text = side.text(path) or ""
    if path.endswith(".json"):
        try:
            leaves = dict(flattened(json.loads(text)))
        except ValueError:
            raise RevisionError(f"{path} of {side.label} is not JSON; write it anew") from None
        return [""], list(leaves), {("", name): leaf for name, leaf in leaves.items()}
    table = read_table(text)
    names = [
        ", ".join(row[:identity]) if identity else f"row {count}"
        for count, row in enumerate(table.rows, 1)
    ]
    cells = {
        (name, column): cell
        for name, row in zip(names, table.rows, strict=True)
        for column, cell in list(zip(table.header, row, strict=False))[identity:]
    }
    return names, table.header, cells


def flattened(content: object, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted path, text) of every leaf of a mapping; a list of plain values is one leaf."""
    if isinstance(content, dict) and content:
        for name, part in content.items():
            yield from flattened(part, f"{path}.{name}" if path else str(name))
    elif isinstance(content, list) and any(isinstance(part, dict | list) for part in content):
        for index, part in enumerate(content):
            yield from flattened(part, f"{path}.{index}" if path else str(index))
    else:
        yield path, content if isinstance(content, str) else json.dumps(content)


def differ(old: str, new: str) -> bool:
    """Whether two cells differ other than in how one number is written."""
    if old == new:
        return False
    try:
        return float(old) != float(new)
    except ValueError:
        return True
