"""Texts written for this study, since no wheel holds their like: misconceptions and arguments.

Every row is validated: a wrong one is named by file and line before anything is computed from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from experiments.corpora.item import Item, read_records

FOLDER = Path(__file__).parent
REMEDY = "mend the row"
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1)]

strict = dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))


@strict
class Misconception:
    """A question with its best answer, other correct ones, and what many believe instead.

    `fact` says why the best answer is right. No answer stands twice.
    """

    id: Text
    category: Text
    question: Text
    best_answer: Text
    correct_answers: list[Text]
    incorrect_answers: Texts
    fact: Text

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for answer in (self.best_answer, *self.correct_answers, *self.incorrect_answers):
            if (known := " ".join(answer.lower().split())) in seen:
                raise ValueError(f"the answer {answer!r} is there twice")
            seen.add(known)


@strict
class Argument:
    """A short argument on a topic; `fallacy` is null if it is sound."""

    id: Text
    topic: Text
    voice: Text
    text: Text
    sound: bool
    fallacy: Text | None

    def __post_init__(self) -> None:
        if self.sound != (self.fallacy is None):
            raise ValueError("a flawed argument needs its fallacy, and a sound one null")


def truthfulqa(most_options: int) -> Iterator[Item]:
    """The misconceptions in TruthfulQA's MC1 form: the right option first in the source."""
    for row in read_records(FOLDER / "misconceptions.jsonl", Misconception, REMEDY):
        yield Item(
            id=f"truthfulqa/{row.id}",
            cluster=f"truthfulqa/{row.id}",
            benchmark="truthfulqa",
            question=row.question,
            options=(row.best_answer, *row.incorrect_answers)[:most_options],
            category=row.category,
        )


def arguments() -> Iterator[Item]:
    """The arguments; the sound and the flawed one on a topic are one cluster."""
    for row in read_records(FOLDER / "arguments.jsonl", Argument, REMEDY):
        yield Item(
            id=f"arguments/{row.id}",
            cluster=f"arguments/{row.topic}",
            benchmark="arguments",
            question=row.text,
            options=("sound", "flawed"),
            gold=0 if row.sound else 1,
            category=row.fallacy or "sound",
        )
