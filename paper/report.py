"""The one door from results/ to the documents.

A document prints a number only through a `Report`, which looks it up by table, column and row,
fails when there is no such cell, and logs what was printed. The logs of all documents become
results/printed_numbers.csv, so a pull request shows every printed number that changed.
"""

from __future__ import annotations

import csv
import math
import sys
from functools import lru_cache
from pathlib import Path

import pandas as pd
from IPython.display import Markdown

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # quarto runs cells in paper/, where the package may not be installed
    sys.path.insert(0, str(ROOT))

from experiments.errors import RenderError  # noqa: E402

if __package__:
    from paper.provenance import note
else:  # a document's kernel, which runs in paper/
    from provenance import note

LOG_COLUMNS = ["document", "key", "printed", "value", "low", "high"]
MISSING = "–"


class Report:
    """The numbers of one document."""

    def __init__(self, document: str, root: Path = ROOT) -> None:
        """Start the document's log anew; `root` holds results/."""
        self.document = document
        self.results = root / "results"
        self.log = root / ".printed" / f"{document}.csv"
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(LOG_COLUMNS)

    def frame(self, table: str) -> pd.DataFrame:
        """A tracked table, e.g. "effects" or "audit/findings"; a copy, safe to change."""
        path = self.results / f"{table}.csv"
        if not path.exists():
            raise RenderError(f"{path.name} is missing in results/; run `dvc repro`")
        return _read(path).copy()

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

    def number(self, table: str, column: str, format: str = "", **where: object) -> str:
        """One number as text, e.g. `number("effects", "difference", "+.2f", model="mmlu", …)`.

        `format` is a Python format specification; without one, integers and text are printed as
        they are and other numbers with two decimals.
        """
        row = self.row(table, **where)
        if column not in row:
            raise RenderError(f"{self.document}: {table} has no column {column!r}")
        text = show(row[column], format)
        self._keep(f"{table}[{_joined(where)}].{column}", text, row, column)
        return text

    def interval(
        self, table: str, column: str = "estimate", format: str = ".2f", **where: object
    ) -> str:
        """Estimate and interval, e.g. "0.31 [0.24, 0.38]", from columns `column`, low and high."""
        row = self.row(table, **where)
        for name in (column, "low", "high"):
            if name not in row:
                raise RenderError(f"{self.document}: {table} has no column {name!r}")
        text = fill(f"{{{column}:{format}}} [{{low:{format}}}, {{high:{format}}}]", row)
        self._keep(f"{table}[{_joined(where)}].{column}", text, row, column)
        return text

    def count(self, key: str, value: int) -> str:
        """A number that a document counted from tracked rows; `key` says what was counted."""
        text = show(value)
        self._keep(key, text, pd.Series({"count": value}), "count")
        return text

    def table(
        self, frame: pd.DataFrame, columns: dict[str, str], name: str, key: list[str]
    ) -> str:
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
                    where = _joined({column: row[column] for column in key})
                    self._keep(f"{name}[{where}].{header}", cell, row, None)
                cells.append(cell.replace("|", "\\|"))
            lines.append("| " + " | ".join(cells) + " |")
        rule = "|" + "|".join("---:" if numeric[header] else ":---" for header in columns) + "|"
        return "\n".join(["| " + " | ".join(columns) + " |", rule, *lines])

    def phrase(self, key: str, text: str) -> str:
        """Words that a document computed from tracked rows; `key` says what decided them."""
        self._keep(key, text, pd.Series({"words": text}), "words")
        return text

    def source(self, *tables: str) -> Markdown:
        """A small line under a figure or table: where its numbers come from."""
        return Markdown(note(tables, self.results.parent))

    def _keep(self, key: str, printed: str, row: pd.Series, column: str | None) -> None:
        """Append one printed number to the document's log."""
        value = row[column] if column else ""
        bounds = [row.get("low", ""), row.get("high", "")] if column else ["", ""]
        with self.log.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow([self.document, key, printed, value, *bounds])


@lru_cache(maxsize=64)
def _read(path: Path) -> pd.DataFrame:
    """A table read once; an empty cell is a missing value."""
    return pd.read_csv(path)


def _joined(where: dict[str, object]) -> str:
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
