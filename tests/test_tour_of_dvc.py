"""The recipes of experiments/README.md, on the pipeline of stand-ins: variants and sharing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_pipeline import ADAPTERS, finished  # noqa: F401
from tests.working_copy import git

ROOT = Path(__file__).resolve().parents[1]
TOUR = (ROOT / "experiments/README.md").read_text(encoding="utf-8")
MODELS = [f"outcomes/{name}" for name in ("base", *ADAPTERS)]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")


def dvc(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def documented(command: str) -> list[str]:
    """The words of the command that the tour gives, which begins so."""
    line = re.search(rf"^{re.escape(command)}[^#\n]*", TOUR, re.MULTILINE)
    assert line, f"experiments/README.md has no {command}"
    return line[0].split()[1:]


@pytest.fixture(scope="module")
def root(finished: Path) -> Path:  # noqa: F811
    """The finished repository, with data/ tracked by DVC as data.dvc does."""
    dvc(finished, "add", "--quiet", "data")
    dvc(finished, "repro", "--quiet", "--force")
    git(finished, "add", "--all")
    git(finished, "commit", "--quiet", "--message=data")
    return finished


def test_an_experiment_leaves_the_checkout_as_it_was(root: Path) -> None:
    before = {
        path: path.read_bytes()
        for path in [*root.glob("results/**/*"), root / "params.yaml", root / "dvc.lock"]
        if path.is_file()
    }
    change = ["-S", "adapters.paired_sft.epochs=3"]
    said = dvc(root, *documented("$ dvc exp run --temp")[1:-4], "-n", "three", *change)
    assert "train@paired_sft" in said and "Running stage 'train@mmlu'" not in said
    assert {path: path.read_bytes() for path in before} == before
    changed = dvc(root, "params", "diff", "HEAD", "three")
    assert "adapters.paired_sft.epochs" in changed
    assert "results/training/paired_sft.json" in dvc(root, "metrics", "diff", "HEAD", "three")


def test_adapters_and_outcomes_are_shared_through_a_folder(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = tmp_path_factory.mktemp("shared")
    add = [*documented("dvc remote add")[:-1], str(shared)]
    dvc(root, *add)
    dvc(root, *documented("dvc push"))
    other = tmp_path_factory.mktemp("clone") / "clone"
    git(root, "clone", "--quiet", str(root), str(other))
    dvc(other, *add)
    dvc(other, *documented("dvc pull train"))
    for place in [*MODELS, *(f"adapters/{name}" for name in ADAPTERS)]:
        assert (other / place / "content.txt").read_bytes() == (
            root / place / "content.txt"
        ).read_bytes()
    assert not (other / "data").exists()
    dvc(root, "push")
    dvc(other, "pull")
    assert "Data and pipelines are up to date." in dvc(other, "repro")
