"""Every number the documents print, on both sides of a comparison."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from itertools import zip_longest

from experiments import tables
from experiments.revisions.cells import read_table
from experiments.revisions.snapshot import RevisionError, Snapshot

PRINTED = "results/printed_numbers.csv"
KEY = re.compile(r"(?P<table>[\w/.-]+)\[(?P<where>.*)\]\.(?P<column>.+)", re.DOTALL)
NUMBER = r"[+−-]?\d[\d,]*(?:\.\d+)?"
WHOLE = re.compile(
    rf"(?P<value>{NUMBER})\s?%?(?:\s*\[(?P<low>{NUMBER})\s?%?, (?P<high>{NUMBER})\s?%?\])?"
)
PARTS = ("value", "low", "high")


@dataclass(frozen=True)
class Printed:
    """One number in one document; `value`, `low` and `high` are None where they are not known.

    `note`: how it disagrees with its result table, if it does.
    """

    document: str
    key: str
    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Interval:
    """Bounds of a change; `paired` if it comes from the same items on both sides."""

    low: float
    high: float
    paired: bool

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval leaves out zero: no change."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Change:
    """One printed number that is not what it was; `old` or `new` is None where it is not printed.

    `documents` names those that print it.
    """

    key: str
    old: Printed | None
    new: Printed | None
    documents: tuple[str, ...]
    interval: Interval | None = None

    @property
    def difference(self) -> float | None:
        """new - old; None unless both are numbers, and the new one that of its table."""
        if not self.old or not self.new or self.new.note:
            return None
        known = self.old.value is not None and self.new.value is not None
        return self.new.value - self.old.value if known else None

    def exceeds(self, tolerance: float) -> bool:
        """Whether a number printed on both sides changed by more than `tolerance`."""
        if self.old is None or self.new is None:
            return False
        return self.difference is None or not abs(self.difference) <= tolerance


@dataclass(frozen=True)
class PrintedChanges:
    """All of them, and how many printed numbers there are; None where a side has no table."""

    changes: tuple[Change, ...]
    old_count: int | None
    new_count: int | None
    unchanged: int = 0


def compare_printed(old: Snapshot, new: Snapshot) -> PrintedChanges:
    """The printed numbers that changed, in the order of the documents.

    RevisionError if `old` has results/printed_numbers.csv and `new` does not, or one is malformed.
    """
    before, after = read_printed(old), read_printed(new)
    if after is None and before is not None:
        raise RevisionError(
            f"{PRINTED} is in {old.label} but not in {new.label}; render first "
            "(`python -m experiments.render`)"
        )
    counts = [None if side is None else len(side) for side in (before, after)]
    if not before or not after:
        return PrintedChanges((), *counts)
    pairs, unchanged = paired_numbers(before, after, ResultTables(new))
    found: dict[tuple, Change] = {}
    for was, now in pairs:
        shown = now or was
        identity = (shown.key, was and was.text, now and now.text)
        earlier = found[identity].documents if identity in found else ()
        documents = tuple(dict.fromkeys((*earlier, shown.document)))
        found[identity] = Change(shown.key, was, now, documents, independent(was, now))
    return PrintedChanges(tuple(found.values()), *counts, unchanged)


def read_printed(side: Snapshot) -> list[Printed] | None:
    """The printed numbers of one side; None if it has no table of them."""
    table = read_table(side, PRINTED, "document", "key", "printed")
    return None if table is None else [read_row(row) for row in table.dictionaries()]


def read_row(row: dict[str, str]) -> Printed:
    """One row; without a logged value the printed text itself is read."""
    logged = [as_number(row.get(name)) for name in PARTS]
    if logged[0] is None:
        logged = [number and number[0] for number in numbers_in(row["printed"])]
    return Printed(row["document"], row["key"], row["printed"], *logged)


def numbers_in(text: str) -> list[tuple[float, float] | None]:
    """Value and interval that a text prints, each with half a unit of its last digit.

    None for each that is not there, and three times None for a text that is not one number.
    """
    found = WHOLE.fullmatch(text.strip())
    scale = 0.01 if "%" in text else 1.0
    parts = [found and found[name] for name in PARTS]
    return [
        part and (scale * as_number(part), scale * 0.5 * 10.0 ** -decimals(part)) for part in parts
    ]


def decimals(text: str) -> int:
    """Digits after the point of the first number in a text."""
    found = re.search(r"\d\.(\d+)", text)
    return len(found[1]) if found else 0


def as_number(text: str | None) -> float | None:
    """A finite number, with either minus sign; None for anything else."""
    try:
        value = float((text or "").replace("−", "-").replace(",", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def paired_numbers(
    before: list[Printed], after: list[Printed], results: ResultTables
) -> tuple[list[tuple[Printed | None, Printed | None]], int]:
    """(old, new) of all that differ, and how many do not.

    A document may print one key several times in several formats; equal texts go together first.
    """
    groups: dict[tuple[str, str], tuple[list[Printed], list[Printed]]] = {}
    for side, numbers in ((1, map(results.checked, after)), (0, before)):
        for entry in numbers:
            groups.setdefault((entry.document, entry.key), ([], []))[side].append(entry)
    different, unchanged = [], 0
    for was, now in groups.values():
        for entry in list(now):
            equal = next((other for other in was if other.text == entry.text), None)
            if equal is None:
                continue
            was.remove(equal)
            now.remove(entry)
            if entry.note:
                different.append((equal, entry))
            else:
                unchanged += 1
        different += zip_longest(was, now)
    return different, unchanged


def independent(old: Printed | None, new: Printed | None) -> Interval | None:
    """Interval of the change from the intervals of both numbers, as if from separate samples.

    Square-and-add (MOVER; Zou and Donner 2008, Statistics in Medicine 27, equation 7). The two
    sides mostly share their items, so it is wider than need be: it does not cry wolf.
    """
    ends = [part for side in (old, new) if side for part in (side.value, side.low, side.high)]
    if len(ends) < 6 or None in ends or new.note:
        return None
    before, before_low, before_high, after, after_low, after_high = ends
    return Interval(
        after - before - math.hypot(after - after_low, before_high - before),
        after - before + math.hypot(after_high - after, before - before_low),
        paired=False,
    )


def distance(change: float | None, low: float | None, high: float | None) -> float:
    """How far from zero a change is, in halves of its interval; 0 where there is none."""
    if None in (change, low, high):
        return 0.0
    return abs(change) / ((high - low) / 2) if high > low else math.inf


def parsed_key(key: str) -> tuple[str, dict[str, str], str] | None:
    """Table, row and column of `table[column=value,…].column`; None for a key of another form."""
    found = KEY.fullmatch(key)
    if not found:
        return None
    parts = [part for part in re.split(r",(?=\w+=)", found["where"]) if part]
    if not all("=" in part for part in parts):
        return None
    return found["table"], dict(part.split("=", 1) for part in parts), found["column"]


def of_run(table: str) -> tuple[str, str]:
    """The folder of the archived run that a key's table is of, "" for the run at hand; its name."""
    return re.fullmatch(r"(runs/[^/]+/)?(.*)", table).groups("")


