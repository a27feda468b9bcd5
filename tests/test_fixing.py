"""Claims that were fixed before a run, and those that were not."""

import shutil
from pathlib import Path

import pytest
import yaml

from experiments.claims import read_claims
from experiments.fixing import unfixed, unfixed_now
from tests.claims import claim
from tests.revisions.repository import Repository


def lock(**outcomes: str) -> str:
    stages = {
        f"evaluate@{name}": {"outs": [{"path": f"outcomes/{name}", "md5": md5}]}
        for name, md5 in outcomes.items()
    }
    return yaml.safe_dump({"schema": "2.0", "stages": stages})


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Repository:
    """Claims fixed in the first commit, with outcomes of the base model and of an earlier run."""
    made = Repository(tmp_path, monkeypatch, capsys)
    write(made)
    made.write("dvc.lock", lock(base="0", mmlu="1", former="3"))
    return made


def write(repository: Repository, fixed: str | None = None, text: str = "It does.") -> None:
    content = {"fixed": fixed, "adapters": ["mmlu"], "families": {"one": {"about": "it"}}}
    content["claims"] = [claim("mmlu", text=text)]
    repository.write("paper/claims.yaml", yaml.safe_dump(content))


def why(repository: Repository) -> str:
    claims = read_claims(repository.root / "paper/claims.yaml")
    return unfixed_now(repository.root, claims, ["mmlu"])


def test_claims_of_an_ancestor_without_the_outcomes_are_fixed(repository: Repository) -> None:
    assert "commit paper/claims.yaml" in why(repository)
    fixed = repository.commit()
    write(repository, fixed)
    assert "outcomes of this run were there" in why(repository)
    # dvc.lock keeps the stages of adapters that params.yaml has no longer
    repository.write("dvc.lock", lock(base="0", mmlu="2", former="3"))
    assert why(repository) == ""
    repository.commit()
    assert why(repository) == ""
    write(repository, fixed, text="It does more.")
    assert "are not those of the commit" in why(repository)


def test_a_commit_that_does_not_count(repository: Repository) -> None:
    write(repository, "0" * 40)
    repository.commit()
    assert "not in this clone: name one" in why(repository)
    repository.git("checkout", "--quiet", "--orphan", "other")
    write(repository, text="Elsewhere.")
    side = repository.commit()
    repository.git("checkout", "--quiet", "main")
    write(repository, side)
    assert "does not descend" in why(repository)


def test_an_archived_run_is_of_its_own_commit(repository: Repository) -> None:
    before = repository.commit()
    fixed = repository.commit()
    write(repository, fixed)
    claims = read_claims(repository.root / "paper/claims.yaml")
    assert "does not descend" in unfixed(repository.root, claims, before, {})
    assert unfixed(repository.root, claims, fixed, {"outcomes/mmlu": "2"}) == ""
    assert "were there" in unfixed(repository.root, claims, fixed, {"outcomes/mmlu": "1"})


def test_a_shallow_clone_and_none(repository: Repository, tmp_path_factory) -> None:
    fixed = repository.commit()
    write(repository, fixed)
    repository.commit()
    clone = tmp_path_factory.mktemp("clone")
    source = f"file://{repository.root.as_posix()}"
    repository.git("clone", "--quiet", "--depth=1", source, str(clone))
    claims = read_claims(clone / "paper/claims.yaml")
    assert "git fetch --unshallow" in unfixed_now(clone, claims, ["mmlu"])
    shutil.rmtree(clone / ".git")
    assert "work in a clone" in unfixed_now(clone, claims, ["mmlu"])
