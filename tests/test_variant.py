"""A copy of the checkout with other parameters, which leaves the checkout as it was."""

import shlex
import shutil
from pathlib import Path

import pytest

from experiments import params, variant
from experiments.errors import ParameterError
from tests.working_copy import git

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with uncommitted changes and ignored data, which is the current folder."""
    root = tmp_path / "checkout"
    (root / "data").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", root)
    for name in ("kept.txt", "removed.txt"):
        (root / name).write_text("committed")
    (root / ".gitignore").write_text("/data/\n")
    (root / "data/model").write_text("weights")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=first")
    (root / "kept.txt").write_text("changed")
    (root / "new.txt").write_text("new")
    (root / "removed.txt").unlink()
    monkeypatch.chdir(root)
    return root


def test_a_variant_is_this_checkout_with_other_parameters(checkout: Path) -> None:
    before = git(checkout, "status", "--porcelain"), Path("params.yaml").read_bytes()
    changes = ["scale=smoke", "adapters.mmlu.train_on.mmlu=0.5", "~adapters.paired_sft"]
    project = variant.make(Path("../variant"), changes)
    assert (project / "kept.txt").read_text() == "changed"
    assert (project / "new.txt").read_text() == "new"
    assert not (project / "removed.txt").exists()
    assert (project / "data/model").samefile("data/model")
    assert git(project, "rev-parse", "HEAD") == git(checkout, "rev-parse", "HEAD")
    parameters = params.load(project / "params.yaml")
    assert parameters.scale == "smoke"
    assert parameters.adapters["mmlu"].train_on == {"mmlu": 0.5}
    assert "paired_sft" not in parameters.adapters
    assert "# " in (project / "params.yaml").read_text(encoding="utf-8")  # comments stay
    assert before == (git(checkout, "status", "--porcelain"), Path("params.yaml").read_bytes())


def test_a_project_in_a_subfolder_is_copied_with_its_repository(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "study").mkdir()
    shutil.copy(ROOT / "params.yaml", checkout / "study")
    monkeypatch.chdir(checkout / "study")
    project = variant.make(checkout.parent / "variant", ["scale=smoke"])
    assert project == checkout.parent / "variant/study"
    assert params.load(project / "params.yaml").scale == "smoke"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("scale=tiny", "scale"),
        ("no_such_key=1", "no_such_key"),
        ("train.epochs=", "epochs"),
        ("~adapters.nobody", "nobody"),
    ],
)
def test_a_wrong_change_leaves_nothing_behind(checkout: Path, change: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        variant.make(Path("../variant"), [change])
    assert not Path("../variant").exists()


def test_what_is_there_is_not_overwritten(checkout: Path) -> None:
    with pytest.raises(ParameterError, match="exists already"):
        variant.make(Path("data"), [])
    assert Path("data/model").read_text() == "weights"


def test_outside_of_git_the_reason_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="git repository"):
        variant.make(tmp_path / "variant", [])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "launch").glob("*.args")), ids=lambda path: path.stem
)
def test_every_argument_file_is_valid(path: Path, tmp_path: Path) -> None:
    words = shlex.split(path.read_text(encoding="utf-8"))
    assert words[::2] == ["-S"] * (len(words) // 2) and len(words) % 2 == 0
    target = Path(shutil.copy(ROOT / "params.yaml", tmp_path))
    variant.change_parameters(target, words[1::2])
