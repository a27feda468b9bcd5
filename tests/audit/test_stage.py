"""The stage gives the same files with and without the mirror, and refuses what it cannot trust."""

import json
import shutil

import pytest

from experiments.audit import __main__ as stage
from experiments.audit import counting
from experiments.errors import DataError
from tests.audit.conftest import REPORTED, ROOT


@pytest.fixture
def workplace(tmp_path, monkeypatch, small_mirror):
    """A copy of what the stage reads, with the pins of the small mirror."""
    folder, pinned = small_mirror
    monkeypatch.setattr(stage.mirror, "PINNED", pinned)
    shutil.copytree(REPORTED, tmp_path / "paper" / "reported")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UPSTREAM_MIRROR", raising=False)
    return folder


def written() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((stage.RESULTS / "audit").iterdir())}


def test_same_results_with_and_without_the_mirror(workplace, capsys):
    stage.main(["--mirror", str(workplace), "--record"])
    recounted = written()
    assert "recounted from the mirror" in capsys.readouterr().out
    shutil.rmtree(stage.RESULTS)
    stage.main([])
    assert "tracked counts, no mirror here" in capsys.readouterr().out
    assert written() == recounted
    assert set(recounted) == {
        "changes.csv",
        "correlations.csv",
        "findings.csv",
        "mirror_counts.json",
        "numbers.csv",
        "quoted.csv",
        "rates.csv",
        "unparsed.csv",
        "verdicts.csv",
    }


def test_tracked_counts_that_differ_are_refused(workplace):
    with pytest.raises(DataError, match="the mirror gives"):
        stage.main(["--mirror", str(workplace)])
    assert not stage.RESULTS.exists()


def test_the_environment_names_the_mirror(workplace, monkeypatch):
    monkeypatch.setenv("UPSTREAM_MIRROR", str(workplace))
    with pytest.raises(DataError, match="the mirror gives"):
        stage.main([])


def test_a_mirror_that_is_not_there_is_refused(workplace, tmp_path):
    with pytest.raises(DataError, match="is not a folder"):
        stage.main(["--mirror", str(tmp_path / "nowhere")])


def test_recording_needs_a_mirror(workplace):
    with pytest.raises(DataError, match="--record needs"):
        stage.main(["--record"])


def test_broken_figures_are_named(workplace):
    (stage.REPORTED / "mirror_counts.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"mirror_counts\.json is not JSON"):
        stage.main([])
    (stage.REPORTED / "quoted.csv").unlink()
    with pytest.raises(DataError, match=r"quoted\.csv is missing"):
        stage.main([])


def test_tracked_counts_hold_numbers_only():
    """No word of the study's data stands in the counts."""
    counts = json.loads((REPORTED / "mirror_counts.json").read_text(encoding="utf-8"))
    assert all(isinstance(value, int | float) for value in counting.leaves(counts).values())
