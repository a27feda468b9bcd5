"""The one door from results/ and runs/ to the documents.

The documents are about one run, `paper.run` of params.yaml: the run at hand, or an archived one.
Tables of no run (experiments/tables/) are those of results/, whichever it is.

A document prints a number only through a `Report`, which looks it up by table, column and row,
fails when there is no such cell, and logs what was printed. The logs of all documents become
results/printed_numbers.csv, so a pull request shows every printed number that changed.
"""

from __future__ import annotations

import csv
import math
import re
from copy import copy
from functools import cached_property, lru_cache
from pathlib import Path
from string import Formatter

import pandas as pd
from IPython.display import Markdown

from experiments import params, quoting, tables
from experiments.errors import RenderError
from experiments.params import AT_HAND, BASE, RUNS, Params
from experiments.stats.claims import NOT_MEASURED
from printing.labels import MODELS
from printing.provenance import Archived, note, note_of_runs

ROOT = Path(__file__).resolve().parents[2]
LOG_COLUMNS = ["document", "key", "printed", "value", "low", "high"]
MISSING = "–"


class Report:
    """The numbers of one document, of the run that `paper.run` names or `of_run` is given."""

    def __init__(self, document: str, root: Path = ROOT) -> None:
        """Start the document's log anew; `root` holds params.yaml, results/ and runs/.

        ParameterError if `paper.run` names no run.
        """
        self.document, self.root = document, root
        known = (root / params.FILE).is_file()
        self._turn_to(_parameters(root / params.FILE).paper.run if known else AT_HAND)
        self.log = root / ".printed" / f"{document}.csv"
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(LOG_COLUMNS)

    def _turn_to(self, run: str) -> None:
        """Read from another run; `prefix` is what its keys begin with."""
        self.run, self.folder = run, params.folder_of_run(run, self.root)
        self.results = self.folder / "results"
        self.prefix = "" if run == AT_HAND else f"{RUNS}/{run}/"

    @cached_property
    def parameters(self) -> Params:
        """The parameters of the run."""
        return _parameters(self.folder / params.FILE)

    @property
    def archived(self) -> Archived | None:
        """What is known of an archived run's code, machine and inputs; None for the run at hand."""
        return Archived.read(self.folder, self.prefix) if self.prefix else None

    def has(self, table: str) -> bool:
        """Whether the table is there; runs that were archived long ago have fewer."""
        return self._path(table).exists()

    def _path(self, table: str) -> Path:
        results = self.results if table in tables.OF_RUN else self.root / "results"
        return results / f"{table}.csv"

    def frame(self, table: str) -> pd.DataFrame:
        """A tracked table, e.g. "effects" or "audit/findings"; a copy, safe to change.

        RenderError if it is not there, DataError if it is damaged or lacks a column.
        """
        path, at_hand = self._path(table), not self.prefix or table not in tables.OF_RUN
        if not path.exists():
            place = path.parent.relative_to(self.root)
            remedy = "run `dvc repro`" if at_hand else "archive the run again"
            raise RenderError(f"{path.name} is missing in {place}/; {remedy}")
        return _read(path, table, whole=at_hand).copy()

    def runs(self) -> list[str]:
        """The names of the archived runs, in alphabetical order."""
        return sorted(path.parent.name for path in self.root.glob("runs/*/environment.json"))

    def of_run(self, name: str) -> Report:
        """The same document's door to another run, "results" or an archived one."""
        other = copy(self)
        other.__dict__.pop("parameters", None)
        other._turn_to(name)
        return other

    def row(self, table: str, **where: object) -> pd.Series:
        """The one row of a table that fits `where`; RenderError if there is none or several."""
        frame = self.frame(table)
        for column, value in where.items():
            if column not in frame:
                raise RenderError(f"{self.document}: {table} has no column {column!r}")
            chosen = frame[frame[column] == value]
            if chosen.empty:
                known = ", ".join(sorted(map(str, frame[column].unique()))[:12])
                raise RenderError(
                    f"{self.document}: {table} has no row with {where}; {column} is one of {known}"
                )
            frame = chosen
        if len(frame) != 1:
            raise RenderError(f"{self.document}: {len(frame)} rows of {table} fit {where}")
        return frame.iloc[0]

    def measured(self, **where: object) -> bool:
        """Whether the run was to measure this: it trains the adapter and asks it the test.

        A run may leave adapters of the paper out, and documents then say so in their place. A name
        that the paper does not know is left to `row`, which refuses it.
        """
        model = where.get("model", where.get("adapter"))
        if model not in MODELS or model == BASE or not (self.folder / params.FILE).is_file():
            return True
        adapters = self.parameters.adapters
        asked = adapters[model].evaluate_on if model in adapters else ()
        return model in adapters and (asked is None or where.get("task", asked[0]) in asked)

    def number(self, table: str, column: str, format: str = "", **where: object) -> str:
        """One number as text, e.g. `number("effects", "difference", "+.2f", model="mmlu", …)`.

        `format` is a Python format specification; without one, integers and text are printed as
        they are and other numbers with two decimals. "(not measured)" if `measured` says so.
        """
        return self._printed(table, column, f"{{{column}:{format}}}", where)

    def interval(
        self, table: str, column: str = "estimate", format: str = ".2f", **where: object
    ) -> str:
        """A column and its interval, e.g. "0.31 [0.24, 0.38]"; RenderError if it has none.

        "(not measured)" if `measured` says so.
        """
        bounds = tables.interval(table, column)
        if not bounds:
            raise RenderError(f"{self.document}: {table} has no interval of {column!r}")
        return self._printed(table, column, spanned(column, format, bounds), where)

    def _printed(self, table: str, column: str, template: str, where: dict[str, object]) -> str:
        """The template of a column over the one row that fits; logged."""
        key = f"{table}[{joined(where)}].{column}"
        if table in tables.OF_RUN and not self.measured(**where):
            return self.phrase(key, f"({NOT_MEASURED})")
        row = self.row(table, **where)
        if column not in row:
            raise RenderError(f"{self.document}: {table} has no column {column!r}")
        text = fill(template, row)
        self._keep(key, text, row, column, *tables.interval(table, column))
        return text

    def count(self, key: str, value: int) -> str:
        """A number that a document counted from tracked rows; `key` says what was counted."""
        text = show(value)
        self._keep(key, text, pd.Series({"count": value}), "count")
        return text

    def table(self, frame: pd.DataFrame, columns: dict[str, str], name: str, key: list[str]) -> str:
        """A Markdown table of `frame`: header -> template over the row's columns.

        A template is a format string, e.g. "{difference:+.2f} [{low:+.2f}, {high:+.2f}]". `name`
        says which tracked table the rows are from and `key` which columns identify a row; both go
        into the log. Columns whose template formats a number are aligned right, the others left.
        """
        lines, numeric = [], dict.fromkeys(columns, False)
        for _, row in frame.iterrows():
            cells = []
            for header, template in columns.items():
                cell = fill(template, row)
                if ":" in template:  # a format specification: the cell is a number
                    numeric[header] = True
                    where = joined({column: row[column] for column in key})
                    printed = printed_columns(template)
                    bounds = tables.interval(name, *printed) if len(printed) == 1 else ()
                    self._keep(f"{name}[{where}].{header}", cell, row, *printed, *bounds)
                cells.append(quoting.cell(cell))
            lines.append("| " + " | ".join(cells) + " |")
        if not lines:  # some renderers take a table without rows for a paragraph
            lines.append("| none in this run |" + f" {MISSING} |" * (len(columns) - 1))
        rule = "|" + "|".join("---:" if numeric[header] else ":---" for header in columns) + "|"
        heads = " | ".join(map(quoting.cell, columns))
        return "\n".join([f"| {heads} |", rule, *lines])

    def phrase(self, key: str, text: str) -> str:
        """Words that a document computed from tracked rows; `key` says what decided them."""
        self._keep(key, text, pd.Series({"words": text}), "words")
        return text

    def source(self, *tables: str, runs: dict[str, str] | None = None) -> Markdown:
        """A small line under a figure or table: where its numbers come from.

        `runs` is for tables of archived runs: name -> the code that made it, in words.
        """
        if runs is not None:
            return Markdown(note_of_runs(tables, runs))
        return Markdown(note(tables, self.root, self.document, self.archived))

    def _keep(self, key: str, printed: str, row: pd.Series, *columns: str) -> None:
        """Append one printed number to the document's log; `columns` hold its value and bounds."""
        held = [row.get(name, math.nan) for name in columns]
        values = ["" if isinstance(one, float) and math.isnan(one) else one for one in held]
        values += [""] * (3 - len(values))
        named = re.split(r"[\[.]", key)[0]
        prefix = "" if named in tables.TABLES and named not in tables.OF_RUN else self.prefix
        with self.log.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow([self.document, prefix + key, printed, *values])


