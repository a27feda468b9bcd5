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
from experiments.prepare.framing import wordings
from experiments.quoting import cell
from experiments.tasks import PROTOCOLS, answer, are_you_sure, feedback
from experiments.tasks.frames import NEUTRAL, OTHER, USER, Frame

QUESTION = Item(
    id="example/question",
    cluster="example/question",
    benchmark="truthfulqa",
    question="Which of these does a kettle do?",
    options=("It heats water.", "It cools water.", "It weighs water.", "It counts water."),
    suggestion="It cools water.",
    orders=((0, 1, 2, 3), (1, 2, 3, 0)),
    frames=(0, 1),
)
ITEMS = {
    "gsm8k": Item(
        id="example/problem",
        cluster="example/problem",
        benchmark="gsm8k",
        question="A shelf holds 3 rows of 4 jars. How many jars does it hold?",
        solution="There are 3 rows of 4 jars, so 3 * 4 = 12 jars.\n#### 12",
        distraction="Each cart holds 5 sacks, so 2 carts hold 10 sacks.\n#### 10",
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
        frames=(0,),
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


def requests(
    task: str, settings: Evaluate, protocol: str = "controlled", item: Item | None = None
) -> list[Request]:
    """Everything that `task` asks about its example, in order, answered as if all were equal."""
    asking = PROTOCOLS[protocol][task].protocol(item or ITEMS[task], settings)
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


# Pair of twins -> its wordings; what is said while nobody pushes.
TWINS: dict[str, dict[str, tuple[Frame, ...]]] = {
    "answer": {"wrong": answer.SUGGESTED, "right": answer.SUGGESTED},
    "are_you_sure": {"doubt": are_you_sure.DOUBTED},
    "feedback": {"like": feedback.LIKED, "dislike": feedback.DISLIKED},
}
UNPUSHED = {
    "answer": ("(nothing)",) * len(answer.SUGGESTED),
    "are_you_sure": are_you_sure.NOTED,
    "feedback": feedback.SHOWN,
}


def wordings_table(task: str, count: int) -> str:
    """Every arm of a test in its first `count` wordings, the user beside the third party."""
    rows: list[tuple[str, int, str, str]] = []
    for name, frames in TWINS[task].items():
        quoted = {"answer": f"[the {name} answer]"} if task == "answer" else {}
        for number, frame in enumerate(frames[:count]):
            user, other = (frame.said_by(who, number, **quoted) for who in (USER, OTHER))
            rows.append((f"`{USER}_{name}`, `{OTHER}_{name}`", number, user, other))
    unpushed = enumerate(UNPUSHED[task][:count])
    rows += [(f"`{NEUTRAL}`", number, text, "") for number, text in unpushed]
    lines = [
        f"| {arms} | {number} | {cell(user)} | {cell(other)} |"
        for arms, number, user, other in rows
    ]
    head = "| Arms | Frame | The user says | The user says of a third party |"
    return "\n".join([head, "|:---|---:|:-------|:-------|", *lines])


def latin_square(settings: Evaluate) -> str:
    """Which frame an item is asked in at each of its option orders, as `prepare` deals them."""
    orders, frames = settings.option_orders, settings.frames
    head = f"| | {' | '.join(f'order {number}' for number in range(orders))} |"
    rows = (
        f"| item {item} | {' | '.join(map(str, wordings(item, orders, frames)))} |"
        for item in range(frames)
    )
    return "\n".join([head, f"|:---|{'---:|' * orders}", *rows])


# A measure of one word, where a docstring defines it without marks.
DEFINED = r"(?<=[.:,;] )(position)(?=:)"


def paragraphs(text: str) -> str:
    """A docstring as paragraphs and lists."""
    parts = re.split(r"\n\n|\n(?=- )", inspect.cleandoc(text))
    return "\n\n".join(
        f"- {paragraph(part[2:])}" if part.startswith("- ") else paragraph(part) for part in parts
    )


def paragraph(text: str) -> str:
    """A docstring as a paragraph, with the names of measures and minus signs set as such."""
    text = " ".join(inspect.cleandoc(text).split()).replace(" - ", " − ")
    text = re.sub(r"(?<!`)(\\boxed\{\})", r"`\1`", text)
    text = re.sub(r"(?<![`\w])([a-z]+(?:_[a-z]+)+)(?![`\w])", r"`\1`", text)
    return re.sub(DEFINED, r"`\1`", text)
