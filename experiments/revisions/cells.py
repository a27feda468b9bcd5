"""Result tables on both sides of a comparison, cell by cell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from experiments import tables
from experiments.revisions.settings import leaves
from experiments.revisions.snapshot import Snapshot

APART = ("results/claims.csv", "results/printed_numbers.csv")  # in sections of their own
RUN = re.compile(r"runs/[^/]+/")  # the folder of an archived run


@dataclass(frozen=True)
class Table:
    """A CSV file as text."""

    header: list[str]
    rows: list[list[str]]

    def dictionaries(self) -> Iterator[dict[str, str]]:
        """Rows by column name."""
        return (dict(zip(self.header, row, strict=True)) for row in self.rows)


@dataclass(frozen=True)
class Cell:
    """One cell that differs."""

    row: str
    column: str
    old: str
    new: str


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


@dataclass(frozen=True)
class TableChanges:
    """Result files that changed, by path, and how many did not."""

    changes: tuple[TableChange, ...]
    unchanged: int


def read_table(side: Snapshot, path: str, *required: str) -> Table | None:
    """A CSV file, None if there is none.

    DataError for one that is damaged, RevisionError for a column of `required` that is missing.
    """
    text = side.text(path)
    if text is None:
        return None
    header, rows = tables.rows(text, f"{path} of {side.label}")
    missing = [name for name in required if name not in header]
    if missing:
        raise side.damaged(path, f"lacks the column {', '.join(missing)}")
    return Table(header, rows)


def compare_tables(old: Snapshot, new: Snapshot) -> TableChanges:
    """The result files that changed; an archived run that only one side has is one change."""
    sides = [result_files(side) for side in (old, new)]
    changes, unchanged = runs_of_one_side(*sides), 0
    one_sided = tuple(change.path for change in changes)
    for path in sorted(set().union(*sides)):
        if path.startswith(one_sided):
            continue
        if old.blobs.get(path) == new.blobs.get(path):
            unchanged += 1
        elif path not in old.blobs or path not in new.blobs:
            changes.append(TableChange(path, "new" if path in new.blobs else "removed"))
        else:
            changes.append(compare_file(old, new, path))
    return TableChanges(tuple(changes), unchanged)


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
    (old_rows, old_columns, before), (new_rows, new_columns, after) = (
        read_leaves(side, path) if path.endswith(".json") else read_cells(side, path)
        for side in (old, new)
    )
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


Cells = dict[tuple[str, str], str]


def read_leaves(side: Snapshot, path: str) -> tuple[list[str], list[str], Cells]:
    """A JSON file as one row without a name, whose columns are the paths of its leaves."""
    try:
        found = dict(leaves(json.loads(side.text(path))))
    except (ValueError, RecursionError):
        raise side.damaged(path, "is not JSON") from None
    return [""], list(found), {("", name): leaf for name, leaf in found.items()}


def read_cells(side: Snapshot, path: str) -> tuple[list[str], list[str], Cells]:
    """Row names, column names and (row, column) -> text of a CSV file.

    Rows are named by the table's keys, or numbered where these do not tell them apart.
    """
    table = read_table(side, path)
    keys = tables.keys(path.split("results/")[1].removesuffix(".csv"))
    rows = list(table.dictionaries())
    named = [", ".join(row.get(key, "") for key in keys) for row in rows]
    if not keys or len(set(named)) < len(named):
        keys, named = (), [f"row {number}" for number in range(1, len(rows) + 1)]
    cells = {
        (name, column): row[column]
        for name, row in zip(named, rows, strict=True)
        for column in table.header
        if column not in keys
    }
    return named, table.header, cells


def differ(old: str, new: str) -> bool:
    """Whether two cells differ other than in how one number is written."""
    if old == new:
        return False
    try:
        return float(old) != float(new)
    except ValueError:
        return True
