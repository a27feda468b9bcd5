"""The note under a figure: the right stage, parameters and data, and nothing that moves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.errors import RenderError
from paper import provenance
from paper.report import Report

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = """
stages:
  prepare:
    cmd: python -m prepare
    deps: [data/pocket]
    params: [seed, sizes]
    outs: [prepared]
    plots:
      - results/splits.csv: {cache: false}
  train:
    foreach: ${adapters}
    do:
      cmd: python -m train ${key}
      deps: ["prepared/train/${key}.jsonl"]
      params: [train, "adapters.${key}"]
      outs: ["adapters/${key}"]
  analyze:
    cmd: python -m analyze
    deps: [adapters]
    outs: [report.txt]
    plots:
      - results/effects.csv: {cache: false}
      - results/estimates.csv: {cache: false}
  audit:
    cmd: python -m audit
    deps: [paper/reported, database]
    params: [seed]
    plots:
      - results/audit/findings.csv: {cache: false}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    pinned = "outs:\n- md5: 0123456789abcdef.dir\n  path: data\n"
    (tmp_path / "data.dvc").write_text(pinned, encoding="utf-8")
    return tmp_path


def test_a_note_names_file_stage_parameters_and_data(root: Path) -> None:
    text = provenance.note(("splits",), root)
    assert "`results/splits.csv` by stage [`prepare`](methods.qmd#sec-pipeline)" in text
    assert "parameters [`seed`, `sizes`](methods.qmd#sec-parameters)" in text
    assert "data [`01234567`](methods.qmd#sec-data)" in text
    assert "\n" not in text


def test_tables_of_one_stage_share_its_name(root: Path) -> None:
    text = provenance.note(("effects", "estimates", "splits"), root)
    assert text.count("stage") == 2
    assert "`results/effects.csv`, `results/estimates.csv` by stage" in text


def test_data_count_through_other_stages_and_foreach(root: Path) -> None:
    assert "data [" in provenance.note(("effects",), root)


def test_a_stage_that_reads_no_data_names_none(root: Path) -> None:
    # "database" begins like "data" and is another path
    assert "data [" not in provenance.note(("audit/findings",), root)
    (root / "data.dvc").unlink()
    assert "`audit`" in provenance.note(("audit/findings",), root)


def test_a_table_without_a_stage_is_refused(root: Path) -> None:
    with pytest.raises(RenderError, match=r"no stage of dvc.yaml writes results/nothing.csv"):
        provenance.note(("nothing",), root)


@pytest.mark.parametrize("content", ["", "outs: []", "outs: {a: 1}", "a: [", "- 1"])
def test_a_data_file_that_is_no_pin_is_refused(root: Path, content: str) -> None:
    (root / "data.dvc").write_text(content, encoding="utf-8")
    with pytest.raises(RenderError, match=r"data\.dvc is missing or malformed"):
        provenance.note(("effects",), root)


@pytest.mark.parametrize("content", [None, "", "stages:", "stages: [", "other: 1"])
def test_a_pipeline_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "dvc.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(RenderError, match=r"dvc\.yaml is missing or malformed"):
        provenance.note(("effects",), tmp_path)


def test_the_lock_changes_nothing(root: Path) -> None:
    before = provenance.note(("effects",), root)
    (root / "dvc.lock").write_text("stages: {render: {deps: [{md5: abc}]}}", encoding="utf-8")
    provenance.stages.cache_clear()
    assert provenance.note(("effects",), root) == before


def test_the_report_gives_it_as_markdown(root: Path) -> None:
    (root / "results").mkdir()
    note = Report("index", root).source("effects")
    assert note.data.startswith("[Source: ") and note.data.endswith('luma(90)"}')


def test_every_note_in_the_documents_names_tables_of_the_pipeline() -> None:
    asked = {
        table
        for path in (ROOT / "paper").glob("*.qmd")
        for call in re.findall(r"report\.source\(([^)]*)\)", path.read_text(encoding="utf-8"))
        for table in re.findall(r'"([^"]+)"', call)
    }
    assert asked
    for table in sorted(asked):
        provenance.writer(table, ROOT)
