"""A finding: what was said, what the data say, and a verdict that a rule in code decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd


class Verdict(StrEnum):
    """How what was said stands beside the data."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    NOT_SUPPORTED = "not supported"


@dataclass(frozen=True)
class Finding:
    """One statement beside the data; `numbers` are written to six decimals; `n` counts items."""

    id: str
    said: str
    data: str
    verdict: Verdict
    numbers: Mapping[str, float]
    n: int
    source: str


def holds(statement: bool) -> Verdict:
    """The verdict on a statement that the data decide either way."""
    return Verdict.CONFIRMED if statement else Verdict.CONTRADICTED


def shown(evidence: bool) -> Verdict:
    """The verdict on a statement that the data can show but, failing that, do not exclude."""
    return Verdict.CONFIRMED if evidence else Verdict.NOT_SUPPORTED


def frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """One row per finding, without its numbers; ValueError if two share an id."""
    table = pd.DataFrame(
        {
            "id": finding.id,
            "said": finding.said,
            "data": finding.data,
            "verdict": str(finding.verdict),
            "n": finding.n,
            "source": finding.source,
        }
        for finding in findings
    )
    if table["id"].duplicated().any():
        twice = ", ".join(table["id"][table["id"].duplicated()])
        raise ValueError(f"two findings share the id {twice}")
    return table


def numbers(findings: Iterable[Finding]) -> pd.DataFrame:
    """One row per number of every finding: finding, name, value."""
    rows = [
        (finding.id, name, six_decimals(value))
        for finding in findings
        for name, value in finding.numbers.items()
    ]
    # as objects, so that counts stay whole numbers in the file
    return pd.DataFrame(rows, columns=["finding", "name", "value"], dtype=object)


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """How many findings have each verdict."""
    counts = table["verdict"].value_counts()
    return pd.DataFrame(
        {"verdict": str(verdict), "findings": int(counts.get(str(verdict), 0))}
        for verdict in Verdict
    )


def six_decimals(value: float) -> float | int:
    """Counts as integers, everything else to six decimals."""
    six = round(float(value), 6)
    return int(six) if six.is_integer() else six
