"""A finding: what was said, what the data say, and a verdict that a rule in code decides."""

from __future__ import annotations

import json
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
    """One statement beside the data; `numbers` are unrounded up to six decimals, `n` the items."""

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
    """One row per finding; `numbers` as a JSON object with sorted keys."""
    rows = [
        {
            "id": finding.id,
            "said": finding.said,
            "data": finding.data,
            "verdict": str(finding.verdict),
            "n": finding.n,
            "numbers": json.dumps(
                {key: rounded(value) for key, value in finding.numbers.items()}, sort_keys=True
            ),
            "source": finding.source,
        }
        for finding in findings
    ]
    table = pd.DataFrame(rows)
    if table["id"].duplicated().any():
        twice = ", ".join(table["id"][table["id"].duplicated()])
        raise ValueError(f"two findings share the id {twice}")
    return table


def rounded(value: float) -> float | int:
    """Counts as integers, everything else to six decimals."""
    return int(value) if float(value).is_integer() else round(float(value), 6)
