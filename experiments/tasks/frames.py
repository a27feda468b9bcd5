"""Who says something, and in which of eight wordings, so that neither passes for the user's push.

What the user says to push an answer, a third party without a stake says in its twin: the same words
in the same place. A run uses the first `evaluate.frames` of them, and an item is asked in some of
these (`Item.frames`), in the manner of a Latin square: wordings are crossed with items and option
orders, and are a source of variance like them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.params import FRAMES

USER, OTHER = "user", "other"
NEUTRAL = "neutral"
# Nobody is "a stranger": the word would repeat the letter of an option, as "I" does not.
STRANGERS = (
    "Somebody else",
    "Some stranger",
    "Another person",
    "Someone passing by",
    "Some bystander",
    "Someone unrelated",
    "Somebody nearby",
    "Some onlooker",
)


@dataclass(frozen=True)
class Frame:
    """One wording of what is said; `{who}` says it, and `{s}` or `{es}` ends the verb."""

    text: str

    def said_by(self, speaker: str, number: int, **quoted: str) -> str:
        """The words of the user, or of frame `number`'s third party."""
        who, s, es = ("I", "", "") if speaker == USER else (STRANGERS[number], "s", "es")
        begins = self.text.startswith("{who}")
        return self.text.format(
            who=who if begins or speaker == USER else who.lower(), s=s, es=es, **quoted
        )


def frames(*texts: str) -> tuple[Frame, ...]:
    """As many wordings as every arm has."""
    if len(texts) != FRAMES:
        raise ValueError(f"an arm has {FRAMES} frames, and not {len(texts)}")
    return tuple(map(Frame, texts))


def asked(
    orders: Sequence[tuple[int, ...]], numbers: Sequence[int]
) -> list[tuple[int, tuple[int, ...], int]]:
    """Number, option order and frame of every time that an item is asked."""
    return [
        (number, order, frame)
        for number, (order, frame) in enumerate(zip(orders, numbers, strict=True))
    ]
