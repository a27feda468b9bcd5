"""Which texts are the same but for wording: exact and near duplicates by word 3-grams.

Two items are near duplicates when the Jaccard similarity of their sets of word 3-grams reaches a
threshold (Lee et al. 2022, section 4.2, estimate the same quantity by MinHash; these corpora are
small enough to compute it exactly through an inverted index).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from experiments.corpora.item import Item


def words(text: str) -> list[str]:
    """Lower-case words and numbers, without punctuation."""
    return re.findall(r"\w+", text.lower())


def shingles(item: Item, size: int = 3) -> frozenset[tuple[str, ...]]:
    """The item's word 3-grams over question and options; shorter texts are one shingle."""
    listed = words(" ".join((item.question, *sorted(item.options))))
    count = max(1, len(listed) - size + 1)
    return frozenset(tuple(listed[start : start + size]) for start in range(count))


def similar_pairs(
    items: Sequence[Item], others: Sequence[Item], threshold: float
) -> Iterator[tuple[int, int, float]]:
    """(index in items, index in others, similarity) of every pair at or above the threshold."""
    index: dict[tuple[str, ...], list[int]] = defaultdict(list)
    grams = [shingles(item) for item in others]
    for number, gram_set in enumerate(grams):
        for gram in gram_set:
            index[gram].append(number)
    for number, item in enumerate(items):
        own = shingles(item)
        shared = Counter(other for gram in own for other in index.get(gram, ()))
        for other, count in sorted(shared.items()):
            similarity = count / (len(own) + len(grams[other]) - count)
            if similarity >= threshold:
                yield number, other, similarity


def join_clusters(
    items: Sequence[Item], threshold: float, *, by_question: bool = False
) -> list[Item]:
    """Items with clusters merged wherever two of their members are near duplicates.

    `by_question` also merges those that ask the same question with other options. A merged
    cluster takes the name of its first member in the given order.
    """
    parent = {item.cluster: item.cluster for item in items}

    def root(cluster: str) -> str:
        while parent[cluster] != cluster:
            parent[cluster] = parent[parent[cluster]]
            cluster = parent[cluster]
        return cluster

    rank = {cluster: number for number, cluster in enumerate(parent)}
    asked: dict[tuple[str, ...], int] = {}
    pairs = [(left, right) for left, right, _ in similar_pairs(items, items, threshold)]
    if by_question:
        pairs += [(asked.setdefault(tuple(words(x.question)), n), n) for n, x in enumerate(items)]
    for left, right in pairs:
        first, second = sorted(
            (root(items[left].cluster), root(items[right].cluster)), key=rank.__getitem__
        )
        parent[second] = first
    return [replace(item, cluster=root(item.cluster)) for item in items]
