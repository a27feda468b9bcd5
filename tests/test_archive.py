"""Keeping a run: what is written, what is refused, and that a run is written whole or not at all.

The repository under test is that of tests/test_pipeline.py, whose dvc.lock DVC itself wrote.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from experiments import archive as stage
from experiments import stale
from experiments.archive import archive
from experiments.errors import ArchiveError
from experiments.pipeline import LastRun
from experiments.tables import OF_RUN
from tests.test_pipeline import ADAPTERS, Pipeline, finished, git, pipeline  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")


@pytest.fixture
def repository(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A repository whose pipeline has run, with few adapters and made-up tables."""
    # fewer adapters than analyze.correlate names
    monkeypatch.setattr(stage.params, "load", lambda path: None)
    shutil.copy(ROOT / "pyproject.toml", pipeline.root)
    git(pipeline.root, "add", "--all")
    git(pipeline.root, "commit", "--quiet", "--message=project")
    return pipeline.root


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_run_is_its_tables_parameters_and_environment(repository: Path) -> None:
    folder = archive(repository, "pocket")
    written = content(folder)
    assert folder == repository / "runs/pocket"
    assert set(written) == {
        "params.yaml", "environment.json", "claims.yaml", "results/outcomes.parquet",
        *(f"results/{table}.csv" for table in OF_RUN),
    }  # fmt: skip
    assert written["params.yaml"] == (repository / "params.yaml").read_bytes()
    assert written["claims.yaml"] == (repository / "paper/claims.yaml").read_bytes()
    for table in OF_RUN:
        assert written[f"results/{table}.csv"] == (repository / f"results/{table}.csv").read_bytes()


def test_the_environment_names_code_packages_and_hashes_and_no_machine(repository: Path) -> None:
    text = (archive(repository, "pocket") / "environment.json").read_text()
    found = json.loads(text)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert found["code"] == {"commit": head, "clean": True}
    assert {"torch", "transformers", "dvc"} <= set(found["packages"])
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    runs = stale.last_runs(repository)
    for name in ADAPTERS:
        path, md5 = next(iter(runs[f"train@{name}"].written.items()))
        assert found["md5"][path] == md5
        assert f"outcomes/{name}" in found["md5"]
    assert any(path.startswith("data") for path in found["md5"])
    for secret in (str(repository), socket.gethostname(), str(Path.home()), sys.prefix):
        assert secret not in text


def test_the_same_run_is_archived_to_the_same_bytes(repository: Path) -> None:
    first = content(archive(repository, "pocket"))
    shutil.rmtree(repository / "runs/pocket")
    assert content(archive(repository, "pocket")) == first
    assert content(archive(repository, "pocket", force=True)) == first


@pytest.mark.parametrize(
    "name", ["", "Pocket", "1a", "-a", "a_b", "a b", "a/b", "../a", "a..b", "results", "é", "a\n"]
)
def test_a_name_that_is_no_folder_name_is_refused(repository: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match="cannot name a run") as raised:
        archive(repository, name)
    assert "\n" not in str(raised.value)


def test_a_run_is_replaced_only_when_asked(repository: Path) -> None:
    folder = archive(repository, "pocket")
    (folder / "stray.txt").write_text("of an older run")
    with pytest.raises(ArchiveError, match=r"runs/pocket/ is there already; .* --force"):
        archive(repository, "pocket")
    assert (folder / "stray.txt").exists()
    archive(repository, "pocket", force=True)
    assert not (folder / "stray.txt").exists()
    assert not list(repository.glob("runs/*.partial"))


@pytest.mark.parametrize(
    ("key", "value", "stage_name"),
    [
        ("train.learning_rate", 1e-5, "train@mmlu"),
        ("adapters.mmlu.epochs", 7, "prepare"),
        ("analyze.confidence", 0.9, "analyze"),
        ("scale", "full", "prepare"),
    ],
)
def test_results_of_other_parameters_are_refused(
    repository: Path,
    pipeline: Pipeline,  # noqa: F811
    key: str,
    value: object,
    stage_name: str,
) -> None:
    pipeline.set(key, value)
    with pytest.raises(
        ArchiveError, match=rf"is not what {stage_name} ran with\); run `dvc repro`"
    ):
        archive(repository, "pocket")
    assert not (repository / "runs/pocket").exists()


def test_a_parameter_that_no_result_rests_on_does_not_matter(
    repository: Path,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    pipeline.set("diff.tolerance", 0.5)
    archive(repository, "pocket")


def test_a_small_number_is_the_same_however_it_is_written(
    repository: Path,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    pipeline.set("train.learning_rate", 0.00001)
    pipeline.run()
    path = repository / "params.yaml"
    path.write_text(path.read_text().replace("learning_rate: 1.0e-05", "learning_rate: 1e-5"))
    assert "learning_rate: 1e-5" in path.read_text()
    assert stale.reason(repository) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("experiments/analyze.py", r"experiments/analyze\.py is not what analyze read"),
        (
            "experiments/engine/asking/content.txt",
            "experiments/engine/asking is not what curate read",
        ),
        ("paper/claims.yaml", r"paper/claims\.yaml is not what analyze read"),
        ("results/effects.csv", r"results/effects\.csv is not what analyze wrote"),
        ("results/training/mmlu.json", r"results/training/mmlu\.json is not what train@mmlu wrote"),
        ("outcomes/mmlu/content.txt", "outcomes/mmlu is not what evaluate@mmlu wrote"),
    ],
)
def test_other_code_or_edited_results_are_refused(repository: Path, path: str, reason: str) -> None:
    with (repository / path).open("a") as file:
        file.write(" ")
    with pytest.raises(ArchiveError, match=rf"{reason}\); run `dvc repro` first"):
        archive(repository, "pocket")


