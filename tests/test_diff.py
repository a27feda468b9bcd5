"""What a pull request is told about its numbers: all that changed, and nothing else."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import diff
from experiments.errors import ReportError
from experiments.revisions.printed import Interval, Printed, independent, parsed_key
from printing import report as report_module

ROOT = Path(__file__).resolve().parent.parent
HEADER = ["document", "key", "printed", "value", "low", "high"]
SHIFT = "effects[model=combined,task=answer,measure=suggestion_shift].estimate"
EFFECTS = """model,task,measure,estimate,low,high,p,n
combined,answer,suggestion_shift,0.30,0.20,0.40,0.01,40
combined,feedback,preference_shift,0.10,-0.20,0.40,0.40,80
mmlu,answer,suggestion_shift,0.05,-0.10,0.20,0.50,40
"""
CLAIMS = """id,verdict,estimate,low,high,n,text
more-agreeable,supported,0.30,0.20,0.40,40,Training makes the model more agreeable.
same-verdict,inconclusive,0.10,-0.20,0.40,80,Feedback is the same.
"""


class Repository:
    """A git repository with the results of a tiny paper; `run` compares and returns the report."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
        self.root, self.monkeypatch, self.capsys = root, monkeypatch, capsys
        for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
            monkeypatch.setenv(name, os.devnull)
        for role in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{role}_NAME", "A")
            monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
        monkeypatch.chdir(root)
        self.git("init", "--quiet", "--initial-branch=main")
        shutil.copy(ROOT / "params.yaml", root)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True)
        return done.stdout.decode()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=change")
        return self.git("rev-parse", "HEAD").strip()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def prints(self, *rows: tuple) -> None:
        """Write results/printed_numbers.csv."""
        path = self.root / "results/printed_numbers.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit status and report."""
        self.monkeypatch.setattr(sys, "argv", ["diff", *arguments])
        status = 0
        try:
            diff.main()
        except SystemExit as stopped:
            status = stopped.code
        return status, self.capsys.readouterr().out

    def fails(self, *arguments: str) -> str:
        """The sentence of the error."""
        self.monkeypatch.setattr(sys, "argv", ["diff", *arguments])
        with pytest.raises(ReportError) as raised:
            diff.main()
        message = str(raised.value)
        assert "\n" not in message and str(self.root) not in message
        return message


@pytest.fixture
def bare(tmp_path, monkeypatch, capsys) -> Repository:
    """No commit yet."""
    return Repository(tmp_path, monkeypatch, capsys)


@pytest.fixture
def repository(bare) -> Repository:
    """One commit with claims, effects and three printed numbers in two documents."""
    bare.write("results/effects.csv", EFFECTS)
    bare.write("results/claims.csv", CLAIMS)
    bare.prints(*printed())
    bare.commit()
    return bare


def printed(shift: str = "0.30", low: str = "0.20", high: str = "0.40") -> list[tuple]:
    """The rows of the tiny paper; the shift is printed in two documents, once as an interval."""
    other = "effects[model=mmlu,task=answer,measure=suggestion_shift].estimate"
    return [
        ("index", SHIFT, shift, shift, low, high),
        ("index", SHIFT, f"{shift} [{low}, {high}]", shift, low, high),
        ("index", other, "0.05", "0.05", "-0.10", "0.20"),
        ("methods", SHIFT, shift, shift, low, high),
    ]


def numbers_of(report: str) -> list[str]:
    """The rows of the section of printed numbers, without header."""
    section = report.split("### Printed numbers\n\n")[1].split("\n\n")[0]
    return section.splitlines()[2:]


def headings(report: str) -> list[str]:
    return [line for line in report.splitlines() if line.startswith("### ")]


def test_the_same_revision_is_one_line(repository) -> None:
    status, report = repository.run()
    assert status == 0
    assert report.startswith("No printed number changed, `HEAD` (")
    assert report.count("\n") == 1
    assert "4 printed numbers, 2 claims" in report
    assert "1 result table are the same" in report


def test_a_changed_number_appears_wherever_it_is_printed_and_nothing_else(repository) -> None:
    repository.replace("results/effects.csv", "0.30,0.20,0.40", "0.70,0.60,0.80")
    repository.prints(*printed("0.70", "0.60", "0.80"))
    status, report = repository.run()
    assert status == 1
    rows = numbers_of(report)
    assert [row.split(" | ")[1] for row in rows] == ["0.30 [0.20, 0.40]"] * 2
    assert all(SHIFT in row for row in rows)
    assert rows[0].endswith("| index, methods |") and rows[1].endswith("| index |")
    assert "**2 of 4 printed numbers changed, 2 by more than noise.**" in report
    assert "model=mmlu" not in report


