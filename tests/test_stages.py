"""Every stage meets bad input with one sentence, exit status 1 and the results left as they are."""

import errno
import importlib
import importlib.util
import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import errors
from experiments.errors import ReportError, run_stage
from tests.working_copy import copy_parameters

ROOT = Path(__file__).resolve().parents[1]
# The command of every stage, and what it says when nothing but params.yaml is there.
STAGES = {
    "fetch": None,  # it makes what is missing; tests/test_fetch.py
    "curate": r"DataError: data/pocket/\w+.jsonl is missing; run `python -m experiments.fetch`",
    "prepare": r"DataError: data/pocket/\w+.jsonl is missing; run `python -m experiments.fetch`",
    "train mmlu": r"DataError: prepared/train/mmlu.jsonl is missing; run `.*`",
    "train chess": r"ParameterError: there is no adapter 'chess' in params.yaml; it has .*",
    "evaluate base": r"DataError: data/model/.* is missing; run `python -m experiments.fetch`",
    "evaluate mmlu": r"DataError: data/model/.* is missing; run `python -m experiments.fetch`",
    "analyze": r"DataError: paper/claims.yaml is missing; restore it from the repository",
    "reading": None,  # its texts are in the package
    "simulate": None,  # what it reads is in the package
    "audit": r"DataError: paper/reported/.*",
    "replicate": r"DataError: runs/ holds no run of the second protocol; keep the one at hand .*",
    "render": r"RenderError: .*_quarto.yml.*",
    "diff": r"RevisionError: this folder is not a git repository; run from a clone, .*",
    "archive Pocket": r"ArchiveError: 'Pocket' cannot name a run; .*",
}
READ_PARAMETERS = ["fetch", "curate", "prepare", "train mmlu", "evaluate base", "analyze"]
READ_PARAMETERS += ["reading", "simulate", "audit", "replicate"]
EARLIER = {
    "results/effects.csv": "model,estimate\nmmlu,0.5\n",
    "results/audit/findings.csv": "a\n1\n",
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the committed params.yaml and earlier results, and nothing else."""
    copy_parameters(tmp_path)
    for name, content in EARLIER.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def results(folder: Path) -> dict[str, str]:
    """Every file below results/ with its content."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted((folder / "results").rglob("*"))
        if path.is_file()
    }


def in_process(command: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run `python -m experiments.<command>` in this process; returns what it exits with."""
    module, *arguments = command.split()
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    with pytest.raises(SystemExit) as left:
        # a module that was imported before would be run a second time, with a warning
        for name in (f"experiments.{module}", f"experiments.{module}.__main__"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        runpy.run_module(f"experiments.{module}", run_name="__main__")
    return left.value.code


@pytest.mark.parametrize("command", [name for name, sentence in STAGES.items() if sentence])
def test_a_missing_input_is_one_sentence(
    repository: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    text = in_process(command, monkeypatch)
    assert isinstance(text, str) and "\n" not in text
    assert re.fullmatch(STAGES[command], text), text
    assert results(repository) == EARLIER
    left = {path.name for path in repository.iterdir()}
    assert left == {"params.yaml", "results"}


@pytest.mark.parametrize("command", READ_PARAMETERS)
def test_bad_parameters_are_one_sentence(
    repository: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    path = repository / "params.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("resamples:", "resampels:"), encoding="utf-8"
    )
    text = in_process(command, monkeypatch)
    assert text == (
        "ParameterError: params.yaml: analyze.resamples is missing; analyze.resampels is not a "
        "known key; remove it or mend its spelling"
    )
    assert results(repository) == EARLIER


@pytest.mark.parametrize("command", ["prepare", "train mmlu", "evaluate base"])
def test_as_a_command(repository: Path, command: str) -> None:
    """One line on stderr, nothing on stdout, status 1, and torch is not loaded to say so."""
    (repository / "params.yaml").write_text("seed: soon\n", encoding="utf-8")
    blocked = repository / "blocked" / "torch"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise SystemError('torch was loaded')", encoding="utf-8")
    module, *arguments = command.split()
    finished = subprocess.run(
        [sys.executable, "-m", f"experiments.{module}", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{blocked.parent}{os.pathsep}{ROOT}"},
    )
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1
    assert finished.stderr.startswith("ParameterError: params.yaml: ")
    assert "seed: Input should be a valid integer" in finished.stderr
    assert results(repository) == EARLIER


def test_every_stage_of_the_pipeline_is_covered() -> None:
    commands = set(
        re.findall(r"cmd: python -m experiments\.(\w+)", (ROOT / "dvc.yaml").read_text())
    )
    covered = {name.split()[0] for name in STAGES}
    assert commands <= covered
    for name in covered:
        assert importlib.util.find_spec(f"experiments.{name}"), name


class TestRunStage:
    @pytest.mark.parametrize("kind", ReportError.__subclasses__())
    def test_a_failure_the_user_can_mend_is_one_sentence(self, kind: type) -> None:
        def main() -> None:
            raise kind("the cause; the remedy")

        with pytest.raises(SystemExit) as left:
            run_stage(main)
        assert left.value.code == f"{kind.__name__}: the cause; the remedy"

    @pytest.mark.parametrize(
        ("number", "remedy"),
        [
            (errno.ENOSPC, "Free space on the disk and run"),
            (errno.EACCES, "Mend the permissions and run"),
            (errno.EISDIR, "Move away the folder that stands where a file belongs and run"),
            (errno.ENOENT, "Make the folder that is missing, or mend the path and run"),
            (errno.ENAMETOOLONG, "Choose a shorter name and run"),
            (errno.EIO, "Mend what the system names and run"),
        ],
    )
    def test_a_failure_of_the_system_names_what_mends_it(self, number: int, remedy: str) -> None:
        def main() -> None:
            raise OSError(number, os.strerror(number), "results/effects.csv")

        with pytest.raises(SystemExit) as left:
            run_stage(main)
        assert f"{os.strerror(number)}: 'results/effects.csv'. {remedy}" in left.value.code
        assert "\n" not in left.value.code

    def test_a_full_disk_met_by_safetensors_is_one_sentence(self, tmp_path: Path) -> None:
        from safetensors.numpy import save_file

        def main() -> None:
            save_file({}, tmp_path)  # a folder stands where the file belongs

        with pytest.raises(SystemExit, match=r"SafetensorError: .*Move away the folder"):
            run_stage(main)

    def test_a_scheduler_that_ends_the_job_leaves_files_in_order(self) -> None:
        tidied = []

        def main() -> None:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                tidied.append(True)

        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit, match="run the same command again to go on"):
            run_stage(main)
        assert tidied and signal.getsignal(signal.SIGTERM) is before

    def test_an_interruption_of_imports_is_one_sentence(self) -> None:
        code = "import experiments; raise KeyboardInterrupt"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert done.stderr == f"{errors.INTERRUPTED}\n"

    def test_an_interruption_says_how_to_go_on(self) -> None:
        def main() -> None:
            raise KeyboardInterrupt

        with pytest.raises(SystemExit, match="run the same command again to go on"):
            run_stage(main)

    def test_a_mistake_of_ours_keeps_its_traceback(self) -> None:
        def main() -> None:
            raise KeyError("a bug")

        with pytest.raises(KeyError):
            run_stage(main)
