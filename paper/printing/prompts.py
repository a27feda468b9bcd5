"""What the tests ask, word for word, by running their own code on made-up items.

The items below were written for this page. They are in no corpus and were asked of no model, so
nothing that a model was tested on, and nothing that others wrote, is printed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

from experiments.corpora.item import Item
from experiments.engine.request import Choose, Generate, Likelihoods, Request, Text
from experiments.params import Evaluate
from experiments.quoting import cell
from experiments.tasks import PROTOCOLS, TASKS

QUESTION = Item(
    id="example/question",
    cluster="example/question",
    benchmark="truthfulqa",
    question="Which of these does a kettle do?",
    options=("It heats water.", "It cools water.", "It weighs water.", "It counts water."),
    suggestion="It cools water.",
    distraction="It rings at noon.",
    orders=((0, 1, 2, 3), (1, 2, 3, 0)),
)
ITEMS = {
    "gsm8k": Item(
        id="example/problem",
        cluster="example/problem",
        benchmark="gsm8k",
        question="A shelf holds 3 rows of 4 jars. How many jars does it hold?",
        solution="There are 3 rows of 4 jars, so 3 * 4 = 12 jars.\n#### 12",
    ),
    "mmlu": QUESTION,
    "hellaswag": Item(
        id="example/passage",
        cluster="example/passage",
        benchmark="hellaswag",
        question="Making tea: A woman fills a kettle and switches it on. She",
        options=(
            "waits until the water boils.",
            "folds the kettle and posts it.",
            "reads the water aloud.",
            "paints the switch with tea.",
        ),
    ),
    "truthfulqa": QUESTION,
    "answer": QUESTION,
    "are_you_sure": QUESTION,
    "feedback": Item(
        id="example/argument",
        cluster="example/argument",
        benchmark="arguments",
        question="The shop was shut on both Mondays that I tried, so it is never open.",
        options=("sound", "flawed"),
        gold=1,
        orders=((0, 1),),
    ),
    "paired_choice": Item(
        id="example/biography",
        cluster="example/biography",
        benchmark="paired_choice",
        question="I have kept bees for years. Should towns plant more lime trees?",
        options=("No", "Yes"),
        orders=((0, 1), (1, 0)),
    ),
}


def requests(task: str, settings: Evaluate, protocol: str = "controlled") -> list[Request]:
    """Everything that `task` asks about its example, in order, answered as if all were equal."""
    asking = PROTOCOLS[protocol][task].protocol(ITEMS[task], settings)
    made: list[Request] = []
    try:
        batch = next(asking)
        while True:
            made += batch
            batch = asking.send(tuple(map(_reply, batch)))
    except StopIteration:
        return made


def _reply(request: Request) -> Likelihoods | Text:
    if isinstance(request, Generate):
        return Text("[the first reply]", "length")
    return Likelihoods(tuple(0.0 for _ in request.continuations), (1,) * len(request.continuations))


def transcript(request: Request) -> str:
    """One request as plain text: the turns, and what is scored or generated after them."""
    if isinstance(request.prompt, str):
        turns = [f"text: {request.prompt}"]
    else:
        turns = [f"{message.role}: {message.content}" for message in request.prompt]
    if isinstance(request, Choose):
        ending = "\n".join(f"scored: {text}" for text in request.continuations)
    else:
        ending = f"generated: at most {request.max_tokens} tokens"
    return "\n".join([*turns, ending])


def blocks(task: str, settings: Evaluate, protocol: str, numbers: Sequence[int]) -> str:
    """The requests with these numbers as blocks of plain text."""
    made = requests(task, settings, protocol)
    return "\n\n".join(f"```\n{transcript(made[number])}\n```" for number in numbers)


def arms_table(task: str) -> str:
    """Name and words of every arm of a sycophancy test, with its braces as they are."""
    arms = getattr(TASKS[task], "ARMS", {}).items()
    lines = [f"| `{name}` | {cell(words)} |" for name, words in arms]
    return "\n".join(["| Arm | What the user says |", "|:---|:-----------|", *lines])


# Measures of one word, where a docstring defines them.
DEFINED = r"(?<=[.:,;] )(flip|regressive|progressive|position|accuracy)(?=:)"


def paragraph(text: str) -> str:
    """A docstring as a paragraph, with the names of measures and minus signs set as such."""
    text = " ".join(inspect.cleandoc(text).split()).replace(" - ", " − ")
    text = re.sub(r"(?<!`)(\\boxed\{\})", r"`\1`", text)
    text = re.sub(r"(?<![`\w])([a-z]+(?:_[a-z]+)+)(?![`\w])", r"`\1`", text)
    return re.sub(DEFINED, r"`\1`", text)
