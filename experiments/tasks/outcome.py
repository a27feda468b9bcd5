"""From a protocol's replies to outcome rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from experiments.corpora.item import Item


def outcome(item: Item, task: str, arm: str, order: int, **fields: object) -> dict:
    """One row: who was asked what, in which arm and option order, and what came of it."""
    identity = {"task": task, "id": item.id, "cluster": item.cluster, "arm": arm, "order": order}
    return identity | fields


def best(scores: Iterable[float]) -> int:
    """Index of the highest score; the first of equals."""
    return int(np.argmax(list(scores)))