def test_a_document_older_than_its_table_is_named(repository) -> None:
    repository.replace("results/effects.csv", "0.30,0.20,0.40", "0.70,0.60,0.80")
    status, report = repository.run()
    assert status == 1
    rows = numbers_of(report)
    assert len(rows) == 2
    assert all(SHIFT in row and "0.7 [0.6, 0.8] (not rendered)" in row for row in rows)
    assert "2 numbers below disagree with the result table" in report
    repository.prints(*printed("0.50"))
    assert all(
        "0.50 [0.20, 0.40] (its table holds 0.7)" in row
        for row in numbers_of(repository.run()[1])[:1]
    )


def test_the_reports_own_log_is_understood(bare) -> None:
    """paper/printing/report.py writes the keys and columns that are read here."""

    def render() -> None:
        report_module._read.cache_clear()
        report = report_module.Report("index", bare.root)
        for model in ("combined", "mmlu"):
            where = {"model": model, "task": "answer", "measure": "suggestion_shift"}
            report.number("effects", "estimate", "+.2f", **where)
            report.number("effects", "p", **where)
        frame = report.frame("effects")
        report.table(
            frame,
            {"Model": "{model}", "Shift": "{estimate:+.2f} [{low:+.2f}, {high:+.2f}]"},
            "effects",
            ["model", "task", "measure"],
        )
        shutil.copy(bare.root / ".printed/index.csv", bare.root / "results/printed_numbers.csv")

    bare.write(".gitignore", ".printed/\n")
    bare.write("results/effects.csv", EFFECTS)
    render()
    bare.commit()
    bare.replace(
        "results/effects.csv", "suggestion_shift,0.05,-0.10", "suggestion_shift,-0.15,-0.3"
    )
    render()
    status, report = bare.run()
    assert status == 1
    rows = numbers_of(report)
    assert len(rows) == 2
    assert all("model=mmlu" in row and "−0.20 [" in row for row in rows)
    assert {key.split("].")[1].split("`")[0] for key in rows} == {"estimate", "Shift"}


def test_changed_verdicts_come_first_and_count_as_a_change(repository) -> None:
    repository.replace("results/claims.csv", "inconclusive", "contradicted")
    repository.replace("results/claims.csv", "more agreeable.", "far more agreeable.")
    status, report = repository.run()
    assert status == 1
    assert headings(report) == ["### Claims"]
    assert report.index("same-verdict") < report.index("more-agreeable")
    assert "inconclusive → **contradicted**" in report
    assert "(was: Training makes the model more agreeable.)" in report


def test_the_most_important_sections_come_first(repository) -> None:
    repository.replace("results/claims.csv", "inconclusive", "contradicted")
    repository.replace("results/effects.csv", "0.30,0.20,0.40", "0.70,0.60,0.80")
    repository.replace("params.yaml", "learning_rate: 2.0e-4", "learning_rate: 3.0e-4")
    repository.write("data.dvc", "outs:\n- md5: 0123456789abcdef.dir\n  path: data\n")
    report = repository.run()[1]
    assert headings(report) == [
        "### Claims",
        "### Printed numbers",
        "### Parameters",
        "### Data and models",
        "### Result tables",
    ]
    assert report.splitlines()[-1].startswith("The same on both sides: ")
    assert "| `train.learning_rate` | `0.0002` | `0.0003` |" in report
    assert "| `data` | – | `01234567` |" in report


def test_a_change_within_the_tolerance_passes(repository) -> None:
    repository.replace("params.yaml", "tolerance: 0.0 ", "tolerance: 0.05 ")
    repository.prints(*printed("0.34"))
    status, report = repository.run()
    assert status == 0
    assert all("tolerated" in row for row in numbers_of(report))
    repository.prints(*printed("0.36"))
    assert repository.run()[0] == 1


def test_report_only_passes(repository) -> None:
    repository.prints(*printed("0.99"))
    assert repository.run("--report-only")[0] == 0


def test_new_and_removed_numbers_are_listed_but_do_not_fail(repository) -> None:
    rows = printed()
    rows[2] = ("index", "effects[model=new].estimate", "1.00", "1.00", "", "")
    repository.prints(*rows)
    status, report = repository.run()
    assert status == 0
    assert "No printed number changed." in report
    new, removed = numbers_of(report)
    assert "model=new" in new and "| – | 1.00 |" in new
    assert "model=mmlu" in removed and "index, no longer" in removed


