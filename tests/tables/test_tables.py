"""The schema is that of the tracked tables and of dvc.yaml; damaged files are one sentence."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from experiments import tables
from experiments.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def paths(listed: list) -> set[str]:
    """Paths of dvc.yaml's list, with or without options."""
    return {one if isinstance(one, str) else next(iter(one)) for one in listed}


def test_dvc_yaml_lists_every_table() -> None:
    written = {path for stage in STAGES.values() for path in paths(stage.get("outs", []))}
    found = {path for path in written if re.fullmatch(r"results/.*\.csv", path)}
    assert found == {f"results/{name}.csv" for name in tables.TABLES}


@pytest.mark.parametrize("name", tables.TABLES)
def test_the_tracked_table_is_as_declared(name: str) -> None:
    path = ROOT / f"results/{name}.csv"
    frame = tables.read(path, name)
    declared = [column.name for column in tables.TABLES[name].columns]
    assert list(frame) == [column for column in declared if column in frame]
    bounds = {bound for column in tables.TABLES[name].columns for bound in column.interval}
    assert bounds <= set(declared)


@pytest.mark.parametrize("name", [name for name in tables.TABLES if "/" not in name][:-1])
def test_writing_what_was_read_changes_no_byte(name: str) -> None:
    path = ROOT / f"results/{name}.csv"
    assert tables.text(name, tables.read(path, name)) == path.read_text(encoding="utf-8")


def test_an_archived_run_of_earlier_code_is_read_as_it_is() -> None:
    for path in ROOT.glob("runs/*/results/*.csv"):
        assert len(tables.read(path, path.stem, whole=False).columns)


def test_the_dictionary_explains_every_column() -> None:
    found = tables.dictionary()
    assert found["meaning"].str.len().min() > 3
    row = found[(found["table"] == "effects") & (found["column"] == "estimate")].iloc[0]
    assert (row.unit, row.digits, row.interval) == ("of the measure", "se", "low to high")
    assert tables.interval("contrasts", "estimate") == ("low", "high")
    assert tables.interval("rankings", "rank") == ("rank_low", "rank_high")
    assert tables.interval("effects", "base_estimate") == tables.interval("nowhere", "x") == ()
    assert tables.keys("effects") == ("model", "task", "measure") and tables.keys("nowhere") == ()


TABLE = """benchmark,items,clusters,ambiguous,train,validation,evaluation
gsm8k,551,551,0,72,16,16
mmlu,8793,8570,5,112,16,36
"""
DAMAGED = {
    "empty": ("", r"splits.csv is empty"),
    "conflict": (f"<<<<<<< HEAD\n{TABLE}", r"line 1, is a mark of a merge conflict"),
    "conflict within": (TABLE + ">>>>>>> main\n", r"line \d, is a mark of a merge conflict"),
    "short row": (TABLE.removesuffix("\n").rpartition(",")[0], r"line 3, has 6 cells .* header 7"),
    "long row": (TABLE.removesuffix("\n") + ",1\n", r"line 3, has 8 cells and the header 7"),
    "missing column": (TABLE.replace(",clusters", ",cluster"), "lacks column clusters"),
    "unknown column": (re.sub(r"(?m)$", ",1", TABLE.rstrip()), "has an unknown column 1"),
    "words for a number": (TABLE.replace("gsm8k,551", "gsm8k,many"), "items holds 'many'"),
    "a row twice": (TABLE + TABLE.splitlines()[1] + "\n", "has two rows of gsm8k"),
    "an open quote": (TABLE + '"mmlu,1', "unexpected end of data"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_table_is_one_sentence(tmp_path: Path, kind: str) -> None:
    content, message = DAMAGED[kind]
    (tmp_path / "splits.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as raised:
        tables.read(tmp_path / "splits.csv", "splits")
    assert str(raised.value).endswith("restore it from git, or run `dvc repro`")


def test_bytes_that_are_no_text_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"splits\.csv is not UTF-8"):
        tables.read(tmp_path / "splits.csv", "splits")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@sum", "\t=1", "＝1", "'=1", "'", "plain", ""]
)
def test_no_reply_is_a_formula_and_every_reply_comes_back(tmp_path: Path, text: str) -> None:
    frame = tables.read(ROOT / "results/transcripts.csv", "transcripts").head(2)
    tables.write(tmp_path, "transcripts", frame.assign(text=[text, "other"]))
    stored = pd.read_csv(tmp_path / "transcripts.csv", keep_default_na=False)["text"][0]
    assert not stored.startswith(("=", "+", "-", "@", "\t", "＝"))
    found = tables.read(tmp_path / "transcripts.csv", "transcripts")["text"].fillna("")
    assert found.tolist() == [text, "other"]
