"""The note under a figure: the right stage, parameters and data, and nothing that moves."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from experiments.errors import DataError, RenderError
from printing import provenance
from printing.report import Report

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


EFFECTS = "model,estimate\nmmlu,0.5\n"
LOCK = """
schema: '2.0'
stages:
  prepare:
    deps:
    - {path: data/pocket, md5: 0123456789abcdef.dir}
    - {path: data/pocket/items.jsonl, md5: 1111111111111111}
    - {path: experiments/prepare.py, md5: 2222222222222222}
    outs:
    - {path: prepared, md5: 3333333333333333.dir}
    - {path: results/splits.csv, md5: 4444444444444444}
  train@mmlu:
    deps:
    - {path: data/model, md5: aaaaaaaaaaaaaaaa.dir}
    - {path: prepared/train/mmlu.jsonl, md5: 5555555555555555}
    outs: [{path: adapters/mmlu, md5: 6666666666666666.dir}]
  analyze:
    deps: [{path: adapters, md5: 7777777777777777.dir}]
    outs: [{path: results/effects.csv, md5: EFFECTS}]
  audit:
    deps:
    - {path: paper/reported, md5: bbbbbbbbbbbbbbbb.dir}
    - {path: database, md5: 8888888888888888}
    outs: [{path: results/audit/findings.csv, md5: 9999999999999999}]
  render:
    deps: [{path: paper, md5: RENDERED}]
