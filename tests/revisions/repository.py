"""A git repository with the results of a tiny paper, to be compared with itself."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import diff
from experiments.errors import ReportError
from tests.working_copy import copy_parameters

ROOT = Path(__file__).resolve().parents[2]
HEADER = ["document", "key", "printed", "value", "low", "high"]
SHIFT = "effects[model=combined,task=answer,measure=toward_error].estimate"
EFFECTS = """model,task,measure,estimate,low,high,p,n
combined,answer,toward_error,0.30,0.20,0.40,0.01,40
combined,feedback,valence,0.10,-0.20,0.40,0.40,80
mmlu,answer,toward_error,0.05,-0.10,0.20,0.50,40
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
        copy_parameters(root)

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
        """Exit status and report, without the spaces that align its tables."""
        self.monkeypatch.setattr(sys, "argv", ["diff", *arguments])
        status = 0
        try:
            diff.main()
        except SystemExit as stopped:
            status = stopped.code
        return status, re.sub(" +", " ", self.capsys.readouterr().out)

    def fails(self, *arguments: str) -> str:
        """The sentence of the error."""
        self.monkeypatch.setattr(sys, "argv", ["diff", *arguments])
        with pytest.raises(ReportError) as raised:
            diff.main()
        message = str(raised.value)
        assert "\n" not in message and str(self.root) not in message
        return message


def printed(shift: str = "0.30", low: str = "0.20", high: str = "0.40") -> list[tuple]:
    """The rows of the tiny paper; the shift is printed in two documents, once as an interval."""
    other = "effects[model=mmlu,task=answer,measure=toward_error].estimate"
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


def diff_in(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "experiments.diff", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
