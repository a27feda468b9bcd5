"""From a protocol's replies to outcome rows."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from experiments.corpora.item import Item
from experiments.engine.request import Likelihoods

MASS_DIGITS = 6


def outcome(item: Item, task: str, arm: str, order: int, **fields: object) -> dict:
    """One row: who was asked what, in which arm and option order, and what came of it."""
    identity = {"task": task, "id": item.id, "cluster": item.cluster, "arm": arm, "order": order}
    return identity | {"frame": 0} | fields


def mass(reply: Likelihoods) -> float:
    """How probable it is that one of the offered replies is given; a row without it is not read."""
    return round(min(1.0, math.fsum(map(math.exp, reply.log_likelihoods))), MASS_DIGITS)


def per_token(reply: Likelihoods) -> list[float]:
    """Log-likelihoods divided by the tokens of each continuation (nats per token)."""
    return [
        score / count
        for score, count in zip(reply.log_likelihoods, reply.token_counts, strict=True)
    ]


def best(scores: Iterable[float]) -> int:
    """Index of the highest score; the first of equals."""
    return int(np.argmax(list(scores)))