"""
DIGEST = hashlib.md5(EFFECTS.encode(), usedforsecurity=False).hexdigest()


def lock(root: Path, rendered: str = "cccccccccccccccc") -> None:
    """A dvc.lock, and the file that it says analyze wrote."""
    text = LOCK.replace("EFFECTS", DIGEST).replace("RENDERED", rendered)
    (root / "dvc.lock").write_text(text, encoding="utf-8")
    provenance.last_runs.cache_clear()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    pinned = "outs:\n- md5: 0123456789abcdef.dir\n  path: data\n"
    (tmp_path / "data.dvc").write_text(pinned, encoding="utf-8")
    (tmp_path / "results" / "audit").mkdir(parents=True)
    for name in ("effects", "estimates", "splits", "audit/findings"):
        (tmp_path / f"results/{name}.csv").write_text(EFFECTS, encoding="utf-8")
    lock(tmp_path)
    return tmp_path


def test_a_note_names_file_stage_parameters_and_data(root: Path) -> None:
    text = provenance.note(("effects",), root, "methods")
    assert "`results/effects.csv` by stage [`analyze`](#sec-pipeline)" in text
    assert "read from [`data/model` `aaaaaaaa`, `data/pocket` `01234567`](#sec-data)" in text
    assert "parameters" not in text  # analyze has none here
    assert "parameters [`seed`, `sizes`](#sec-parameters)" in provenance.note(
        ("splits",), root, "methods"
    )
    assert "\n" not in text


def test_links_are_for_pages_alone(root: Path) -> None:
    text = provenance.note(("effects",), root, "audit")
    page = '[[`analyze`](methods.qmd#sec-pipeline)]{.content-visible when-format="html"}'
    assert f'{page}[`analyze`]{{.content-hidden when-format="html"}}' in text
    assert "methods.qmd" not in provenance.note(("effects",), root, "methods")


def test_tables_of_one_stage_share_its_name(root: Path) -> None:
    text = provenance.note(("effects", "estimates", "splits"), root)
    assert text.count("by stage") == 2
    assert "`results/effects.csv`, `results/estimates.csv` by stage" in text


def test_data_count_through_other_stages_and_foreach(root: Path) -> None:
    analyze, prepare = (provenance.stages(root)[name] for name in ("analyze", "prepare"))
    assert list(provenance.read_by(analyze, root)) == ["data/model", "data/pocket"]
    assert list(provenance.read_by(prepare, root)) == ["data/pocket"]


def test_the_audit_rests_on_what_was_transcribed(root: Path) -> None:
    # "database" begins like "data" and is another path
    text = provenance.note(("audit/findings",), root, "methods")
    assert "read from [`paper/reported` `bbbbbbbb`](#sec-data)" in text


def test_a_file_that_its_stage_did_not_write_is_said_to_differ(root: Path) -> None:
    assert "changed since" not in provenance.note(("effects",), root)
    (root / "results/effects.csv").write_text(EFFECTS + "gsm8k,1.0\n", encoding="utf-8")
    assert "`results/effects.csv` (changed since)" in provenance.note(("effects",), root)


def test_without_a_run_no_hash_is_claimed(root: Path) -> None:
    (root / "dvc.lock").unlink()
    provenance.last_runs.cache_clear()
    text = provenance.note(("effects",), root)
    assert "`analyze`" in text and "read from" not in text and "changed since" not in text


def test_a_table_without_a_stage_is_refused(root: Path) -> None:
    with pytest.raises(RenderError, match=r"no stage of dvc.yaml writes results/nothing.csv"):
        provenance.note(("nothing",), root)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("data.dvc", content) for content in ("", "outs: []", "outs: {a: 1}", "a: [", "- 1")),
        *(("dvc.lock", content) for content in ("", "stages:", "a: [", "stages: {a: 1}")),
        *(("dvc.yaml", content) for content in ("", "stages:", "stages: [", "other: 1")),
    ],
)
def test_a_file_of_dvc_that_cannot_be_read_is_refused(root: Path, name: str, content: str) -> None:
    (root / name).write_text(content, encoding="utf-8")
    provenance.last_runs.cache_clear()
    provenance.stages.cache_clear()
    with pytest.raises(DataError, match=rf"{re.escape(name)} is missing or malformed.*restore it"):
        provenance.data_hash(root) if name == "data.dvc" else provenance.note(("effects",), root)


def test_what_rendering_wrote_down_changes_nothing(root: Path) -> None:
    before = provenance.note(("effects",), root)
    lock(root, rendered="dddddddddddddddd")
    assert provenance.note(("effects",), root) == before


def test_the_report_gives_it_as_markdown(root: Path) -> None:
    note = Report("methods", root).source("effects")
    assert note.data.startswith("[Source: ") and note.data.endswith('luma(90)"}')
    assert "(#sec-pipeline)" in note.data


def test_every_note_in_the_documents_names_tables_of_the_pipeline() -> None:
    asked = {
        table
        for path in (ROOT / "paper").glob("*.qmd")
        for call in re.findall(
            r"(?:report|paired)\.source\(([^)]*)\)", path.read_text(encoding="utf-8")
        )
        if "runs=" not in call  # of archived runs, which may have other tables
        for table in re.findall(r'"([^"]+)"', call)
    }
    assert asked
    for table in sorted(asked):
        provenance.writer(table, ROOT)


@pytest.mark.parametrize("name", ["mitigation", "audit"])
def test_every_figure_and_table_has_a_note(name: str) -> None:
    """A labelled float is followed by a note before the next one begins."""
    text = (ROOT / f"paper/{name}.qmd").read_text(encoding="utf-8")
    floats = re.split(r"(?:#\| label: |::: \{#)(?=(?:fig|tbl)-)", text)[1:]
    assert floats
    silent = [part.split()[0] for part in floats if not re.search(r"\w\.source\(", part)]
    assert silent == []


def test_what_was_read_and_written_is_that_of_the_lock(root: Path) -> None:
    assert provenance.inputs(root) == {
        "data/model": "aaaaaaaaaaaaaaaa.dir",
        "data/pocket": "0123456789abcdef.dir",
        "paper/reported": "bbbbbbbbbbbbbbbb.dir",
    }
    assert provenance.written("adapters", root) == {"mmlu": "6666666666666666.dir"}
    assert provenance.written("outcomes", root) == {}
