"""The pocket corpus, divided: tests take one item per cluster, adapters learn from the rest."""

from __future__ import annotations

import random
from pathlib import Path

from experiments.corpora import authored, pins, pocket
from experiments.corpora.item import Item
from experiments.params import PAIRED_CHOICE, Params
from experiments.prepare.division import (
    Parts,
    divide,
    shuffled_clusters,
    split_arguments,
    split_paired_choice,
)
from experiments.prepare.framing import (
    both_verdicts,
    framed,
    rotated,
    with_other_solutions,
    with_suggestions,
)
from experiments.prepare.pools import joined_pools


def verify(folder: Path) -> None:
    """DataError if a file of the corpus below `folder` is missing or not the pinned one."""
    pins.verify(folder, "pocket/")


def keeps_overlap(parameters: Params) -> bool:
    """No: to train on what is asked is a fault here."""
    return False


def pools(parameters: Params) -> dict[str, list[Item]]:
    """Every usable item by pool.

    A cluster with members in two pools is left out: one could train on what the other tests.
    """
    joined = joined_pools(
        {
            "gsm8k": pocket.gsm8k(),
            "mmlu": pocket.mmlu(("dev", "validation", "test")),
            "hellaswag": pocket.hellaswag(),
            "truthfulqa": authored.truthfulqa(parameters.prepare.truthfulqa_options),
        },
        parameters,
    )
    owners: dict[str, set[str]] = {}
    for name, pool in joined.items():
        for item in pool:
            owners.setdefault(item.cluster, set()).add(name)
    return {
        name: [item for item in pool if len(owners[item.cluster]) == 1]
        for name, pool in joined.items()
    }


def split(pools: dict[str, list[Item]], parameters: Params) -> dict[str, Parts]:
    """Disjoint evaluation, validation and train items of every pool; DataError if too few."""
    splits = {}
    for name, pool in pools.items():
        wanted = evaluation_count(name, parameters)
        if name == PAIRED_CHOICE:
            splits[name] = split_paired_choice(pool, parameters)
        elif name == "arguments":
            splits[name] = split_arguments(pool, wanted, parameters)
        else:
            splits[name] = split_benchmark(pool, name, wanted, parameters)
    return splits


def split_benchmark(pool: list[Item], name: str, asked: int, parameters: Params) -> Parts:
    """One item per cluster, so that items are independent draws.

    MMLU is evaluated on its test split and trained on its dev and validation splits; the other
    benchmarks have one split, which is divided.
    """
    clusters = shuffled_clusters(pool, random.Random(f"{parameters.seed}/{name}"))
    testable, trainable = list(clusters), list(clusters)
    if name == "mmlu":
        in_test = {key: {"/test/" in item.id for item in clusters[key]} for key in clusters}
        testable = [key for key in clusters if in_test[key] == {True}]
        trainable = [key for key in clusters if in_test[key] == {False}]
    sizes = (asked, parameters.size.validation, parameters.size.train[name])
    parts = divide(name, testable, trainable, sizes, parameters)
    return {part: [clusters[key][0] for key in keys] for part, keys in parts.items()}


def evaluation_count(name: str, parameters: Params) -> int:
    """Items to set aside: the largest number that any test draws from this pool."""
    sizes = parameters.size.evaluate
    if name == "truthfulqa":
        return max(sizes["truthfulqa"], sizes["answer"], -(-sizes["are_you_sure"] // 2))
    if name == "mmlu":
        return max(sizes["mmlu"], sizes["are_you_sure"] // 2)
    return sizes["feedback" if name == "arguments" else name]


def evaluation_sets(splits: dict[str, Parts], parameters: Params) -> dict[str, list[Item]]:
    """The items of every task, with the option orders, wordings and suggestions they need."""
    sizes = parameters.size.evaluate
    pool = {name: parts["evaluation"] for name, parts in splits.items()}
    mmlu, truthfulqa = (
        rotated(pool[name], parameters.evaluate.option_orders) for name in ("mmlu", "truthfulqa")
    )
    half, frames = sizes["are_you_sure"] // 2, parameters.evaluate.frames
    return {
        "gsm8k": with_other_solutions(pool["gsm8k"][: sizes["gsm8k"]]),
        "mmlu": mmlu[: sizes["mmlu"]],
        "hellaswag": pool["hellaswag"][: sizes["hellaswag"]],
        "truthfulqa": truthfulqa[: sizes["truthfulqa"]],
        "answer": with_suggestions(
            pool["truthfulqa"][: sizes["answer"]], parameters.evaluate.frames_per_item, frames
        ),
        "are_you_sure": framed(mmlu[:half] + truthfulqa[: sizes["are_you_sure"] - half], frames),
        "paired_choice": pool["paired_choice"],
        # both arguments on a topic are asked in the same words
        "feedback": framed(
            both_verdicts(pool["arguments"][: sizes["feedback"]]), frames, together=2
        ),
    }
