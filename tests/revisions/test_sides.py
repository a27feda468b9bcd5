"""Which two sides are compared, and what is said where one cannot be read."""

import shutil
import subprocess
import sys

import pytest

from experiments import diff
from experiments.errors import ReportError
from tests.revisions.repository import CLAIMS, EFFECTS, ROOT, SHIFT, diff_in, numbers_of, printed


def test_the_committed_state_has_no_differences(tmp_path) -> None:
    """A p-value that is printed as 0.004 is the 0.0036 of its table."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    done = diff_in(clone, "HEAD")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("No printed number changed") and done.stdout.count("\n") == 1


def test_the_same_revision_is_one_line(repository) -> None:
    status, report = repository.run()
    assert status == 0
    assert report.startswith("No printed number changed, `HEAD` (")
    assert report.count("\n") == 1
    assert "4 printed numbers, 2 claims" in report
    assert "1 result table are the same" in report


def test_main_may_have_moved_on(repository) -> None:
    """As in a pull request, what main did since is not this branch's doing."""
    repository.git("checkout", "--quiet", "-b", "feature")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.prints(*printed("0.80", "0.70", "0.90"))
    repository.commit()
    repository.git("checkout", "--quiet", "feature")
    status, report = repository.run("main")
    assert status == 0 and report.startswith("No printed number changed")
    assert "where this left `main`, which has moved on" in report
    assert repository.run("main", "--head", "feature")[0] == 0
    assert repository.run("main...feature")[0] == 0
    status, report = repository.run("main..feature")
    assert status == 1 and "| 0.80 [0.70, 0.90] | 0.30 [0.20, 0.40] |" in report
    status, report = repository.run("feature", "--head", "main")
    assert "| 0.30 [0.20, 0.40] | 0.80 [0.70, 0.90]" in report


def test_an_experiment_is_known_by_its_name(repository) -> None:
    parent = repository.git("rev-parse", "HEAD").strip()
    repository.prints(*printed("0.80", "0.70", "0.90"))
    experiment = repository.commit()
    repository.git("update-ref", f"refs/exps/{parent[:2]}/{parent[2:]}/robed-knit", experiment)
    repository.git("reset", "--quiet", "--hard", parent)
    status, report = repository.run("HEAD", "--head", "robed-knit")
    assert status == 1 and f"→ `robed-knit` ({experiment[:7]})" in report


def test_an_unknown_revision(repository) -> None:
    message = repository.fails("no-such-branch")
    assert "there is no revision 'no-such-branch'" in message and "git fetch" in message
    assert "'gone'" in repository.fails("HEAD", "--head", "gone")
    assert "names both sides" in repository.fails("HEAD..HEAD", "--head", "HEAD")


def test_outside_a_repository(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["diff"])
    shutil.copy(ROOT / "params.yaml", tmp_path)
    with pytest.raises(ReportError, match="not a git repository"):
        diff.main()


def test_a_clone_of_another_user_is_refused_in_gits_own_words(repository) -> None:
    repository.monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    repository.monkeypatch.setattr(sys, "argv", ["diff"])
    with pytest.raises(ReportError, match=r"git config --global --add safe\.directory"):
        diff.main()


def test_a_paper_in_a_folder_of_a_larger_repository(repository) -> None:
    inner = repository.root / "papers/one"
    inner.mkdir(parents=True)
    repository.git("mv", "results", "params.yaml", "papers/one")
    repository.commit()
    repository.root = inner
    repository.monkeypatch.chdir(inner)
    assert repository.run()[1].startswith("No printed number changed")
    repository.prints(*printed("0.70", "0.60", "0.80"))
    assert repository.run()[0] == 1 and len(numbers_of(repository.run()[1])) == 2


