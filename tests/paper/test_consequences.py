"""Every finding of the audit has its consequence, and a confirmed one takes nothing away."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from experiments.audit.findings import Verdict
from printing.consequences import CONFIRMED, FALLS, STANDS, consequence

ROOT = Path(__file__).resolve().parents[2]
FINDINGS = pd.read_csv(ROOT / "results/audit/findings.csv")


def test_the_findings_are_those_of_the_audit() -> None:
    assert set(FALLS) == set(FINDINGS["id"])


@pytest.mark.parametrize("finding", FALLS)
def test_the_consequence_turns_with_the_verdict(finding: str) -> None:
    assert Verdict.CONFIRMED == CONFIRMED
    assert consequence(finding, Verdict.CONFIRMED) == STANDS
    lost = {consequence(finding, verdict) for verdict in Verdict if verdict != CONFIRMED}
    assert len(lost) == 1 and STANDS not in lost


def test_an_unknown_finding_is_refused() -> None:
    with pytest.raises(KeyError):
        consequence("no such finding", Verdict.CONTRADICTED)


def test_the_page_shows_every_finding_once() -> None:
    text = (ROOT / "paper/audit.qmd").read_text(encoding="utf-8")
    calls = re.findall(r"^findings\(([^)]*)\)", text, re.MULTILINE)
    shown = [name for call in calls for name in re.findall(r'"(\w+)"', call)]
    assert sorted(shown) == sorted(FALLS)
