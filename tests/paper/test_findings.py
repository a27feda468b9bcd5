"""Six sentences sum up what was found, with units, intervals and numbers of items."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from experiments import params, tables
from printing import tables as printed
from printing.findings import findings
from printing.report import Report

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    shutil.copytree(ROOT / "results", tmp_path / "results")
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    return Report("index", tmp_path)


def test_there_are_six_with_units_and_n_and_each_is_logged(report: Report) -> None:
    found = findings(report, params.load(ROOT / "params.yaml"))
    assert len(found) == 6
    assert all(text.endswith(".") and "nan" not in text for text in found)
    untouched, changed, _, accuracy, letters, cured = found
    for text in (untouched, cured):
        assert text.count(" nats [") == text.count("(n = ") == 3
    assert "nats [" in changed and "of the items (n = " in accuracy
    assert letters.count("(n = ") == 4
    log = report.log.read_text(encoding="utf-8")
    assert all(f"findings[{number}]" in log for number in range(1, 7))


def test_an_interval_that_holds_zero_is_inconclusive(report: Report) -> None:
    path = report.results / "effects.csv"
    frame = tables.read(path, "effects")
    cured = (frame["model"] == "anti_sycophancy") & (frame["task"] == "answer")
    frame.loc[cured, ["low", "high"]] = [-1.0, 1.0]
    frame.to_csv(path, index=False)
    *_, text = findings(report, params.load(ROOT / "params.yaml"))
    assert text.count("inconclusive") == 1 and ", inconclusive) on *Answer*" in text


def test_the_dictionary_has_every_table_and_column() -> None:
    text = printed.dictionary()
    for name, table in tables.TABLES.items():
        (paragraph,) = [one for one in text.split("\n\n") if one.startswith(f"**{name}**")]
        bounds = {bound for column in table.columns for bound in column.interval}
        for column in table.columns:
            assert (f"`{column.name}`, {column.meaning}" in paragraph) != (column.name in bounds)