class ResultTables:
    """Looks printed numbers up in the result tables of one side."""

    def __init__(self, side: Snapshot) -> None:
        self.side = side
        self.tables: dict[str, dict[tuple, dict[str, str]]] = {}

    def row(self, table: str, where: dict[str, str]) -> dict[str, str]:
        """The row of a table with these keys; empty if it is not there."""
        run, name = of_run(table)
        keys = tables.keys(name)
        if table not in self.tables:
            found = read_table(self.side, f"{run}results/{name}.csv")
            rows = found.dictionaries() if found and keys else ()
            self.tables[table] = {
                tuple(comparable(row.get(key)) for key in keys): row for row in rows
            }
        return self.tables[table].get(tuple(comparable(where.get(key)) for key in keys), {})

    def checked(self, entry: Printed) -> Printed:
        """The number, with a note if its table holds another one.

        A value that was logged as it is printed (a p-value of 0.0036 as 0.004) agrees with a table
        that rounds to it.
        """
        table, where, column = parsed_key(entry.key) or ("", {}, "")
        row = self.row(table, where)
        if column not in row or entry.value is None:
            return entry
        held = [
            as_number(row.get(name))
            for name in (column, *tables.interval(of_run(table)[1], column))
        ]
        held += [None] * (3 - len(held))
        logged, shown = (entry.value, entry.low, entry.high), numbers_in(entry.text)
        shown[0] = shown[0] or (entry.value, 0.0)
        if all(map(agree, logged, shown, held)):
            return entry
        return replace(entry, note=f"its table holds {row[column]}".replace("-", "−"))


def agree(logged: float | None, shown: tuple[float, float] | None, held: float | None) -> bool:
    """Whether what is shown, if anything, is the value that a table holds, at the digits shown."""
    if shown is None or held is None or (logged is not None and math.isclose(logged, held)):
        return True
    return abs(shown[0] - held) <= shown[1] * (1 + 1e-6)


def comparable(cell: str | None) -> str | float | None:
    """A cell as a number where it is one: a key's 1 is a table's 1.0."""
    value = as_number(cell)
    return cell if value is None else value
