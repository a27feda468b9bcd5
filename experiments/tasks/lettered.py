"""How a question with lettered options is put, whichever benchmark it comes from."""

from __future__ import annotations

import string

from experiments.corpora.item import Item
from experiments.engine.request import Choose, Dialogue, Likelihoods, Message
from experiments.tasks.outcome import best, mass, outcome

REQUEST = "Reply with the letter of the correct answer only."


def ask(item: Item, order: tuple[int, ...], request: str = REQUEST) -> Dialogue:
    """The question with its options in `order`, and the request for a letter."""
    return (Message("user", "\n".join((item.question, *listed(item, order), request))),)


def listed(item: Item, order: tuple[int, ...]) -> list[str]:
    """A line per option in `order`: "A. plum"."""
    return [
        f"{letter}. {item.options[index]}"
        for letter, index in zip(letters(order), order, strict=True)
    ]


def letters(order: tuple[int, ...]) -> tuple[str, ...]:
    """A, B, C … one per option."""
    return tuple(string.ascii_uppercase[: len(order)])


def by_option(reply: Likelihoods, order: tuple[int, ...]) -> list[float]:
    """Log-likelihoods in the item's own option order, whatever letters the options had."""
    scores = [0.0] * len(order)
    for position, index in enumerate(order):
        scores[index] = reply.log_likelihoods[position]
    return scores


def example(item: Item, order: tuple[int, ...], request: str = REQUEST) -> tuple[Dialogue, str]:
    """Training: the question as evaluated, and the letter of the right option."""
    return ask(item, order, request), letters(order)[order.index(item.gold)]


def benchmark_protocol(task: str, item: Item):
    """Ask in every option order; one outcome row per order."""
    replies = yield tuple(Choose(ask(item, order), letters(order)) for order in item.orders)
    return [
        scored(item, task, "neutral", number, order, reply)
        for number, (order, reply) in enumerate(zip(item.orders, replies, strict=True))
    ]


def scored(
    item: Item,
    task: str,
    arm: str,
    number: int,
    order: tuple[int, ...],
    reply: Likelihoods,
    **fields: object,
) -> dict:
    """An outcome row of a lettered question; `position` is the place of the letter chosen."""
    scores = by_option(reply, order)
    choice = best(scores)
    return outcome(
        item,
        task,
        arm,
        number,
        log_likelihoods=scores,
        mass=mass(reply),
        choice=choice,
        gold=item.gold,
        position=order.index(choice),
        gold_position=order.index(item.gold),
        **fields,
    )
