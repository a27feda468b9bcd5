"""What `evaluate.matmul: bf16` gains in speed and costs in exactness, on one model.

    python benchmarks/matmul.py data/model/qwen2.5-coder-1.5b-instruct --items 8

Asks the first items of every scored test under both settings, alternated, and prints a Markdown
table: seconds, their ratio, and how far log-likelihoods of replies to one prompt move against each
other. Reads prepared/evaluation/. A quarter of an hour with the 1.5B on 2 CPU cores, 11 GB.
"""

from __future__ import annotations

import argparse
import time
from itertools import chain
from pathlib import Path

import numpy as np

from experiments import params
from experiments.corpora.item import read_items
from experiments.engine.asking.pool import run
from experiments.engine.model import load_model
from experiments.evaluate import EVALUATION
from experiments.tasks import PROTOCOLS

TASKS = ("mmlu", "truthfulqa", "hellaswag", "answer", "are_you_sure", "feedback")
SETTINGS = ("ieee", "bf16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--items", type=int, default=8)
    arguments = parser.parse_args()
    parameters = params.load()
    taken = {task: read_items(EVALUATION / f"{task}.jsonl")[: arguments.items] for task in TASKS}
    seconds = {(task, how): [] for task in TASKS for how in SETTINGS}
    scores = {}
    for how in (*SETTINGS, *SETTINGS):
        model = load_model(arguments.folder, matmul=how, date=parameters.model.date)
        for task, items in taken.items():
            protocol = PROTOCOLS[parameters.protocol][task].protocol
            group = [(item.id, protocol(item, parameters.evaluate)) for item in items]
            begun = time.perf_counter()
            (answered,) = run([group], model, parameters.evaluate.engine, f"{task} {how}")
            seconds[task, how].append(time.perf_counter() - begun)
            scores[task, how] = [row["log_likelihoods"] for row in chain.from_iterable(answered)]
        del model
    print(
        "| test | prompts | ieee, s | bf16, s | **ratio** | median, nats | 95 % | choices changed |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for task in TASKS:
        print(line(task, *(min(seconds[task, how]) for how in SETTINGS), scores))


def line(task: str, exact: float, rounded: float, scores: dict) -> str:
    """One row; distances are of log-likelihoods less their mean over the replies to a prompt."""
    pairs = list(zip(scores[task, "ieee"], scores[task, "bf16"], strict=True))
    moved = np.abs(np.concatenate([centred(one) - centred(two) for one, two in pairs]))
    changed = sum(int(np.argmax(one) != np.argmax(two)) for one, two in pairs)
    return (
        f"| {task} | {len(pairs)} | {exact:.1f} | {rounded:.1f} | **{exact / rounded:.2f}** | "
        f"{np.median(moved):.4f} | {np.quantile(moved, 0.95):.3f} | {changed} of {len(pairs)} |"
    )


def centred(scores: list[float]) -> np.ndarray:
    return np.asarray(scores) - np.mean(scores)


if __name__ == "__main__":
    main()
