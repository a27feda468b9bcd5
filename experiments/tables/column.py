"""What a result table and a column of it are, and the columns that many tables have."""

from __future__ import annotations

from dataclasses import dataclass

# Units; a column without one holds names or words.
MEASURE = "of the measure"  # in the column `unit`; declared in experiments/measures
SAME = "of the number"  # that the bounds enclose
RATE, NATS, LOSS = "rate", "nats", "nats per token"
PROBABILITY, COEFFICIENT = "probability", "correlation"
ITEMS, CLUSTERS, COUNT, YES = "items", "clusters", "count", "true or false"
# Digits: decimal places, or what decides them. Those of an error are what the error supports.
BY_SE, BY_CHANGE_SE, SIGNIFICANT = "se", "change_se", "two significant digits"


@dataclass(frozen=True)
class Column:
    """A column; `interval` names the two columns that bound it.

    `free` marks words of others, in which a spreadsheet might see a formula; `optional` columns
    may be absent.
    """

    name: str
    meaning: str
    unit: str = ""
    digits: int | str | None = None
    interval: tuple[str, ...] = ()
    free: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """The file results/`name`.csv; `keys` tell its rows apart and come first among its columns."""

    name: str
    about: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]


def table(name: str, about: str, keys: int, *columns: Column | str) -> Table:
    """A table whose first `keys` columns are its keys; those given by name are in COMMON."""
    listed: list[Column] = []
    for one in columns:
        listed += [COMMON[word] for word in one.split()] if isinstance(one, str) else [one]
    names = tuple(column.name for column in listed[:keys])
    return Table(name, about, names, tuple(listed))


def bounded(
    name: str,
    meaning: str,
    unit: str,
    digits: int | str | None,
    bounds: tuple[str, str] = ("low", "high"),
) -> tuple[Column, Column, Column]:
    """A number and the bounds of its interval at analyze.confidence."""
    low, high = (Column(one, f"bound of {name}", unit, digits) for one in bounds)
    return Column(name, meaning, unit, digits, bounds), low, high


COMMON = {
    column.name: column
    for column in (
        Column("model", "base, or the adapter"),
        Column("adapter", "the adapter"),
        Column("adapter_name", "base, or the adapter"),
        Column("task", "the test"),
        Column("test", "the test"),
        Column("benchmark", "the benchmark"),
        Column("measure", "the measure of the test"),
        Column("document", "the document"),
        Column("seed", "the training seed", COUNT),
        Column("id", "the item"),
        Column("cluster", "what items share that count as one draw"),
        Column("arm", "what the user adds"),
        Column("se", "standard error over clusters", MEASURE, BY_SE),
        Column("p", "two-sided p", PROBABILITY, SIGNIFICANT),
        Column("n", "items with a value", ITEMS),
        Column("clusters", "clusters of these items", CLUSTERS),
        Column("excluded", "items that are not eligible", ITEMS),
        Column("unparsed", "replies that did not parse", COUNT),
        Column("method", "how the interval was made; see experiments/stats/intervals.py"),
        Column("status", "ok, or why a number is missing"),
        Column("decimals", "decimal places that the standard error supports", COUNT),
        Column("verdict", "what the interval, or a rule, says of it"),
    )
}
MARGINS = (
    Column("swap_average", "margin of the author's option, mean of both letterings", NATS, 4),
    Column("position", "the part of the margin that goes with the letter A", NATS, 4),
)
