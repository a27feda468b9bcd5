"""Every number the documents print, on both sides of a comparison."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from experiments.revisions.places import Places, parsed_key
from experiments.revisions.revisions import RevisionError, Snapshot
from experiments.revisions.tables import Rows, read_table

PRINTED = "results/printed_numbers.csv"
COLUMNS = ("document", "key", "printed")
NUMBER = r"[+−-]?\d[\d,]*(?:\.\d+)?"
WHOLE = re.compile(
    rf"(?P<value>{NUMBER})\s?%?(?:\s*\[(?P<low>{NUMBER})\s?%?, (?P<high>{NUMBER})\s?%?\])?"
)


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

    `places` says where it stands in the documents.
    """

    key: str
    old: Printed | None
    new: Printed | None
    places: tuple[str, ...]
    interval: Interval | None = None

    @property
    def difference(self) -> float | None:
        """new - old; None unless both are numbers."""
        if not self.old or not self.new or self.old.value is None or self.new.value is None:
            return None
        return self.new.value - self.old.value

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
    below_digits: int = 0


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
    tables = Tables(new)
    earlier = Tables(old)
    before = [earlier.with_own_interval(entry) for entry in before]
    after = [tables.with_own_interval(entry) for entry in after]
    pairs, unchanged, below_digits = paired_numbers(before, after, tables)
    places = Places(new)
    found: dict[tuple, Change] = {}
    for was, now in pairs:
        shown = now or was
        where = places.of(shown.document, shown.key) if now else f"{shown.document}, no longer"
        identity = (shown.key, was and was.text, now and now.text)
        earlier = found[identity].places if identity in found else ()
        merged = tuple(dict.fromkeys((*earlier, where)))
        found[identity] = Change(shown.key, was, now, merged, independent(was, now))
    return PrintedChanges(tuple(found.values()), *counts, unchanged, below_digits)


def read_printed(side: Snapshot) -> list[Printed] | None:
    """The printed numbers of one side; None if it has no table of them."""
    text = side.text(PRINTED)
    if text is None:
        return None
    reader = csv.DictReader(io.StringIO(text))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise RevisionError(
            f"{PRINTED} of {side.label} lacks the column {', '.join(missing)}; render it again "
            "(`python -m experiments.render`)"
        )
    return [printed(row) for row in reader]


def printed(row: Mapping[str, str]) -> Printed:
    """One row; without a logged value the printed text itself is read."""
    logged = [number(row.get(name)) for name in ("value", "low", "high")]
    if logged[0] is None:
        found = WHOLE.fullmatch((row["printed"] or "").strip())
        logged = [number(found and found[name]) for name in ("value", "low", "high")]
        if found and "%" in found[0]:
            logged = [part if part is None else part / 100 for part in logged]
    return Printed(row["document"], row["key"], row["printed"], *logged)


def number(text: str | None) -> float | None:
    """A finite number, with either minus sign; None for anything else."""
    try:
        value = float((text or "").replace("−", "-").replace(",", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def paired_numbers(
    before: list[Printed], after: list[Printed], tables: Tables
) -> tuple[list[tuple[Printed | None, Printed | None]], int, int]:
    """(old, new) of all that differ; how many do not; how many of these do in hidden digits.

    A document may print one key several times in several formats; equal texts go together first.
    """
    groups: dict[tuple[str, str], tuple[list[Printed], list[Printed]]] = {}
    for side, numbers in ((1, after), (0, before)):
        for entry in numbers:
            groups.setdefault((entry.document, entry.key), ([], []))[side].append(entry)
    different, unchanged, below_digits = [], 0, 0
    for was, now in groups.values():
        for entry in list(now):
            same = next((other for other in was if other.text == entry.text), None)
            if same is None:
                continue
            was.remove(same)
            now.remove(entry)
            current = tables.current(entry)
            if current:
                different.append((same, current))
            else:
                unchanged += 1
                below_digits += same.value != entry.value
        different += zip_longest(was, map(tables.annotated, now))
    return different, unchanged, below_digits


def independent(old: Printed | None, new: Printed | None) -> Interval | None:
    """Interval of the change from the intervals of both numbers, as if from separate samples.

    Square-and-add (MOVER; Zou and Donner 2008, Statistics in Medicine 27, equation 7). The two
    sides mostly share their items, so it is wider than need be: it does not cry wolf.
    """
    ends = [part for side in (old, new) if side for part in (side.value, side.low, side.high)]
    if len(ends) < 6 or None in ends:
        return None
    before, before_low, before_high, after, after_low, after_high = ends
    return Interval(
        after - before - math.hypot(after - after_low, before_high - before),
        after - before + math.hypot(after_high - after, before - before_low),
        paired=False,
    )


class Tables:
    """Looks printed numbers up in the result tables of one side."""

    def __init__(self, side: Snapshot) -> None:
        self.side = side
        self.read: dict[str, Rows | None] = {}
        self.indexed: dict[tuple[str, ...], dict[tuple, list[dict[str, str]]]] = {}

    def table(self, name: str) -> Rows | None:
        """results/NAME.csv, read once; None if there is none."""
        if name not in self.read:
            text = self.side.text(f"results/{name}.csv")
            self.read[name] = None if text is None else read_table(text)
        return self.read[name]

    def row(self, entry: Printed) -> tuple[dict[str, str], str, list[str]] | None:
        """The entry's row, its column, and the header; None if there is no such row or several."""
        key = parsed_key(entry.key)
        table = self.table(key[0]) if key else None
        if table is None or key[2] not in table.header:
            return None
        name, where, column = key
        columns = (name, *where)
        if columns not in self.indexed:
            index = self.indexed[columns] = {}
            for row in table.dictionaries():
                index.setdefault(tuple(comparable(row.get(part)) for part in where), []).append(row)
        fitting = self.indexed[columns].get(tuple(map(comparable, where.values())), [])
        return (fitting[0], column, table.header) if len(fitting) == 1 else None

    def with_own_interval(self, entry: Printed) -> Printed:
        """The number with its own column's interval, or none.

        Older logs hold the row's low and high whatever column was printed.
        """
        found = self.row(entry)
        names = bound_names(found[1], found[2]) if found else ("low", "high")
        if names == ("low", "high"):
            return entry
        low, high = (number(found[0].get(name)) for name in names) if names else (None, None)
        return replace(entry, low=low, high=high)

    def current(self, entry: Printed) -> Printed | None:
        """The number as its table holds it, if the document was rendered from another value."""
        found = self.row(entry)
        value = number(found[0].get(found[1])) if found else None
        if value is None or entry.value is None or math.isclose(value, entry.value):
            return None
        names = bound_names(found[1], found[2])
        low, high = (number(found[0].get(name)) for name in names) if names else (None, None)
        text = f"{value:g}".replace("-", "−")
        return replace(entry, text=text, value=value, low=low, high=high, note="not rendered")

    def annotated(self, entry: Printed) -> Printed:
        """The number with a note if its table holds another one."""
        current = self.current(entry)
        return replace(entry, note=f"its table holds {current.text}") if current else entry


def bound_names(column: str, header: list[str]) -> tuple[str, ...]:
    """The columns that bound `column`: right after it, low and high or COLUMN_low, COLUMN_high."""
    following = tuple(header[header.index(column) + 1 :][:2])
    own = (("low", "high"), (f"{column}_low", f"{column}_high"))
    return following if following in own else ()


def comparable(cell: str | None) -> str | float | None:
    """A cell as a number where it is one: a key's 1 is a table's 1.0."""
    value = number(cell)
    return cell if value is None else value
