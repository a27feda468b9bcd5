"""The bytes of an evaluation are the same whatever happened to it: kills, a full disk, company."""

import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from experiments import errors
from experiments.corpora.item import write_items
from experiments.models.fetching import fetch_model
from experiments.params import Model
from tests.engine import tiny
from tests.items import of_every_task

ROOT = Path(__file__).resolve().parents[1]
FILES = ["outcomes.jsonl", "transcripts.jsonl"]
FOLDER = Path("outcomes/base")
# The stage's own entry; then what it knew of the processes it ran in.
LAUNCHED = """
from experiments import evaluate, processes

evaluate.main()
print(f"process {processes.rank()} of {processes.state().num_processes}\\n", end="")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tiny model and two items per test, asked in groups of two or more."""
    folder = tmp_path_factory.mktemp("project")
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["model"] = {"name": "./own"}
    content["evaluate"] |= {"items_per_group": 2, "gsm8k_max_tokens": 8}
    content["evaluate"]["transcripts"] = {"items": 1, "max_tokens": 8}
    content["evaluate"]["engine"] |= {"cache_gib": 0.01, "generation_slots": 3, "threads": 1}
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    language_model = tiny.language_model("llama")
    language_model.model.save_pretrained(folder / "own")
    language_model.tokenizer.save_pretrained(folder / "own")
    fetch_model(Model(str(folder / "own")), folder / "data/model/own")
    for task, listed in of_every_task(2).items():
        write_items(folder / f"prepared/evaluation/{task}.jsonl", listed)
    (folder / "launched.py").write_text(LAUNCHED, encoding="utf-8")
    return folder


def evaluate(project: Path, log: Path, file_size: int | None = None) -> None:
    """The stage, in a process of its own; `file_size` is what a full disk would take."""
    from experiments import evaluate

    os.chdir(project)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
    sys.argv = ["evaluate", "base"]
    errors.run_stage(evaluate.main)


@pytest.fixture(scope="module")
def start(project: Path):
    """Start the stage in a process that has its modules already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["experiments.evaluate", "experiments.engine.asking.pool", "experiments.engine.model"]
    )
    started = []

    def start(name: str = "log", **how: int) -> multiprocessing.Process:
        process = context.Process(target=evaluate, args=(project, project / name), kwargs=how)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


def written(project: Path) -> dict[str, bytes]:
    """What a run that came to its end wrote; nothing of it stays."""
    folder = project / FOLDER
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(found) == FILES
    shutil.rmtree(folder)
    return found


@pytest.fixture(scope="module")
def alone(project: Path, start) -> dict[str, bytes]:
    """What a run writes that nothing happened to."""
    process = start()
    process.join()
    assert process.exitcode == 0, (project / "log").read_text()
    return written(project)


def groups(project: Path) -> int:
    """How many groups an unfinished run has finished."""
    return len(list((project / FOLDER).glob("group-*.partial")))


@pytest.mark.parametrize("seed", range(4))
def test_kills_at_drawn_moments_change_no_byte(
    project: Path, start, alone: dict[str, bytes], seed: int
) -> None:
    """Two kills and an end; each is at a drawn number of groups, and a little later."""
    draw = random.Random(seed)
    for kind in draw.sample([signal.SIGKILL, signal.SIGTERM, signal.SIGINT], 2):
        until = draw.randint(min(groups(project), 6), 6)  # of 7, all of which may be there
        process = start()
        while groups(project) < until and process.is_alive():
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.05))
        with suppress(ProcessLookupError):  # it was faster
            os.kill(process.pid, kind)
        process.join()
    process = start()
    process.join()
    assert process.exitcode == 0, (project / "log").read_text()
    assert written(project) == alone


@pytest.mark.parametrize("file_size", [300, 3000, 9000])
def test_a_full_disk_changes_no_byte(
    project: Path, start, alone: dict[str, bytes], file_size: int
) -> None:
    """It is full at the first group, at a later one, and at the outcomes."""
    process = start(file_size=file_size)
    process.join()
    printed = (project / "log").read_text()
    assert process.exitcode == 1 and "Traceback" not in printed
    assert "File too large" in printed
    process = start()
    process.join()
    assert process.exitcode == 0
    assert written(project) == alone


def test_a_second_evaluation_is_refused_and_changes_no_byte(
    project: Path, start, alone: dict[str, bytes]
) -> None:
    first = start()
    while not groups(project):
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGSTOP)
    second = start("second")
    second.join()
    os.kill(first.pid, signal.SIGCONT)
    first.join()
    assert (first.exitcode, second.exitcode) == (0, 1)
    assert "OutcomeError: another process evaluates base" in (project / "second").read_text()
    assert written(project) == alone


def test_two_processes_write_what_one_writes(project: Path, alone: dict[str, bytes]) -> None:
    configuration = ["--config_file", str(ROOT / "launch/ddp.yaml"), "--main_process_port", "0"]
    finished = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *configuration, "launched.py", "base"],
        cwd=project,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "process 0 of 2" in finished.stdout and "process 1 of 2" in finished.stdout
    assert written(project) == alone
