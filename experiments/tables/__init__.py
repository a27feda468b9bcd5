"""The result tables: which there are, what their columns mean, and one way to read and write them.

A table is results/NAME.csv, e.g. "effects" or "audit/findings". analysis.py, simulation.py,
replication.py and others.py declare them, column.py says what a declaration holds, digits.py
rounds.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from experiments import files
from experiments.errors import DataError
from experiments.tables.analysis import ANALYZE, CHANGES
from experiments.tables.column import Column, Table
from experiments.tables.digits import with_digits
from experiments.tables.others import AUDIT, CURATE, PREPARE, READING, RENDER
from experiments.tables.replication import REPLICATE
from experiments.tables.simulation import SIMULATE

__all__ = ["CHANGES", "TABLES", "Column", "Table"]

STAGES = (CURATE, PREPARE, ANALYZE, READING, SIMULATE, AUDIT, REPLICATE, RENDER)
TABLES = {table.name: table for tables in STAGES for table in tables}
# What depends on model, corpus and adapters: it is archived with a run, and documents read it from
# the run that they are about. All other tables are of no run and stay in results/.
OF_RUN = tuple(table.name for table in (*CURATE, *PREPARE, *ANALYZE))
# With these a cell can be a formula to a spreadsheet; an apostrophe before it makes it a text.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
APOSTROPHE = "'"
CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")


def keys(name: str) -> tuple[str, ...]:
    """The columns that tell a table's rows apart; none if there is no such table."""
    return TABLES[name].keys if name in TABLES else ()


def interval(name: str, column: str) -> tuple[str, ...]:
    """The two columns that bound a column of a table; none if it has no interval."""
    columns = TABLES[name].columns if name in TABLES else ()
    return next((one.interval for one in columns if one.name == column), ())


def dictionary() -> pd.DataFrame:
    """One row per column of every table: table, column, key, meaning, unit, digits, interval."""
    return pd.DataFrame(
        {
            "table": table.name,
            "column": column.name,
            "key": column.name in table.keys,
            "meaning": column.meaning,
            "unit": column.unit,
            "digits": "" if column.digits is None else str(column.digits),
            "interval": " to ".join(column.interval),
        }
        for table in TABLES.values()
        for column in table.columns
    )


def write(results: Path, name: str, frame: pd.DataFrame) -> None:
    """Replace a table below `results`, with its columns, digits and order of rows."""
    files.write_text(results / f"{name}.csv", text(name, frame))


def text(name: str, frame: pd.DataFrame) -> str:
    """The content of a table's file; KeyError if the frame lacks a column."""
    table = TABLES[name]
    shown = with_digits(table, frame)
    for column in table.columns:
        if column.free:
            shown[column.name] = shown[column.name].map(escaped)
    return shown.to_csv(index=False, lineterminator="\n")


def read(path: Path, name: str, *, whole: bool = True) -> pd.DataFrame:
    """A table's file as a frame; an empty cell is a missing value.

    DataError names the file and the line that is damaged, a missing or an unknown column, a number
    that is none, and keys that are there twice. Tables of earlier code (not `whole`) may have other
    columns, and may be unknown today.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8; {REMEDY}") from None
    header, _ = rows(content, str(path))
    if not whole and name not in TABLES:
        return pd.read_csv(io.StringIO(content))
    table = TABLES[name]
    if whole:
        check_columns(table, header, path)
    frame = pd.read_csv(io.StringIO(content))
    for column in table.columns:
        if column.name not in frame:
            continue
        if column.free:
            frame[column.name] = frame[column.name].map(plain)
        elif column.unit and frame[column.name].dtype == object:
            numbers = pd.to_numeric(frame[column.name], errors="coerce")
            wrong = frame.loc[numbers.isna() & frame[column.name].notna(), column.name]
            if len(wrong) and not wrong.isin([True, False]).all():
                raise DataError(f"{path}: {column.name} holds {wrong.iloc[0]!r}; {REMEDY}")
    if whole and frame.duplicated(list(table.keys)).any():
        row = frame[frame.duplicated(list(table.keys))].iloc[0]
        listed = ", ".join(str(row[key]) for key in table.keys)
        raise DataError(f"{path} has two rows of {listed}; {REMEDY}")
    return frame


def rows(content: str, source: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file as texts; DataError names the line that is damaged."""
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith(CONFLICT):
            raise DataError(f"{source}, line {number}, is a mark of a merge conflict; {REMEDY}")
    reader = csv.reader(io.StringIO(content), strict=True)
    try:
        header = next(reader, [])
        body = []
        for row in reader:
            if len(row) != len(header):
                raise DataError(
                    f"{source}, line {reader.line_num}, has {len(row)} cells and the header "
                    f"{len(header)}; {REMEDY}"
                )
            body.append(row)
    except csv.Error as error:
        raise DataError(f"{source}, line {reader.line_num}: {error}; {REMEDY}") from None
    if not header:
        raise DataError(f"{source} is empty; {REMEDY}")
    return header, body


def check_columns(table: Table, header: list[str], path: Path) -> None:
    """DataError unless a header has the table's columns and no other."""
    wanted = [column.name for column in table.columns if not column.optional]
    lacking = [name for name in wanted if name not in header]
    unknown = [name for name in header if name not in {one.name for one in table.columns}]
    for found, verb in ((lacking, "lacks"), (unknown, "has an unknown")):
        if found:
            raise DataError(f"{path} {verb} column {found[0]}; {REMEDY}")


def escaped(cell: object) -> object:
    """A text of others, of which no spreadsheet makes a formula; `plain` undoes it."""
    risky = isinstance(cell, str) and cell.startswith((*FORMULA, APOSTROPHE))
    return f"{APOSTROPHE}{cell}" if risky else cell


def plain(cell: object) -> object:
    """The text that was `escaped`."""
    return cell.removeprefix(APOSTROPHE) if isinstance(cell, str) else cell


REMEDY = "restore it from git, or run `dvc repro`"
