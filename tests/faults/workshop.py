"""A whole small run with a tiny model, whose stages can be broken and run again in a moment.

Stages run in forks of one process that has loaded what they import: a run costs its work and not
its imports.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import runpy
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.working_copy import copy_working_tree

ADAPTERS = ("truthfulqa", "mmlu", "anti_sycophancy")
STAGES = (
    "curate", "prepare", *(f"train {name}" for name in ADAPTERS),
    *(f"evaluate {name}" for name in ("base", *ADAPTERS)), "analyze", "audit",
)  # fmt: skip
LONGEST = {"gsm8k": 200, "mmlu": 100, "hellaswag": 190}  # few items, so that prepare is quick
MODEL = "tiny"


@dataclass(frozen=True)
class Ended:
    """How a stage ended: its exit status (negative: the signal), and all it printed."""

    status: int
    output: str
    seconds: float


class Workshop:
    """A folder with the small run, made once; `restore` brings it back after a fault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        self.kept = folder / "kept"

    def build(self) -> dict[str, float]:
        """Make the run; seconds by stage. AssertionError if a stage fails."""
        copy_working_tree(self.folder)
        for name in ("results", "outcomes", "runs"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree("data/pocket", self.folder / "data/pocket")
        (self.folder / "results").mkdir()
        (self.folder / "results/judge_verdicts.jsonl").touch()
        save_tiny_model(self.folder / MODEL)
        self.shrink()
        seconds = {}
        for stage in ("fetch", *STAGES):
            ended = self.run(stage)
            assert ended.status == 0, f"{stage}: {ended.output[-3000:]}"
            seconds[stage] = ended.seconds
        shutil.copytree(self.folder, self.kept, symlinks=True)
        return seconds

    def shrink(self) -> None:
        """Parameters of a run that takes seconds."""
        path = self.folder / "params.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content["scale"] = "smoke"
        content["model"] = {"name": f"./{MODEL}", "revision": None}
        content["adapters"] = {
            name: content["adapters"][name] | {"control": None, "evaluate_on": None}
            for name in ADAPTERS
        }
        content["analyze"] |= {"correlate": [*ADAPTERS], "resamples": 100}
        content["prepare"]["longest"] |= LONGEST
        sizes = content["sizes"]["smoke"]
        sizes["evaluate"] = {task: min(count, 4) for task, count in sizes["evaluate"].items()}
        sizes["train"] = {name: min(count, 4) for name, count in sizes["train"].items()}
        sizes["validation"] = 1
        content["evaluate"] |= {"gsm8k_max_tokens": 8, "option_orders": 2}
        content["evaluate"]["transcripts"] = {"items": 1, "max_tokens": 6}
        content["evaluate"]["engine"]["threads"] = 1
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def run(
        self,
        command: str,
        *,
        limit: float = 120,
        kill: tuple[float, int] | None = None,
        largest_file: int | None = None,
    ) -> Ended:
        """Run `python -m experiments.COMMAND` in a fork.

        `kill` sends a signal after so many seconds; `largest_file` stands for a full disk, in bytes
        per file. After `limit` seconds the stage is ended by SIGKILL, as a hang.
        """
        # a pipe, which no limit on files concerns
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            in_child(self.folder, writing, command, largest_file)
        os.close(writing)
        status, output = None, b""
        while status is None:
            output += waiting_in(reading)
            found, code = os.waitpid(child, os.WNOHANG)
            passed = time.monotonic() - started
            if found:
                status = os.waitstatus_to_exitcode(code)
            elif kill and passed > kill[0]:
                os.kill(child, kill[1])
                kill = None
            elif passed > limit:
                os.kill(child, signal.SIGKILL)
                limit = float("inf")
            else:
                time.sleep(0.005)
        output += waiting_in(reading)
        os.close(reading)
        return Ended(status, output.decode("utf-8", "replace"), time.monotonic() - started)

    def forget(self, path: Path) -> None:
        """Remove a file or folder of the run."""
        remove(path)

    def digests(self, *folders: str) -> dict[str, str]:
        """sha256 of every file below these folders of the run."""
        return digests(self.folder, folders)

    def wanted(self, *folders: str) -> dict[str, str]:
        """The same of the run as it was made."""
        return digests(self.kept, folders)

    def restore(self, *folders: str) -> None:
        """Put these files or folders back as they were made."""
        for name in folders:
            remove(self.folder / name)
            source = self.kept / name
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, self.folder / name, symlinks=True)
            elif source.exists():
                shutil.copy(source, self.folder / name)


def in_child(folder: Path, output: int, command: str, largest_file: int | None) -> None:
    """The fork: becomes the stage, and never returns."""
    status = 70
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        os.chdir(folder)
        if largest_file is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        module, *arguments = command.split()
        sys.argv = [module, *arguments]
        for name in (f"experiments.{module}", f"experiments.{module}.__main__"):
            sys.modules.pop(name, None)
        status = exit_status(lambda: runpy.run_module(f"experiments.{module}", None, "__main__"))
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # it is being closed
                stream.flush()
        os._exit(status)


def waiting_in(pipe: int) -> bytes:
    """What can be read of a pipe without waiting."""
    content = b""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(pipe, 1 << 16):
            content += part
    return content


def exit_status(main: Callable[[], object]) -> int:
    """What the interpreter would exit with, and its words on the error stream."""
    try:
        main()
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        print(left.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def save_tiny_model(folder: Path) -> None:
    """A Llama with random weights and its tokenizer, as safetensors; made in a fork, whose threads
    end with it."""
    child = os.fork()
    if child == 0:
        status = exit_status(lambda: write_tiny_model(folder))
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def write_tiny_model(folder: Path) -> None:
    from tests.engine import tiny

    made = tiny.language_model("llama")
    made.model.config.max_position_embeddings = 4096  # rotary positions need no more weights
    made.model.save_pretrained(folder)
    made.tokenizer.save_pretrained(folder)


def load_modules() -> None:
    """Import in this process what stages import, without computing anything."""
    import bitsandbytes  # noqa: F401
    import datasets  # noqa: F401
    import pandas  # noqa: F401
    import peft  # noqa: F401
    import scipy.stats  # noqa: F401
    import statsmodels.api  # noqa: F401
    import torch
    import transformers.models.llama.modeling_llama  # noqa: F401

    torch.set_num_threads(1)


def digests(folder: Path, below: tuple[str, ...]) -> dict[str, str]:
    paths = [
        path
        for name in below
        for path in ((folder / name).rglob("*") if (folder / name).is_dir() else [folder / name])
    ]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
        if path.is_file() and not path.is_symlink()
    }


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
