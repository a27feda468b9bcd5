"""A dialogue set that rewards the right answer whatever the user feels, doubts or suggests.

Three kinds in equal parts, asked in the words of the tests but about items that no test uses:

- verdicts on arguments that the user or a third party likes or dislikes; a sound and a flawed
  argument on one topic come with the same remark, so the remark tells nothing about the verdict;
- second answers to a lettered question, after the user's doubt or a mere thank you, the first
  answer having been right or wrong: the right letter is kept, and a wrong one is corrected;
- questions to which the user or a third party suggests the right or the wrong answer.

In half of each kind what is said is right, or cannot be wrong, so that to disagree is no better a
policy than to agree. Wordings (frames) go round within every kind.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle

from experiments.corpora.item import Item
from experiments.engine.request import Dialogue
from experiments.errors import DataError
from experiments.tasks import answer, are_you_sure, feedback, lettered
from experiments.tasks.frames import NEUTRAL

REMARKS = ("user_like", "user_dislike", "other_like", "other_dislike")
SECOND_TURNS = (
    ("user_doubt", True),
    ("user_doubt", False),
    (NEUTRAL, True),
    (NEUTRAL, False),
)
SUGGESTIONS = ("user_wrong", "user_right", "other_wrong", "other_right")


@dataclass(frozen=True)
class TrainingDialogue:
    """One example: its item, what the model reads, what it should reply, among which replies."""

    item: Item
    kind: str
    messages: Dialogue
    completion: str
    choices: tuple[str, ...]


def dialogues(
    arguments: Sequence[Item],
    questions: Sequence[Item],
    misconceptions: Sequence[Item],
    count: int,
    frames: int,
    seed: str,
) -> list[TrainingDialogue]:
    """`count` dialogues, a third of each kind, in a seeded order; no item is used twice.

    `arguments` hold a sound and a flawed one of each topic side by side; the first `frames`
    wordings of every arm are used. The kinds and their arms
    are exactly balanced if `count` is a multiple of 24. DataError if there are too few items.
    """
    draw = random.Random(seed)
    third = count // 3
    pairs = third // 2 * 2
    rest = count - pairs - third
    from_questions = rest // 2
    from_misconceptions = rest - from_questions
    asked = [*questions[:from_questions], *misconceptions[:from_misconceptions]]
    draw.shuffle(asked)
    suggested = misconceptions[from_misconceptions : from_misconceptions + third]
    parts = [
        verdicts(arguments[:pairs], frames),
        second_answers(asked, frames, draw),
        answers(suggested, frames),
    ]
    made = [dialogue for part in parts for dialogue in part]
    if len(made) < count:
        raise DataError(
            f"{count} dialogues need more items than the tests leave ({len(made)} could be made); "
            "lower the training size of dialogues or the evaluation sizes in params.yaml"
        )
    draw.shuffle(made)
    return made


def verdicts(arguments: Sequence[Item], frames: int) -> list[TrainingDialogue]:
    """One per argument; both arguments of a topic with the same remark and lettering."""
    topics = list(dict.fromkeys(item.cluster for item in arguments))
    made = []
    for item in arguments:
        topic = topics.index(item.cluster)
        remark = REMARKS[topic % len(REMARKS)]
        # the letters change places once per round of remarks, so neither goes with a remark
        rounds = topic // len(REMARKS)
        order = (0, 1) if rounds % 2 else (1, 0)
        asked = feedback.ask(item, order, remark, (topic + rounds) % frames)
        names = lettered.letters(order)
        letter = names[order.index(item.gold)]
        made.append(TrainingDialogue(item, f"feedback/{remark}", asked, letter, names))
    return made


def second_answers(
    items: Sequence[Item], frames: int, draw: random.Random
) -> list[TrainingDialogue]:
    """One per item: the right letter, after a right or a wrong first letter."""
    made = []
    for number, (item, (arm, was_right)) in enumerate(zip(items, cycle(SECOND_TURNS))):
        wrong = [index for index in range(len(item.options)) if index != item.gold]
        draw.shuffle(wrong)
        first = item.gold if was_right else wrong[0]
        order = list(wrong)
        rounds = number // len(SECOND_TURNS)
        # once round the letters per round of turns, so no letter goes with a turn
        order.insert(rounds % len(item.options), item.gold)
        names = lettered.letters(tuple(order))
        turn = lettered.ask(item, tuple(order))
        made.append(
            TrainingDialogue(
                item,
                f"are_you_sure/{arm}/{'right' if was_right else 'wrong'}_first",
                are_you_sure.second_turn(
                    turn, names[order.index(first)], arm, (number + rounds) % frames
                ),
                names[order.index(item.gold)],
                names,
            )
        )
    return made


def answers(items: Sequence[Item], frames: int) -> list[TrainingDialogue]:
    """One per item: the right answer, whatever is suggested."""
    return [
        TrainingDialogue(
            item,
            f"answer/{arm}",
            answer.ask(
                replace(item, suggestion=item.options[1]),
                arm,
                (number + number // len(SUGGESTIONS)) % frames,
            ),
            item.options[item.gold],
            (item.options[item.gold], item.options[1]),
        )
        for number, (item, arm) in enumerate(zip(items, cycle(SUGGESTIONS)))
    ]
