"""All items of a corpus by pool, those which are too long left out, near duplicates in one cluster.

A pool is what is divided between training and tests: a benchmark, a sycophancy test of the upstream
corpus, the authored arguments, or the curated paired choices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path

from experiments.corpora import authored
from experiments.corpora.duplicates import join_clusters
from experiments.corpora.item import Item, read_items
from experiments.params import Params

CURATED = Path("curated/paired_choice.jsonl")
# The pool whose limit of length a sycophancy test of the upstream corpus shares.
LIMITED_AS = {"answer": "truthfulqa", "are_you_sure": "truthfulqa", "feedback": "arguments"}


def joined_pools(
    benchmarks: Mapping[str, Iterable[Item]], parameters: Params
) -> dict[str, list[Item]]:
    """The items of every pool, clusters joined across all of them where texts are alike."""
    sources = dict(benchmarks) | {
        "arguments": authored.arguments(),
        "paired_choice": read_items(CURATED),
    }
    kept = [
        item
        for name, items in sources.items()
        for item in items
        if length(item) <= longest(name, parameters)
    ]
    joined = join_clusters(kept, parameters.prepare.near_duplicate, by_question=True)
    return {name: [item for item in joined if item.benchmark == name] for name in sources}


def longest(name: str, parameters: Params) -> float:
    """The most characters an item of a pool may have; no limit if prepare.longest is null."""
    limits = parameters.prepare.longest
    return inf if limits is None else limits[LIMITED_AS.get(name, name)]


def length(item: Item) -> int:
    """Characters of everything that is shown or scored."""
    return len(item.question) + sum(map(len, item.options)) + len(item.solution)


def is_ambiguous(item: Item) -> bool:
    """Whether the right option's text stands twice, so that a right answer may count as wrong."""
    texts = [" ".join(option.split()) for option in item.options]
    return bool(texts) and texts.count(texts[item.gold]) > 1
