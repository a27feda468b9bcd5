"""Coverage, families and policies in tables and sentences that hold whatever was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.claims import read_claims
from printing import guarantees
from printing.report import Report
from tests.paper.made import write

ROOT = Path(__file__).resolve().parents[2]
COVERED = [  # case, n, method, in use, coverage, enough
    ("normal", 24, "added_pair", True, 0.97, True),
    ("normal", 16, "added_pair", True, 0.96, True),
    ("normal", 16, "cluster_t", False, 0.9, False),
    ("skewed", 16, "added_pair", True, 0.9, False),
]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    names = ("case", "n", "method", "in_use", "coverage", "enough")
    rows = [dict(zip(names, row, strict=True)) for row in COVERED]
    rows = [row | {"varies": "items", "low": 0.89, "high": 0.98} for row in rows]
    write(tmp_path / "results", "coverage", rows)
    said = [("always_a", "supported", False), ("oracle", "supported", True),
            ("uniform", "inconclusive", False)]  # fmt: skip
    write(
        tmp_path / "results",
        "policies",
        [
            {"id": "a", "policy": policy, "verdict": verdict, "allowed": allowed,
             "family": "capability"}
            for policy, verdict, allowed in said
        ],
    )  # fmt: skip
    return Report("methods", tmp_path)


def test_coverage_has_one_row_per_case_at_its_worst_size(report: Report) -> None:
    normal, skewed = guarantees.coverage_table(report).splitlines()[2:]
    assert "| 16, 24 | added pair | 96.0% [89.0%, 98.0%] |" in normal
    assert normal.endswith("cluster t 90.0% |") and "**too low**" in skewed
    assert guarantees.coverage_in_words(report).startswith("In 1 of 2 cases")


def test_a_policy_that_wins_wrongly_is_named_so(report: Report) -> None:
    head, _, line = guarantees.policies_table(report).splitlines()
    assert head == "| Claim | Always A | Oracle | Uniform |"
    assert line == "| a | **wrongly** | yes | · |"


def test_every_margin_is_printed_with_its_reason(report: Report) -> None:
    stated = read_claims(ROOT / "paper/claims.yaml")
    lines = guarantees.margins_table(report, stated).splitlines()[2:]
    reasons = {part.because for claim in stated.claims for part in claim.tested if part.because}
    assert all(any(why in line for line in lines) for why in reasons)
    families = guarantees.families_table(report, stated).splitlines()[2:]
    assert len(families) == len(stated.families)
