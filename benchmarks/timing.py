"""What the benchmarks share: workers in processes of their own, run in turn, and their medians."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from experiments.archive import processor


def run_worker(python: Path | str, script: str, worker: str, threads: int, **options) -> dict:
    """What `script --worker WORKER` prints last, as JSON; `options` are its further arguments."""
    flags = {"worker": worker, "threads": threads, **options}
    words = [
        word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", value)
    ]
    done = subprocess.run(
        [str(word) for word in (python, script, *words)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"},
    )
    if done.returncode:
        sys.exit(f"The {worker} worker failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def alternated(repeats: int, *runs: Callable[[], dict]) -> list[list[dict]]:
    """The results of each of `runs`, which take turns, so that a busy minute meets all of them."""
    found: list[list[dict]] = [[] for _ in runs]
    for _ in range(repeats):
        for results, run in zip(found, runs, strict=True):
            results.append(run())
    return found


def median(results: list[dict], name: str) -> float:
    return statistics.median(result[name] for result in results)


def matmul_rate(config) -> float:
    """Floating-point operations a second of this machine on the model's largest layer shape."""
    import torch

    rows, inner, outer = 1024, config.hidden_size, config.intermediate_size
    left, right = torch.randn(rows, inner), torch.randn(outer, inner)
    seconds = []
    for _ in range(50):
        begun = time.perf_counter()
        torch.nn.functional.linear(left, right)
        seconds.append(time.perf_counter() - begun)
    return 2 * rows * inner * outer / statistics.median(seconds)


def machine(threads: int, *packages: str) -> str:
    """Processor, threads and the versions of packages, for the line above a table."""
    versions = (f"{name} {importlib.metadata.version(name)}" for name in packages)
    return f"{processor() or platform.machine()}, {threads} threads; {', '.join(versions)}"
