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


def verdicts_in_turn(items: Sequence[Item], run: int) -> list[Item]:
    """Arguments that offer "flawed" first or "sound" first, in turn after every `run` of them."""
    orders = (((1, 0),), ((0, 1),))
    return [replace(item, orders=orders[number // run % 2]) for number, item in enumerate(items)]


def with_suggestions(items: Sequence[Item], seed: int) -> list[Item]:
    """Each item with its commonest misconception, and one that belongs to another question.

    The other question is of another category where there is one.
    """
    draw = random.Random(f"{seed}/distraction")
    result = []
    for item in items:
        others = [other for other in items if other.category != item.category]
        others = others or [other for other in items if other is not item]
        if not others:
            raise DataError("the answer test needs two items; raise sizes.evaluate.answer")
        distraction = draw.choice(others).options[1]
        result.append(replace(item, suggestion=item.options[1], distraction=distraction))
    return result


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
