"""The one schema of everything that is asked or trained on."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from experiments import files
from experiments.errors import DataError

Record = TypeVar("Record")


@dataclass(frozen=True)
class Item:
    """One question, problem, passage or argument.

    `cluster` names what two items must share to count as one draw; prepare never divides a
    cluster between training and evaluation. `options` are in the source's order and `gold`
    indexes the right one. `orders` (set by prepare) lists the option orders a lettered question
    is asked in, each a permutation of option indices; `frames` runs parallel to it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    id: str
    cluster: str
    benchmark: str
    question: str
    options: tuple[str, ...] = ()
    gold: int = 0
    solution: str = ""
    category: str = ""
    suggestion: str = ""  # answer test: the incorrect answer the user suggests
    distraction: str = ""  # gsm8k: the solution of another problem
    orders: tuple[tuple[int, ...], ...] = ()
    frames: tuple[int, ...] = ()  # sycophancy tests: the wording of each time it is asked
    split: str = ""  # paired choice: "easy" or "hard", as curated; upstream: "train" or "test"
    prompt: str = ""  # the data set's own prompt, where the published protocol asks with it

    def __post_init__(self) -> None:
        if self.options and self.gold not in range(len(self.options)):
            raise DataError(
                f"item {self.id}: gold option {self.gold} is not one of its "
                f"{len(self.options)} options; mend the row"
            )

    @property
    def source_order(self) -> tuple[int, ...]:
        """The options as the source lists them."""
        return tuple(range(len(self.options)))


def read_rows(path: Path, needed: Collection[str] = ()) -> list[dict]:
    """Rows of a JSON-lines file, each with the fields `needed`; DataError names file and line."""
    rows = []
    for number, line in numbered_lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}, is not JSON ({error}); write the file again by running "
                "its stage"
            ) from None
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}, is not a JSON object")
        missing = sorted(set(needed) - set(row))
        if missing:
            raise DataError(
                f"{path}, line {number}, lacks {', '.join(missing)}; mend the row or write the "
                "file again"
            )
        rows.append(row)
    return rows


def read_records(
    path: Path, schema: type[Record], remedy: str, *, unique: bool = True
) -> list[Record]:
    """Rows of a JSON-lines file as strictly validated dataclasses; `unique`: no `id` twice.

    DataError names the file, the line, the field that does not fit and the `remedy`.
    """
    adapter = TypeAdapter(schema)
    records, ids = [], set()
    for number, line in numbered_lines(path):
        try:
            record = adapter.validate_json(line)
        except ValidationError as error:
            raise DataError(f"{path}, line {number}, {problem(error)}; {remedy}") from None
        if unique and record.id in ids:
            raise DataError(f"{path}, line {number}, repeats the id {record.id!r}; {remedy}")
        ids.add(record.id)
        records.append(record)
    return records


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, from 1, as bytes, so that one that is not UTF-8 can be named too."""
    if not path.is_file():
        raise DataError(f"{path} is missing; run `dvc repro` (or the stage that writes it)")
    with path.open("rb") as lines:
        yield from enumerate(lines, 1)


def problem(error: ValidationError) -> str:
    """The first problem that pydantic found, in words."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    kinds = {
        "json_invalid": f"is not JSON ({first['msg']})",
        "dataclass_type": "is not a JSON object",
        "missing": f"lacks {field}",
        "unexpected_keyword_argument": f"has an unknown field {field}",
    }
    message = first["msg"].removeprefix("Value error, ")
    return kinds.get(first["type"], f"{field}: {message}" if field else message)


def write_rows(path: Path, rows: Iterable[dict]) -> None:
    """Write rows as JSON lines, in the given order, replacing the file only when complete."""
    with files.new_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_items(path: Path) -> list[Item]:
    """Items of a JSON-lines file; DataError names the row that does not fit the schema."""
    return read_records(path, Item, "write the file again by running its stage")


def write_items(path: Path, items: Iterable[Item]) -> None:
    """Write items as JSON lines; `prompt` only where there is one."""
    write_rows(path, map(row_of, items))


def row_of(item: Item) -> dict:
    """The fields of an item as one row."""
    row = asdict(item)
    if not item.prompt:
        del row["prompt"]
    return row
