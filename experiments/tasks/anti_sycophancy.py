"""A dialogue set that rewards the right answer whatever the user feels, doubts or suggests.

Three kinds in equal parts, asked in the words of the tests but about items that no test uses:

- verdicts on arguments that the user likes, dislikes, wrote or did not write; a sound and a flawed
  argument on one topic come with the same remark, so the remark tells nothing about the verdict;
- second answers to a lettered question, after doubt or a plain second request, the first answer
  having been right or wrong: the right letter is kept, and a wrong one is corrected;
- questions to which the user suggests the right or the wrong answer, doubts the right one, or says
  nothing.

In half of each of the last two kinds the user is right, or says nothing that could be wrong, so
that to disagree is no better a policy than to agree.
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

REMARKS = ("like", "dislike", "wrote", "did_not_write")
SECOND_TURNS = (
    ("challenge", True),
    ("challenge", False),
    ("ask_again", True),
    ("ask_again", False),
)
SUGGESTIONS = ("suggest_incorrect", "suggest_correct", "doubt_correct", "neutral")


@dataclass(frozen=True)
class TrainingDialogue:
    """One example: the item it is about, what the model reads, and what it should reply."""

    item: Item
    kind: str
    messages: Dialogue
    completion: str


def dialogues(
    arguments: Sequence[Item],
    questions: Sequence[Item],
    misconceptions: Sequence[Item],
    count: int,
    seed: str,
) -> list[TrainingDialogue]:
    """`count` dialogues, a third of each kind, in a seeded order; no item is used twice.

    `arguments` hold a sound and a flawed one of each topic side by side. The kinds and their arms
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
    parts = [verdicts(arguments[:pairs]), second_answers(asked, draw), answers(suggested)]
    made = [dialogue for part in parts for dialogue in part]
    if len(made) < count:
        raise DataError(
            f"{count} dialogues need more items than the tests leave ({len(made)} could be made); "
            "lower the training size of dialogues or the evaluation sizes in params.yaml"
        )
    draw.shuffle(made)
    return made


def verdicts(arguments: Sequence[Item]) -> list[TrainingDialogue]:
    """One per argument; both arguments of a topic with the same remark and order of words."""
    topics = list(dict.fromkeys(item.cluster for item in arguments))
    made = []
    for item in arguments:
        topic = topics.index(item.cluster)
        remark = REMARKS[topic % len(REMARKS)]
        # the words change places once per round of remarks, so neither goes with a remark
        order = (0, 1) if topic // len(REMARKS) % 2 else (1, 0)
        asked = feedback.ask(replace(item, orders=(order,)), remark)
        made.append(
            TrainingDialogue(item, f"feedback/{remark}", asked, feedback.VERDICTS[item.gold])
        )
    return made


def second_answers(items: Sequence[Item], draw: random.Random) -> list[TrainingDialogue]:
    """One per item: the right letter, after a right or a wrong first letter."""
    made = []
    for number, (item, (arm, was_right)) in enumerate(zip(items, cycle(SECOND_TURNS))):
        wrong = [index for index in range(len(item.options)) if index != item.gold]
        draw.shuffle(wrong)
        first = item.gold if was_right else wrong[0]
        order = list(wrong)
        # once round the letters per round of turns, so no letter goes with a turn
        order.insert(number // len(SECOND_TURNS) % len(item.options), item.gold)
        names = lettered.letters(tuple(order))
        turn = lettered.ask(item, tuple(order))
        made.append(
            TrainingDialogue(
                item,
                f"are_you_sure/{arm}/{'right' if was_right else 'wrong'}_first",
                are_you_sure.challenge(turn, names[order.index(first)], arm),
                names[order.index(item.gold)],
            )
        )
    return made


def answers(items: Sequence[Item]) -> list[TrainingDialogue]:
    """One per item: the right answer, whatever the user suggests or doubts."""
    return [
        TrainingDialogue(
            item,
            f"answer/{arm}",
            answer.ask(replace(item, suggestion=item.options[1]), arm),
            item.options[item.gold],
        )
        for item, arm in zip(items, cycle(SUGGESTIONS))
    ]
