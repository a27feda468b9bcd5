"""Compute the study from nothing, and say on the way what is done and how long the rest takes.

    python -m experiments.reproduce             as `make reproduce`
    python -m experiments.reproduce --record    also keep each stage's seconds in launch/
    python -m experiments.reproduce --try       as `make try`: a tiny study in a copy, _try/

Forces every stage of dvc.yaml, in DVC's order. What it costs stands in paper/costs.yaml.
"""

from __future__ import annotations

import argparse
import csv
import logging
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from experiments import costs, files, params, variant
from experiments.errors import PipelineError, run_stage

SECONDS = Path("launch/stage_seconds.csv")  # scale, stage, seconds: for the time that is left
TRY, TRY_ARGUMENTS = Path("_try"), Path("launch/try.args")
PAGE = Path("_site/paper/index.html")
RUNNING = "Running stage '%s':"  # what DVC logs before a stage's command
EXPECTED_NOISE = "is empty"  # results/judge_verdicts.jsonl is, until a judge was asked


def main() -> None:
    """Run everything here, or a tiny study in a copy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--try", action="store_true", dest="tiny")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    if arguments.tiny:
        first_look(arguments.record)
        closing = f"Next, the real thing: make reproduce ({_cost('reproduce')})"
        page = TRY / PAGE
    else:
        scale = params.load().scale
        print(f"The whole study at scale {scale}, every stage anew ({_cost('reproduce')}).")
        whole_study(scale, arguments.record)
        closing = "The numbers that differ from the committed ones stand above, if there are any."
        page = PAGE
    print(f"Done in {_minutes(time.monotonic() - began)}. Open {page}. {closing}")


def first_look(record: bool) -> None:
    """The whole way at a tiny size in _try/, which is made anew; nothing else changes."""
    there = "reusing data/" if variant.DATA.is_dir() else "downloading 180 MB of data and a model"
    print(
        f"A first look in {TRY}/, a copy that you may delete: {there}, then "
        f"from items to the paper with three adapters ({_cost('try')}). Its numbers mean nothing: "
        "a few items per test are asked."
    )
    shutil.rmtree(TRY, ignore_errors=True)
    changes = shlex.split(TRY_ARGUMENTS.read_text(encoding="utf-8"))[1::2]
    project = variant.make(TRY, changes)
    home = Path.cwd()
    os.chdir(project)
    try:
        run_python("experiments.fetch")
        seconds = run_stages(expected_seconds("smoke"))
    finally:
        os.chdir(home)
    if record:
        write_seconds("smoke", seconds)


def whole_study(scale: str, record: bool) -> None:
    """Fetch, run all stages and list the numbers that changed."""
    free = shutil.disk_usage(".").free / 1e9
    print(
        f"{free:.0f} GB of disk are free. A stage replaces its results when it is done; after an "
        "interruption `dvc repro` goes on."
    )
    run_python("experiments.fetch")
    seconds = run_stages(expected_seconds(scale))
    if record:
        write_seconds(scale, seconds)
    run_python("experiments.diff", "HEAD", "--report-only")


def run_python(module: str, *arguments: str) -> None:
    """Run a module of the current folder; PipelineError if it fails."""
    if subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode:
        raise PipelineError(f"{module} failed; its message stands above. Mend that and start again")


def run_stages(expected: dict[str, float]) -> dict[str, float]:
    """Run every stage of the current folder's dvc.yaml; the seconds that each took.

    PipelineError if one fails.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    # the stages' commands begin with `python`
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    logger = logging.getLogger("dvc")
    with Repo() as repo:
        progress = Progress([one.addressing for one in repo.index.stages if one.cmd], expected)
        own, logger.handlers = (logger.level, logger.handlers), [progress]
        logger.setLevel(logging.INFO)
        try:
            repo.reproduce(force=True)
        except DvcException as error:
            raise PipelineError(
                f"{error}; the reason stands above. Mend it, then `dvc repro` goes on from there"
            ) from None
        finally:
            logger.setLevel(own[0])
            logger.handlers = own[1]
    progress.end()
    return progress.seconds


class Progress(logging.Handler):
    """Turns what DVC logs into one line per stage; passes warnings on and drops the rest."""

    def __init__(self, stages: list[str], expected: dict[str, float]) -> None:
        super().__init__()
        self.waiting = dict.fromkeys(stages)
        self.count = len(stages)
        self.expected = expected
        self.seconds: dict[str, float] = {}
        self.running: str | None = None
        self.began = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.msg == RUNNING:
            self.begin(message.split("'")[1])
        elif record.levelno >= logging.WARNING and EXPECTED_NOISE not in message:
            print(message, file=sys.stderr, flush=True)

    def begin(self, stage: str) -> None:
        """One stage ended and the next begins: say which, and what is left."""
        self.end()
        number = self.count - len(self.waiting) + 1
        left = self.left()
        rest = f", about {_minutes(left)} left" if left else ""
        print(f"\nstage {number} of {self.count}: {stage}{rest}", flush=True)
        self.waiting.pop(stage, None)
        self.running, self.began = stage, time.monotonic()

    def end(self) -> None:
        if self.running:
            self.seconds[self.running] = time.monotonic() - self.began
            self.running = None

    def left(self) -> float | None:
        """Seconds for the stages that wait, at this run's pace; None where no times are known."""
        known = [stage for stage in self.seconds if stage in self.expected]
        usual = sum(self.expected[stage] for stage in known)
        pace = sum(self.seconds[stage] for stage in known) / usual if usual else 1.0
        return pace * sum(self.expected.get(stage, 0.0) for stage in self.waiting) or None


def expected_seconds(scale: str) -> dict[str, float]:
    """Seconds per stage as measured once at this scale; empty if never."""
    return {row["stage"]: float(row["seconds"]) for row in _rows() if row["scale"] == scale}


def write_seconds(scale: str, seconds: dict[str, float]) -> None:
    """Keep how long each stage took at this scale, in place of what was kept."""
    rows = [row for row in _rows() if row["scale"] != scale]
    rows += [{"scale": scale, "stage": name, "seconds": f"{s:.0f}"} for name, s in seconds.items()]
    lines = ["scale,stage,seconds", *(",".join(row.values()) for row in rows)]
    files.write_text(SECONDS, "\n".join(lines) + "\n")


def _rows() -> list[dict[str, str]]:
    if not SECONDS.is_file():
        return []
    return list(csv.DictReader(SECONDS.read_text(encoding="utf-8").splitlines()))


def _cost(command: str) -> str:
    """What a make command takes, by paper/costs.yaml."""
    cost = costs.load()["commands"][command]
    return f"{cost['time']} on two CPU cores, {cost['disk']} of disk, {cost['memory']} of memory"


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


if __name__ == "__main__":
    run_stage(main)
