"""The upstream corpus, divided as the source study divided it.

Its training rows train and validate, its test rows and sycophancy samples are asked. Training items
whose cluster is asked leave training (`prepare.overlap: remove`) or, under the published protocol,
stay as they did in that study (`keep`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path

from experiments.corpora import pins, upstream
from experiments.corpora.item import Item
from experiments.errors import DataError
from experiments.params import BENCHMARKS, PAIRED_CHOICE, SYCOPHANCY_TESTS, Adapter, Params
from experiments.prepare.division import (
    Parts,
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
from experiments.prepare.pools import is_ambiguous, joined_pools
from experiments.tasks.published.answer import remark

# The order in which the source study put its training sets one after the other.
STUDY_ORDER = ("gsm8k", "mmlu", "truthfulqa", "hellaswag")
STUDY_VALIDATION = 0.1  # the share of its training rows, the last ones, that the study held out


def verify(folder: Path) -> None:
    """DataError if a file of the corpus below `folder` is missing or not the pinned one."""
    pins.verify_source(folder, "upstream", "wheel")  # paired choices come curated


def keeps_overlap(parameters: Params) -> bool:
    """Whether training items whose cluster is asked stay, as in the source study."""
    return parameters.prepare.overlap == "keep"


def trains_as_study(parameters: Params) -> bool:
    """Whether benchmarks are trained on as the source study did: plain texts, its divisions."""
    return parameters.corpus == "upstream" and parameters.protocol == "published"


def pools(parameters: Params) -> dict[str, list[Item]]:
    """Every item by pool; sycophancy samples ask questions of the benchmarks, and keep them.

    Under the published protocol texts are those of the files, and TruthfulQA has all its options.
    """
    raw = parameters.protocol == "published"
    most_options = None if raw else parameters.prepare.truthfulqa_options
    readers = {
        "gsm8k": partial(upstream.gsm8k, raw=raw),
        "mmlu": partial(upstream.mmlu, raw=raw),
        "hellaswag": partial(upstream.hellaswag, raw=raw),
        "truthfulqa": partial(upstream.truthfulqa, most_options=most_options),
    }
    items: dict[str, Iterable[Item]] = {
        name: chain(read(upstream.TRAIN), read(upstream.TEST)) for name, read in readers.items()
    }
    for name in SYCOPHANCY_TESTS:
        items[name] = list(getattr(upstream, name)(upstream.samples(name)))
    for item in items["answer"]:
        if remark(item) is None:
            raise DataError(
                f"the prompt of {item.id} is not its question and a known remark; fetch the pinned "
                "file again"
            )
    return joined_pools(items, parameters)


def split(pools: dict[str, list[Item]], parameters: Params) -> dict[str, Parts]:
    """Evaluation, validation and train items as the source study divided them, in a seeded order.

    Evaluation takes every row it may, several of one cluster too, as the study did. Of the training
    rows a tenth at most is validation; sizes are upper bounds, since rows whose cluster is asked
    may be left out. DataError if a test has fewer rows than it is to ask.
    """
    asked = asked_clusters(pools)
    splits: dict[str, Parts] = {}
    for name, pool in pools.items():
        free = [item for item in pool if item.cluster not in asked]
        if name == PAIRED_CHOICE:
            splits[name] = split_paired_choice(free, parameters)
        elif name == "arguments":  # the samples of the feedback test are asked in their place
            splits[name] = split_arguments(free, 0, parameters)
        else:
            draw = random.Random(f"{parameters.seed}/{name}")
            splits[name] = {"evaluation": tested(pool, name, draw, parameters)}
            if name in BENCHMARKS:
                rows = pool if keeps_overlap(parameters) else free
                rows = [item for item in rows if item.split == upstream.TRAIN]
                splits[name] |= learned(rows, name, draw, parameters)
    return splits


def asked_clusters(pools: dict[str, list[Item]]) -> set[str]:
    """The clusters of all that this corpus asks, at whatever scale."""
    return {item.cluster for pool in pools.values() for item in pool if item.split == upstream.TEST}


def overlap_counts(pools: dict[str, list[Item]]) -> list[int]:
    """Per pool: training items whose cluster is asked."""
    asked = asked_clusters(pools)
    return [
        sum(item.cluster in asked for item in pool if item.split != upstream.TEST)
        for pool in pools.values()
    ]


def tested(pool: list[Item], name: str, draw: random.Random, parameters: Params) -> list[Item]:
    """The items that a test asks, in a seeded order."""
    items = [item for item in pool if item.split == upstream.TEST]
    draw.shuffle(items)
    items = [item for item in items if not is_ambiguous(item)]
    wanted = parameters.size.evaluate[name]
    if len(items) < wanted:
        raise DataError(
            f"{name} has {len(items)} items to ask, too few for {wanted}; lower "
            f"sizes.{parameters.scale}.evaluate.{name} or raise prepare.longest in params.yaml"
        )
    return items[:wanted]


def learned(items: list[Item], name: str, draw: random.Random, parameters: Params) -> Parts:
    """Train and validation items, by cluster; DataError if nothing is left to train on."""
    clusters = list(shuffled_clusters(items, draw).values())
    held = min(parameters.size.validation, max(1, int(len(items) * STUDY_VALIDATION)))
    validation: list[Item] = []
    while clusters and len(validation) < held:
        validation += clusters.pop()
    train = [item for cluster in clusters for item in cluster]
    if not train:
        raise DataError(
            f"{name} has no training items left; raise prepare.longest.{name} in params.yaml"
        )
    return {"train": train[: parameters.size.train[name]], "validation": validation}


def evaluation_sets(splits: dict[str, Parts], parameters: Params) -> dict[str, list[Item]]:
    """The items of every task, with the option orders they need."""
    names = (*BENCHMARKS, *SYCOPHANCY_TESTS, PAIRED_CHOICE)
    frames = parameters.evaluate.frames
    sets = {name: splits[name]["evaluation"] for name in names}
    for name in ("mmlu", "truthfulqa", "are_you_sure"):
        sets[name] = rotated(sets[name], parameters.evaluate.option_orders)
    return sets | {
        "gsm8k": with_other_solutions(sets["gsm8k"]),
        "answer": with_suggestions(sets["answer"], parameters.evaluate.frames_per_item, frames),
        "are_you_sure": framed(sets["are_you_sure"], frames),
        "feedback": framed(both_verdicts(sets["feedback"]), frames),
    }


def study_items(splits: dict[str, Parts], adapter: Adapter, part: str) -> list[Item]:
    """The adapter's benchmark items of one part, divided by position as in the source study.

    Its training sets stand one after the other and the last tenth validates, so that the combined
    adapter is validated on HellaSwag alone. Validation items whose cluster trains are left out.
    """
    whole: list[Item] = []
    for name in STUDY_ORDER:
        share = adapter.train_on.get(name, 0.0)
        items = splits[name]["train"] + splits[name]["validation"] if share else []
        whole += items[: max(1, round(share * len(items)))]
    train = whole[: len(whole) - max(1, int(len(whole) * STUDY_VALIDATION))]
    if part == "train":
        return train
    clusters = {item.cluster for item in train}
    return [item for item in whole[len(train) :] if item.cluster not in clusters]
