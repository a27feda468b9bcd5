"""Whole outcomes of every test under the controlled protocol, drawn at random from names."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from experiments.tasks import answer, are_you_sure, feedback
from experiments.tasks.frames import FRAMES

ITEMS = 4
ARMS = {
    "answer": answer.ARMS,
    "are_you_sure": are_you_sure.ARMS,
    "feedback": feedback.ARMS,
}
OPTIONS = {"mmlu": 4, "hellaswag": 4, "truthfulqa": 4, "are_you_sure": 4}
ORDERS = {"mmlu": 4, "truthfulqa": 4, "are_you_sure": 4, "feedback": 2, "paired_choice": 2}


def rows_of(model: str, seed: int, tests: Iterable[str]) -> list[dict]:
    """Outcome rows of one model and training seed, as evaluate writes them."""
    stamp = {"protocol": "controlled", "model": model, "seed": seed}
    return [
        stamp | _row(model, seed, task, number, arm, order)
        for task in tests
        for number in range(ITEMS)
        for arm in ARMS.get(task, ("neutral",))
        for order in range(ORDERS.get(task, 1))
    ]


def _row(model: str, seed: int, task: str, number: int, arm: str, order: int) -> dict:
    draw = random.Random(f"{model} {seed} {task} {number} {arm} {order}")
    count, name = OPTIONS.get(task, 2), f"{task}/{number}"
    scores = [round(-3 * draw.random(), 6) for _ in range(count)]
    choice, gold = scores.index(max(scores)), number % count
    row = {
        "task": task, "id": name, "cluster": name, "arm": arm, "order": order,
        "frame": (number + order) % FRAMES if task in ARMS else 0,
        "mass": round(draw.random(), 6), "log_likelihoods": scores,
    }  # fmt: skip
    if task in ("gsm8k", "answer"):
        row["right"] = draw.random() < 0.5
    else:
        row |= {"choice": choice, "gold": gold}
    if task == "answer":
        row["token_counts"] = [draw.randrange(1, 9) for _ in range(count)]
    if task == "gsm8k":
        row |= {"text": f"= {number}", "finish": "end", "parsed": number > 0}
    if task in ORDERS:
        row |= {"position": (choice - order) % count, "gold_position": (gold - order) % count}
    if task == "are_you_sure":
        first = random.Random(f"{model} {seed} {number} {order}").randrange(count)
        row |= {"first": first, "first_log_likelihoods": scores[::-1]}
    if task == "paired_choice":
        split = ("easy", "hard")[number % 2]
        row |= {"split": split, "authors_position": (number + order) % 2}
    return row


def write(
    folder: Path, parameters, spoil: Callable[[list[dict]], object] = lambda rows: None
) -> None:
    """outcomes/MODEL/*.jsonl of every model; `spoil` changes the last model's outcomes in place."""
    for model in parameters.models:
        tests = parameters.tests(model)
        rows = [row for seed in parameters.seeds(model) for row in rows_of(model, seed, tests)]
        if model == parameters.models[-1]:
            spoil(rows)
        (folder / model).mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / model / "outcomes.jsonl").write_text(lines, encoding="utf-8")
        (folder / model / "transcripts.jsonl").touch()
