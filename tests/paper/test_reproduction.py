"""The run at hand beside an archived one: what differs, and by how much."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from printing import report as door
from printing import reproduction
from printing.report import Report
from tests.paper.made import write
from tests.working_copy import copy_parameters

ROOT = Path(__file__).resolve().parents[2]
ROW = {"model": "mmlu", "task": "answer", "measure": "sycophancy", "against": "control"}
CONTRASTS = [ROW | {"estimate": 0.5, "low": 0.3, "high": 0.7, "status": "ok"}]
CLAIMS = [{"id": name, "verdict": "inconclusive", "text": "A claim."} for name in ("a", "b")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A run at hand that came out as its archived twin, which has fewer tables."""
    (tmp_path / "runs/pocket").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "runs/pocket"):
        copy_parameters(folder)
        for name, rows in {"contrasts": CONTRASTS, "claims": CLAIMS}.items():
            write(folder / "results", name, rows)
    write(tmp_path / "results", "splits", [{"benchmark": "mmlu"}])
    return tmp_path


def sides(root: Path) -> tuple[Report, Report]:
    door._read.cache_clear()
    door._parameters.cache_clear()
    report = Report("miniature", root)
    return report, report.of_run("pocket")


def test_the_same_tables_are_the_same(root: Path) -> None:
    found = reproduction.compared(*sides(root)).set_index("table")
    assert list(found.index) == ["contrasts", "claims"]
    assert found["differ"].sum() == found["alone"].sum() == 0 < found["cells"].min()
    assert reproduction.other_parameters(*sides(root)) == []
    assert reproduction.changed_verdicts(*sides(root)) == []
    assert reproduction.largest_move(*sides(root)) == 0


def test_what_differs_is_counted_and_named(root: Path) -> None:
    write(root / "results", "contrasts", [CONTRASTS[0] | {"estimate": 0.6, "status": "other"}])
    write(root / "results", "claims", [CLAIMS[0] | {"verdict": "supported"}])
    content = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    content |= {"paper": {"run": "results"}, "scale": "long"}
    content["train"]["lora"]["r"] = 3
    (root / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    found = reproduction.compared(*sides(root)).set_index("table")
    assert found["differ"].to_dict() == {"contrasts": 2, "claims": 1}
    assert found["alone"].to_dict() == {"contrasts": 0, "claims": 1}
    assert reproduction.other_parameters(*sides(root)) == ["scale", "train.lora.r"]
    assert reproduction.changed_verdicts(*sides(root)) == ["a"]
    assert reproduction.largest_move(*sides(root)) == pytest.approx(0.5)
