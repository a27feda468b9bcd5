"""Where the time of scoring and of LoRA training goes, by torch's profiler.

    python benchmarks/where_time_goes.py data/model/smollm2-135m-instruct --matmul ieee bf16

Scores the first items of two tests and trains on the first examples of an adapter, each once before
the clock starts and once under the profiler, and prints a Markdown table: the share of the wall
time in each kind of operation (its own time, without what it calls). Reads prepared/. Two minutes
with 135M parameters on 2 CPU cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.timing import machine
from experiments import params
from experiments.corpora.item import read_items
from experiments.engine.asking.pool import run
from experiments.engine.model import load_model
from experiments.engine.training import tune
from experiments.evaluate import EVALUATION
from experiments.params import Params
from experiments.tasks import PROTOCOLS
from experiments.train import encoded, read

TESTS = ("mmlu", "are_you_sure")
LAYERS, VOCABULARY, ATTENTION = "products of layers", "products with the vocabulary", "attention"
COPIES, REST, OUTSIDE = "copies and roundings", "all other operations", "outside operations"
KINDS = (LAYERS, VOCABULARY, ATTENTION, COPIES, REST, OUTSIDE)
PRODUCTS = {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "mkldnn::_linear_pointwise"}
MOVED = {"aten::copy_", "aten::cat", "aten::index", "aten::index_select", "aten::clone"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--matmul", nargs="+", default=["ieee"], choices=["ieee", "bf16"])
    parser.add_argument("--items", type=int, default=8)
    parser.add_argument("--adapter", default="truthfulqa")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{machine(options.threads, 'torch')}; `{options.folder.name}`\n")
    print(f"| what | seconds | {' | '.join(KINDS)} |\n|---|---{'|---' * len(KINDS)}|")
    for matmul in options.matmul:
        for name, work in jobs(options, params.load(), matmul):
            work()
            print(line(f"{name}, {matmul}", *profiled(work)), flush=True)


def jobs(options, parameters: Params, matmul: str) -> list[tuple[str, Callable[[], object]]]:
    """What is profiled, by name: scoring of every test, then training."""
    model = load_model(options.folder, matmul=matmul, date=parameters.model.date)
    tests = [(task, read_items(EVALUATION / f"{task}.jsonl")[: options.items]) for task in TESTS]

    def score(task: str, items: list) -> object:
        protocol = PROTOCOLS[parameters.protocol][task].protocol
        group = [(item.id, protocol(item, parameters.evaluate)) for item in items]
        return list(run([group], model, parameters.evaluate.engine, task))

    settings = replace(parameters.train, method="lora", matmul=matmul)
    rows = read(Path("prepared/train") / f"{options.adapter}.jsonl")[: 2 * options.items]
    examples = encoded(rows, options.adapter, options.folder, parameters)
    tuned = tune.adapt(tune.load(options.folder, settings), settings, seed=1)
    scoring = [
        (f"scoring {task}", lambda task=task, items=items: score(task, items))
        for task, items in tests
    ]
    return [*scoring, ("training", lambda: tune.tune(tuned, examples, examples[:1], settings, 1))]


def profiled(work: Callable[[], object]) -> tuple[float, dict[str, float]]:
    """Wall seconds of one call, and the seconds that each kind of operation took by itself."""
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as found:
        begun = time.perf_counter()
        work()
        wall = time.perf_counter() - begun
    seconds = dict.fromkeys(KINDS, 0.0)
    for event in found.key_averages(group_by_input_shape=True):
        seconds[kind(event.key, event.input_shapes)] += event.self_cpu_time_total / 1e6
    seconds[OUTSIDE] = max(0.0, wall - sum(seconds.values()))
    return wall, seconds


def kind(operation: str, shapes: list) -> str:
    """What sort of operation it is; a product with a side of over 40,000 is the vocabulary's."""
    if operation in PRODUCTS:
        largest = max(
            (side for shape in shapes for side in shape if isinstance(side, int)), default=0
        )
        return VOCABULARY if largest > 40_000 else LAYERS
    if "attention" in operation or "softmax" in operation:
        return ATTENTION
    return COPIES if operation in MOVED or "to_copy" in operation else REST


def line(name: str, wall: float, seconds: dict[str, float]) -> str:
    shares = " | ".join(f"{100 * seconds[one] / wall:.0f} %" for one in KINDS)
    return f"| {name} | {wall:.1f} | {shares} |"


if __name__ == "__main__":
    main()