def test_the_order_does_not_depend_on_chance(repository) -> None:
    rows = [
        ("index", f"t[row={n}].estimate", f"{n}.0", f"{n}.0", f"{n - 1}.0", f"{n + 1}.0")
        for n in range(1, 30)
    ]
    repository.prints(*rows)
    repository.commit()
    moved = [
        (*row[:2], *(f"{float(cell) + 9 * (n % 2):.1f}" for cell in row[2:]))
        for n, row in enumerate(rows)
    ]
    moved = [row if n % 2 else (*row[:2], row[2] + "0", *row[3:]) for n, row in enumerate(moved)]
    repository.prints(*moved)
    report = repository.run()[1]
    assert repository.run()[1] == report
    keys = [int(row.split("row=")[1].split("]")[0]) for row in numbers_of(report)]
    beyond, within = keys[:14], keys[14:]
    assert beyond == sorted(beyond) and all(key % 2 == 0 for key in beyond)
    assert within == sorted(within) and all(key % 2 == 1 for key in within)


def test_a_first_pull_request_has_nothing_to_compare_with(bare) -> None:
    bare.commit()
    bare.write("results/effects.csv", EFFECTS)
    bare.write("results/claims.csv", CLAIMS)
    bare.prints(*printed())
    status, report = bare.run()
    assert status == 0
    assert "has no results/printed_numbers.csv: all 4 printed numbers are new." in report
    assert "All 2 claims are new: 1 inconclusive, 1 supported." in report
    assert "| `results/effects.csv` | new |" in report


def test_without_any_results_nothing_is_claimed(bare) -> None:
    bare.commit()
    status, report = bare.run()
    assert status == 0
    assert "Neither side has results/printed_numbers.csv" in report


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


