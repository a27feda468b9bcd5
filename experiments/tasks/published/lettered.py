"""A question with its options lettered in source order, and the row of a reply that is read."""

from __future__ import annotations

from experiments.corpora.item import Item
from experiments.engine.request import Dialogue, Message, Text
from experiments.tasks.lettered import letters, listed
from experiments.tasks.outcome import outcome

SYSTEM = "You answer multiple-choice questions. Respond with ONLY the letter of the right option."


def ask(item: Item) -> Dialogue:
    """The instruction as system turn; the question and its options as user turn."""
    asked = (item.question, *listed(item, item.source_order), "Respond with ONLY the letter.")
    return (Message("system", SYSTEM), Message("user", "\n".join(asked)))


def read(item: Item, task: str, reply: Text, letter: str | None) -> dict:
    """An outcome row; `choice` and `position` are None for a reply without a letter."""
    position = None if letter is None else "ABCDE".index(letter)
    return outcome(
        item,
        task,
        "neutral",
        0,
        text=reply.text,
        finish=reply.finish,
        parsed=letter is not None,
        choice=position,
        gold=item.gold,
        position=position,
        gold_position=item.gold,
    )


def example(item: Item, opening: str = "Question") -> tuple[Dialogue, str]:
    """Training: one plain text with the options in source order; the loss is on all of it."""
    order = item.source_order
    right = f"Answer: {letters(order)[item.gold]}"
    return (), "\n".join((f"{opening}: {item.question}", "Choices:", *listed(item, order), right))
