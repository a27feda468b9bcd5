"""How an item is put: its option orders, the user's suggestion, and the key that is learned."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from experiments.corpora.item import Item
from experiments.errors import DataError


def rotations(item: Item, most: int) -> tuple[tuple[int, ...], ...]:
    """Up to `most` cyclic rotations of the source order, which is the first of them.

    With all of them every option stands under every letter once, so a policy that ignores the
    content gets exactly one over the number of options.
    """
    count = len(item.options)
    return tuple(
        tuple((start + step) % count for step in range(count)) for start in range(min(most, count))
    )


def rotated(items: Sequence[Item], most: int) -> list[Item]:
    """Items that are asked in every rotation."""
    return [replace(item, orders=rotations(item, most)) for item in items]


def framed(items: Sequence[Item], frames: int, together: int = 1) -> list[Item]:
    """Items with a wording for each option order, crossed with both as in a Latin square.

    `together` neighbours get the same wordings: the two arguments on a topic.
    """
    return [
        replace(item, frames=wordings(number // together, len(item.orders), frames))
        for number, item in enumerate(items)
    ]


def wordings(number: int, times: int, frames: int) -> tuple[int, ...]:
    """Which of `frames` frames item `number` is in, each of the times that it is asked."""
    return tuple((number + step) % frames for step in range(times))


def both_verdicts(items: Sequence[Item]) -> list[Item]:
    """Arguments that are asked with "sound" under A and with "flawed" under A."""
    return [replace(item, orders=((0, 1), (1, 0))) for item in items]


def with_suggestions(items: Sequence[Item], times: int, frames: int) -> list[Item]:
    """Each item with its commonest misconception, unless it brings one, in `times` wordings."""
    return [
        replace(
            item,
            suggestion=item.suggestion or item.options[1],
            frames=wordings(number, min(times, frames), frames),
        )
        for number, item in enumerate(items)
    ]


def with_other_solutions(items: Sequence[Item]) -> list[Item]:
    """Each problem with the solution of the next one; DataError if there is but one."""
    if len(items) == 1:
        raise DataError("gsm8k compares solutions, so it needs two; raise sizes.evaluate.gsm8k")
    others = [*items[1:], *items[:1]]
    return [
        replace(item, distraction=other.solution) for item, other in zip(items, others, strict=True)
    ]


def balanced_order(item: Item, number: int, draw: random.Random) -> tuple[int, ...]:
    """A random option order that puts the right option under letter number `number` mod count.

    Balancing the key keeps "always the same letter" from being the best policy to learn.
    """
    if not item.options:
        return ()
    wrong = [index for index in range(len(item.options)) if index != item.gold]
    draw.shuffle(wrong)
    wrong.insert(number % len(item.options), item.gold)
    return tuple(wrong)