@lru_cache(maxsize=16)
def _parameters(path: Path) -> Params:
    """A params.yaml, read once."""
    return params.load(path)


@lru_cache(maxsize=64)
def _read(path: Path, table: str, *, whole: bool) -> pd.DataFrame:
    """A table read once; an empty cell is a missing value.

    Earlier code wrote other columns (not `whole`); those that it did not know are empty.
    """
    frame = tables.read(path, table, whole=whole)
    known = [] if whole else [column.name for column in tables.TABLES[table].columns]
    return frame.reindex(columns=[*frame, *(name for name in known if name not in frame)])


def joined(where: dict[str, object]) -> str:
    """The part of a key that identifies the row."""
    return ",".join(f"{column}={value}" for column, value in where.items())


def show(value: object, format: str = "") -> str:
    """A value as printed: a real minus sign, a dash where there is nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, str):
        return value
    number = float(value)
    if not format:
        format = ".0f" if number.is_integer() else ".2f"
    whole = number.is_integer() and format[-1] in "d,"
    text = f"{int(number) if whole else number:{format}}"
    if not text.strip("+-0.%"):
        text = text.lstrip("+-")  # no signed zero
    return text.replace("-", "−")


def spanned(
    value: str, format: str = ".2f", bounds: tuple[str, ...] = ("low", "high"), mark: str = ""
) -> str:
    """The template of a number with its interval, the number between two `mark`s."""
    low, high = (f"{{{name}:{format}}}" for name in bounds)
    return f"{mark}{{{value}:{format}}}{mark} [{low}, {high}]"


FIELD = r"\{(\w+)(?::[^{}]*)?\}"
SPANNED = re.compile(rf"{FIELD} \[{FIELD}, {FIELD}\]")


def printed_columns(template: str) -> tuple[str, ...]:
    """The column that a table's template prints, and the two of its interval if they follow it.

    Empty if the template prints several columns that are not one number with its interval.
    """
    spanned = SPANNED.fullmatch(template)
    if spanned:
        return spanned.groups()
    named = [name for _, name, _, _ in Formatter().parse(template) if name]
    return tuple(named) if len(named) == 1 else ()


class _Cells(dict):
    """Row values that format themselves through `show`."""

    def __missing__(self, name: str) -> object:
        raise RenderError(f"a table template names the unknown column {name!r}")


class _Cell:
    """One value inside a template."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __format__(self, format: str) -> str:
        return show(self.value, format)


def fill(template: str, row: pd.Series) -> str:
    """The template with the row's values; intervals that are missing whole become one dash."""
    text = template.format_map(_Cells({str(name): _Cell(value) for name, value in row.items()}))
    return MISSING if text and not text.strip(f" []{MISSING},") else text
