"""Every number the documents print, on both sides of a comparison."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from experiments.differences.revisions import RevisionError, Snapshot
from experiments.differences.tables import Rows, read_table

PRINTED = "results/printed_numbers.csv"
COLUMNS = ("document", "key", "printed")
KEY = re.compile(r"(?P<table>[\w/]+)\[(?P<where>.*)\]\.(?P<column>.+)", re.DOTALL)
NUMBER = r"[+−-]?\d[\d,]*(?:\.\d+)?"
WHOLE = re.compile(
    rf"(?P<value>{NUMBER})\s?%?(?:\s*\[(?P<low>{NUMBER})\s?%?, (?P<high>{NUMBER})\s?%?\])?"
)
CODE_FENCE = ("```", "~~~")
CALL = re.compile(r"\.(number|interval|table)\(")


@dataclass(frozen=True)
class Printed:
    """One number in one document; `value`, `low` and `high` are None where they are not known."""

    document: str
    key: str
    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


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

    `places` says where it stands. `stale` is true if the document still shows the old number while
    the result table behind it holds the new one.
    """

    key: str
    old: Printed | None
    new: Printed | None
    places: tuple[str, ...]
    stale: bool = False
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
    before = [tables.with_own_interval(number) for number in before]
    after = [tables.with_own_interval(number) for number in after]
    pairs, unchanged, below_digits = paired_numbers(before, after, tables)
    places = Places(new)
    found: dict[tuple, Change] = {}
    for was, now, stale in pairs:
        shown = now or was
        where = places.of(shown) if now else f"{shown.document}, no longer"
        identity = (shown.key, was and was.text, now and now.text)
        earlier = found[identity].places if identity in found else ()
        merged = tuple(dict.fromkeys((*earlier, where)))
        found[identity] = Change(shown.key, was, now, merged, stale, independent(was, now))
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
) -> tuple[list[tuple[Printed | None, Printed | None, bool]], int, int]:
    """(old, new, stale) of all that differ; how many are unchanged; how many only in hidden digits.

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
            if current is not None:
                different.append((same, replace(entry, text=f"{current:g}", value=current), True))
                continue
            unchanged += 1
            below_digits += same.value != entry.value
        shared = min(len(was), len(now))
        different += [(*pair, False) for pair in zip(was, now, strict=False)]
        different += [(None, entry, False) for entry in now[shared:]]
        different += [(entry, None, False) for entry in was[shared:]]
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


def parsed_key(key: str) -> tuple[str, dict[str, str], str] | None:
    """Table, row and column of `table[column=value,…].column`; None for a key of another form."""
    found = KEY.fullmatch(key)
    if not found:
        return None
    parts = [part for part in re.split(r",(?=\w+=)", found["where"]) if part]
    if not all("=" in part for part in parts):
        return None
    return found["table"], dict(part.split("=", 1) for part in parts), found["column"]


class Tables:
    """Looks printed numbers up in the result tables of one side."""

    def __init__(self, side: Snapshot) -> None:
        self.side = side
        self.read: dict[str, Rows | None] = {}

    def table(self, name: str) -> Rows | None:
        """results/NAME.csv, read once; None if there is none."""
        if name not in self.read:
            text = self.side.text(f"results/{name}.csv")
            self.read[name] = None if text is None else read_table(text)
        return self.read[name]

    def with_own_interval(self, entry: Printed) -> Printed:
        """The number without low and high if these are another column's.

        The log keeps the row's low and high whatever column was printed; they belong to the column
        right before them.
        """
        key = parsed_key(entry.key)
        table = self.table(key[0]) if key else None
        if table is None or key[2] not in table.header or "low" not in table.header:
            return entry
        if table.header.index(key[2]) + 1 == table.header.index("low"):
            return entry
        return replace(entry, low=None, high=None)

    def current(self, entry: Printed) -> float | None:
        """What the table holds now, if that is not what the document was rendered from."""
        key = parsed_key(entry.key)
        table = self.table(key[0]) if key else None
        if table is None or entry.value is None or key[2] not in table.header:
            return None
        fitting = [
            row
            for row in table.dictionaries()
            if all(same(row.get(name), value) for name, value in key[1].items())
        ]
        value = number(fitting[0][key[2]]) if len(fitting) == 1 else None
        return None if value is None or math.isclose(value, entry.value) else value


def same(cell: str | None, wanted: str) -> bool:
    """Whether a cell is the value of a key, as text or as a number."""
    return cell == wanted or (number(cell) is not None and number(cell) == number(wanted))


class Places:
    """Finds where in the documents' sources a number is printed."""

    def __init__(self, side: Snapshot) -> None:
        self.side = side
        self.calls: dict[str, list[tuple[int, str, str, str]]] = {}

    def of(self, entry: Printed) -> str:
        """Document, line and section; the document alone if its source does not spell out the key."""
        if entry.document not in self.calls:
            text = self.side.text(f"paper/{entry.document}.qmd") or ""
            self.calls[entry.document] = list(report_calls(text))
        key = parsed_key(entry.key)
        found = [
            (line, section)
            for line, section, name, arguments in self.calls[entry.document]
            if key and prints(name, arguments, *key)
        ]
        if not found:
            return entry.document
        sections = ", ".join(dict.fromkeys(section for _, section in found if section))
        lines = ", ".join(str(line) for line, _ in found)
        return f"{entry.document}:{lines}" + (f" ({sections})" if sections else "")


def prints(name: str, arguments: str, table: str, where: Mapping[str, str], column: str) -> bool:
    """Whether a call of the report's `name` with these arguments prints the key."""
    words = set(re.findall(r"[\"']([^\"']*)[\"']", arguments))
    if table not in words:
        return False
    if name == "table":
        return column in words
    bare = set(re.findall(r"=\s*([\w.]+)", arguments))
    named = column in words or (name == "interval" and column == "estimate")
    return named and all(value in words or value in bare for value in where.values())


def report_calls(text: str) -> Iterable[tuple[int, str, str, str]]:
    """(line, section, method, arguments) of every call of a report in a document's source."""
    headings, fenced = [(0, "")], False
    for count, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(CODE_FENCE):
            fenced = not fenced
        elif not fenced and re.match(r"#{1,6} ", line):
            headings.append((count, re.sub(r"\{[^}]*\}\s*$", "", line.lstrip("# ")).strip()))
    for call in CALL.finditer(text):
        line = text.count("\n", 0, call.start()) + 1
        section = max(heading for heading in headings if heading[0] <= line)[1]
        depth, end = 1, call.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield line, section, call[1], text[call.end() : end - 1]