def test_what_is_not_of_the_run_may_change(repository: Path) -> None:
    for name in ("experiments/audit/content.txt", "paper/index.qmd", "experiments/render.py"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("another")
    compiled = repository / "experiments/engine/__pycache__/model.pyc"
    compiled.parent.mkdir()
    compiled.write_text("compiled")
    archive(repository, "pocket")


def test_a_fresh_clone_without_models_and_outcomes_can_be_archived(repository: Path) -> None:
    for folder in ("data", "curated", "prepared", "adapters", "outcomes"):
        shutil.rmtree(repository / folder)
    archive(repository, "pocket")


def test_models_that_another_machine_kept_need_not_be_in_the_cache(repository: Path) -> None:
    """Trained on a node whose disk is gone: the lock has their hashes, and no one the files."""
    kept = content(archive(repository, "pocket"))
    for folder in ("data", "curated", "prepared", "adapters", "outcomes", ".dvc/cache"):
        shutil.rmtree(repository / folder)
    assert content(archive(repository, "pocket", force=True)) == kept


def test_a_run_names_the_machine_that_trained_it(
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["archive", "--describe"])
    stage.main()
    there = json.loads(capsys.readouterr().out) | {"accelerator": "Abacus 9", "python": "3.12.0"}
    described = tmp_path / "trained-on.json"
    described.write_text(stage.as_text(there))
    monkeypatch.setattr(sys, "argv", ["archive", "pocket", "--trained-on", str(described)])
    stage.main()
    kept = repository / "runs/pocket"
    found = json.loads((kept / "environment.json").read_text())
    assert {key: found[key] for key in there} == there
    assert found["code"]["clean"] and found["md5"]
    here = json.loads((archive(repository, "here") / "environment.json").read_text())
    assert here["accelerator"] is None and here["python"] != "3.12.0"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"python": "3.12.0"}', None])
def test_what_describes_no_machine_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "trained-on.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ArchiveError, match=r"describes? .* machine; make it there, by `python -m"):
        stage.read_machine(path)


def test_results_that_are_behind_their_models_are_refused(
    repository: Path,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    """Trained again, and nothing after it: the tables are of the earlier adapter."""
    with (repository / "experiments/train.py").open("a") as file:
        file.write(" ")
    with Repo(str(repository)) as repo:
        repo.reproduce([f"train@{name}" for name in ADAPTERS], single_item=True)
    with pytest.raises(ArchiveError, match="adapters/mmlu is not what evaluate@mmlu read"):
        archive(repository, "pocket")
    pipeline.run()
    archive(repository, "pocket")


def test_a_clone_sees_from_the_lock_that_a_stage_has_not_run_since() -> None:
    runs = {
        "train@mmlu": LastRun({}, {"adapters/mmlu": "new"}, {}),
        "evaluate@mmlu": LastRun({"adapters/mmlu": "old"}, {}, {}),
    }
    assert stale.behind(runs) == "evaluate@mmlu has not run since adapters/mmlu changed"
    runs["evaluate@mmlu"].read["adapters/mmlu"] = "new"
    assert stale.behind(runs) is None


def test_a_stage_that_never_ran_is_named(
    repository: Path,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    text = (repository / "dvc.lock").read_text()
    (repository / "dvc.lock").write_text(text.replace("evaluate@mmlu:", "evaluate@another:"))
    assert stale.reason(repository) == "the stage evaluate@mmlu has not run"


@pytest.mark.parametrize(
    "missing", ["results/claims.csv", "results/training.csv", "results/outcomes.parquet"]
)
def test_a_missing_table_is_named(repository: Path, missing: str) -> None:
    (repository / missing).unlink()
    with pytest.raises(ArchiveError, match=rf"{missing} is missing .*run `dvc repro` first"):
        archive(repository, "pocket")


def test_a_failure_on_the_way_leaves_the_earlier_run(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(archive(repository, "pocket"))

    def fails(root: Path, trained_on: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(stage, "environment", fails)
    with pytest.raises(OSError, match="no space"):
        archive(repository, "pocket", force=True)
    with pytest.raises(OSError, match="no space"):
        archive(repository, "another")
    assert content(repository / "runs/pocket") == before
    assert not (repository / "runs/another").exists()
    assert not list(repository.glob("runs/*.partial"))


def test_a_failure_in_the_last_step_puts_the_earlier_run_back(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(archive(repository, "pocket"))
    replace = os.replace

    def fails(path: Path, target: Path) -> None:
        if path.name == "pocket.partial":
            raise OSError("the disk went away")
        replace(path, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="went away"):
        archive(repository, "pocket", force=True)
    assert content(repository / "runs/pocket") == before
    assert not list(repository.glob("runs/*.partial"))


def test_code_that_no_commit_has_is_said(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["archive", "first"])
    stage.main()
    assert capsys.readouterr().out.splitlines() == [
        f"runs/first/ holds {len(OF_RUN)} tables, params.yaml and environment.json. Next: "
        "dvc repro -s replicate render, and commit runs/first/ with what it renders"
    ]
    (repository / "experiments/new.py").write_text("untracked")
    monkeypatch.setattr(sys, "argv", ["archive", "second"])
    stage.main()
    assert "The code is not that of a commit: commit it" in capsys.readouterr().out
    environment = json.loads((repository / "runs/second/environment.json").read_text())
    assert environment["code"]["clean"] is False


def test_results_that_are_not_committed_yet_leave_the_code_clean(repository: Path) -> None:
    (repository / "notes.txt").write_text("untracked, and no code")
    assert stage.code_at_hand(repository)["clean"] is True


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert stage.code_at_hand(tmp_path) == {"commit": None, "clean": None}
    monkeypatch.setenv("PATH", "")
    assert stage.code_at_hand(tmp_path) == {"commit": None, "clean": None}