def test_a_shallow_clone_without_the_parting_commit(repository) -> None:
    """What main has gained since is not reported as this branch's."""
    repository.git("checkout", "--quiet", "-b", "feature")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.prints(*printed("0.80", "0.70", "0.90"))
    repository.commit()
    address = f"file://{repository.root}"
    clone = ("clone", "--quiet", "--depth=1", "--no-single-branch", "--branch=feature")
    repository.git(*clone, address, "clone")
    repository.monkeypatch.chdir(repository.root / "clone")
    message = repository.fails("origin/main")
    assert "shallow" in message and "git fetch --unshallow" in message
    status, report = repository.run("origin/main..feature")  # asked for, and said to be so
    assert status == 1 and "0.80 [0.70, 0.90] | 0.30" in report


def test_a_first_pull_request_has_nothing_to_compare_with(bare) -> None:
    bare.commit()
    bare.write("results/effects.csv", EFFECTS)
    bare.write("results/claims.csv", CLAIMS)
    bare.prints(*printed())
    status, report = bare.run()
    assert status == 0
    assert "has no results/printed_numbers.csv: all 4 printed numbers are new." in report
    assert "| new: supported | 0.30 [0.20, 0.40] | 40 |" in report
    assert "| `results/effects.csv` | new |" in report


def test_without_any_results_nothing_is_claimed(bare) -> None:
    bare.commit()
    status, report = bare.run()
    assert status == 0
    assert "Neither side has results/printed_numbers.csv" in report


def test_a_side_that_lost_its_printed_numbers(repository) -> None:
    (repository.root / "results/printed_numbers.csv").unlink()
    assert "render first" in repository.fails()


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("results/printed_numbers.csv", "document,printed\n", "lacks the column key"),
        ("results/printed_numbers.csv", "", "printed_numbers.csv of the working tree is empty"),
        ("results/claims.csv", "id,text\n", "lacks the column verdict"),
        ("results/claims.csv", "id,verdict,text\na,b\n", "line 2, has 2 cells and the header 3"),
        ("results/effects.csv", 'model\n"a', "effects.csv of the working tree, line 2"),
        (
            "results/effects.csv",
            "<<<<<<< HEAD\na\n=======\n",
            "is a mark of a merge conflict",
        ),
        ("params.yaml", "a: [", "params.yaml"),
        ("dvc.lock", "a: [", "dvc.lock of the working tree is missing or malformed (is not YAML"),
        ("dvc.lock", "", "dvc.lock of the working tree is missing or malformed"),
        ("dvc.lock", "- a\n", "dvc.lock of the working tree is missing or malformed"),
        ("dvc.lock", "stages: [a]\n", "dvc.lock of the working tree is missing or malformed"),
        ("results/training/mmlu.json", "{", "mmlu.json of the working tree is not JSON"),
    ],
)
def test_malformed_files_are_named(repository, path: str, text: str, said: str) -> None:
    repository.write("results/training/mmlu.json", "{}")
    repository.commit()
    repository.write(path, text)
    assert said in repository.fails()


def test_a_file_that_is_no_text_is_named(repository) -> None:
    (repository.root / "results/effects.csv").write_bytes(b"model\n\xff\xfe\n")
    assert "effects.csv of the working tree is not UTF-8; restore it" in repository.fails()
    repository.commit()
    repository.git("checkout", "--quiet", "HEAD~1", "--", "results")
    assert "compare with another revision" in repository.fails()


def test_the_report_can_go_to_a_file(repository) -> None:
    repository.prints(*printed("0.99"))
    status, shown = repository.run("--output", "report.md")
    assert (status, shown) == (1, "")
    assert SHIFT in (repository.root / "report.md").read_text(encoding="utf-8")


def test_an_output_without_arrows(repository) -> None:
    repository.prints(*printed("0.70", "0.60", "0.80"))
    repository.replace("results/claims.csv", "Feedback is the same.", "Feedback: gemäß „ja“.")
    done = diff_in(repository.root, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (1, "")
    assert "-> the working tree" in done.stdout and "gem\\xe4\\xdf" in done.stdout