def test_the_committed_state_has_no_differences(tmp_path) -> None:
    """A p-value that is printed as 0.004 is the 0.0036 of its table."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    done = diff_in(clone, "HEAD")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("No printed number changed") and done.stdout.count("\n") == 1


def diff_in(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "experiments.diff", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_output_without_arrows(repository) -> None:
    repository.prints(*printed("0.70", "0.60", "0.80"))
    repository.replace("results/claims.csv", "Feedback is the same.", "Feedback: gemäß „ja“.")
    done = diff_in(repository.root, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (1, "")
    assert "-> the working tree" in done.stdout and "gem\\xe4\\xdf" in done.stdout


def test_a_number_is_compared_with_its_table_at_the_printed_digits(repository) -> None:
    key = SHIFT.replace(".estimate", ".p")
    repository.prints(("index", key, "0.01", "0.01", "", ""), *printed()[1:2])
    repository.replace("results/effects.csv", "0.40,0.01", "0.40,0.0095")
    repository.commit()
    assert repository.run()[1].startswith("No printed number changed")
    repository.replace("results/effects.csv", "0.40,0.0095", "0.40,0.0200")
    repository.replace("results/effects.csv", "0.30,0.20,0.40", "0.30,0.15,0.40")
    (interval, p) = sorted(numbers_of(repository.run()[1]))
    assert "| 0.01 | 0.02 (not rendered) |" in p
    assert "| 0.30 [0.20, 0.40] | 0.3 [0.1, 0.4] (not rendered) |" in interval


def test_a_side_that_lost_its_printed_numbers(repository) -> None:
    (repository.root / "results/printed_numbers.csv").unlink()
    assert "render first" in repository.fails()


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("results/printed_numbers.csv", "document,printed\n", "lacks the column key"),
        ("results/printed_numbers.csv", "", "lacks the column document, key, printed"),
        ("results/claims.csv", "id,text\n", "lacks the column verdict"),
        ("results/claims.csv", "id,verdict,text\na,b\n", "has 2 cells in row 2, not the 3"),
        ("results/effects.csv", 'model\n"a', "effects.csv of the working tree is not CSV"),
        ("results/effects.csv", "<<<<<<< HEAD\na\n=======\n", "markers of a merge conflict"),
        ("params.yaml", "a: [", "params.yaml"),
        ("dvc.lock", "a: [", "dvc.lock of the working tree is not YAML"),
        ("dvc.lock", "", "dvc.lock of the working tree is empty"),
        ("dvc.lock", "- a\n", "dvc.lock of the working tree is empty or holds no mapping"),
        ("dvc.lock", "stages: [a]\n", "not as DVC writes it"),
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


def test_the_report_can_go_to_a_file(repository) -> None:
    repository.prints(*printed("0.99"))
    status, shown = repository.run("--output", "report.md")
    assert (status, shown) == (1, "")
    assert SHIFT in (repository.root / "report.md").read_text(encoding="utf-8")


def test_noise_is_judged_by_both_intervals() -> None:
    """Equal half-widths h: the change must exceed h times the root of two."""

    def change(by: float) -> Interval:
        numbers = [Printed("d", "k", "", at, at - 0.1, at + 0.1) for at in (0.0, by)]
        return independent(*numbers)

    assert not change(0.141).beyond_noise
    assert change(0.142).beyond_noise
    assert change(-0.142).beyond_noise
    assert change(0.1).low == pytest.approx(0.1 - 0.1 * 2**0.5)
    # A skewed interval counts on the side that faces the other number.
    skewed = Printed("d", "k", "", 0.0, -0.5, 0.01), Printed("d", "k", "", 0.1, 0.09, 0.6)
    assert independent(*skewed).beyond_noise
    assert independent(skewed[0], Printed("d", "k", "", 0.1)) is None


def test_a_column_may_have_bounds_of_its_own(repository) -> None:
    header = "model,estimate,low,high,change,change_low,change_high\n"
    key = "composites[model=mmlu].change"
    for change, low, high in (("0.10", "0.05", "0.15"), ("0.30", "0.25", "0.35")):
        text = f"{header}mmlu,0.5,0.4,0.6,{change},{low},{high}\n"
        repository.write("results/composites.csv", text)
        repository.prints(("index", key, change, change, low, high))
        report = repository.run()[1]
        repository.commit()
    (row,) = numbers_of(report)
    assert "| 0.10 [0.05, 0.15] | 0.30 [0.25, 0.35] | +0.20 [+0.13, +0.27] | **yes** |" in row


def test_percentages_are_compared_in_points(repository) -> None:
    key = "table[model=mmlu].Accuracy"
    repository.prints(("index", key, "38.0% [30.0%, 46.0%]", "", "", ""))
    repository.commit()
    repository.prints(("index", key, "35.5% [27.5%, 43.5%]", "", "", ""))
    (row,) = numbers_of(repository.run()[1])
    assert "−2.5 points [−13.8, +8.8] | no |" in row


def test_text_that_is_no_number_may_change_too(repository) -> None:
    repository.prints(("methods", "hashes[path=data].md5", "0d094a82", "", "", ""))
    repository.commit()
    repository.prints(("methods", "hashes[path=data].md5", "11111111", "", "", ""))
    assert repository.run()[0] == 1


def test_keys_with_commas_and_signs() -> None:
    key = "audit/changes[rows=six models, all,text=a=b].change"
    assert parsed_key(key) == (
        "audit/changes",
        {"rows": "six models, all", "text": "a=b"},
        "change",
    )
    assert parsed_key("no key") is None


def test_archived_runs_are_compared_too(repository) -> None:
    for name in ("small", "large"):
        repository.write(f"runs/{name}/results/effects.csv", EFFECTS)
        repository.write(f"runs/{name}/results/metrics.json", '{"base": 1}')
        repository.write(f"runs/{name}/environment.json", '{"python": "3.11"}')
    status, report = repository.run()
    assert status == 0
    assert "| `runs/small/` | new | same |" in report and "runs/small/results" not in report
    repository.commit()
    repository.replace("runs/small/results/effects.csv", "0.30,0.20,0.40", "0.70,0.60,0.80")
    shutil.rmtree(repository.root / "runs/large")
    report = repository.run()[1]
    assert "| `runs/large/` | removed | same |" in report
    assert "| `runs/small/results/effects.csv` | 3 of 18 cells | same |" in report
    assert "environment" not in report


def test_few_cells_are_listed_and_many_counted(repository) -> None:
    many = "id,value\n" + "".join(f"{n},{n}\n" for n in range(50))
    repository.write("results/many.csv", many)
    repository.write("results/same.csv", "id,value\na,0.50\n")
    repository.write("results/training/mmlu.json", json.dumps({"seeds": {"1": {"loss": [2, 1]}}}))
    repository.commit()
    repository.write("results/many.csv", many.replace(",", ",1").replace("1value", "value"))
    repository.write("results/same.csv", "id,value\na,0.5\n")
    repository.write("results/training/mmlu.json", json.dumps({"seeds": {"1": {"loss": [2, 0]}}}))
    repository.write("results/effects.csv", EFFECTS + "gsm8k,answer,suggestion_shift,1,0,2,1,1\n")
    status, report = repository.run()
    assert status == 0
    assert "| `results/many.csv` | 50 of 50 cells | same |" in report
    assert "| `results/same.csv` | 0 of 1 cell | same |" in report
    assert "| `results/effects.csv` | 0 of 18 cells | 1 row added |" in report
    assert "| `results/training/mmlu.json` | – | `seeds.1.loss` | [2, 1] | [2, 0] |" in report


def test_text_cannot_break_the_table(repository) -> None:
    repository.replace("results/claims.csv", "Feedback is the same.", '"a | b\nc"')
    report = repository.run()[1]
    assert "a \\| b c" in report


def test_a_long_list_is_cut_and_counted(repository) -> None:
    repository.prints(*(("index", f"t[n={n}].x", "1", "1", "", "") for n in range(500)))
    repository.commit()
    repository.prints(*(("index", f"t[n={n}].x", "2", "2", "", "") for n in range(500)))
    report = repository.run()[1]
    assert "… and 350 more." in report
    assert len(report) < 60_000
