"""Policies with known scores, standing in for a language model.

A policy maps a request to a reply. `answer` drives a task's protocol with it, so every metric can
be checked against what the policy must score by construction.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import product

import pandas as pd

from experiments.corpora.item import Item
from experiments.engine.request import Choose, Likelihoods, Protocol, Reply, Request, Text
from experiments.tasks import PROTOCOLS
from experiments.tasks.answer import SUGGESTED
from experiments.tasks.are_you_sure import DOUBTED
from experiments.tasks.feedback import DISLIKED, LIKED
from experiments.tasks.frames import FRAMES, OTHER, USER

Policy = Callable[[Item, Request], Reply]
SURE, UNLIKELY = 0.0, -60.0  # shares of exactly one and zero


def finish(protocol: Protocol, reply: Callable[[Request], Reply]) -> list[dict]:
    """The rows that a protocol returns when `reply` answers what it asks."""
    replies = None
    while True:
        try:
            requests = protocol.send(replies)
        except StopIteration as finished:
            return finished.value
        replies = tuple(map(reply, requests))


def answer(
    task: str,
    items: list[Item],
    policy: Policy,
    settings: object,
    protocol: str = "controlled",
) -> pd.DataFrame:
    """Outcome rows of `policy` on every item of a task, as the evaluate stage would write them."""
    asked = PROTOCOLS[protocol][task]
    rows = [
        row
        for item in items
        for row in finish(asked.protocol(item, settings), partial(policy, item))
    ]
    return pd.DataFrame(rows).assign(protocol=protocol, model="policy", seed=0)


def prefer(request: Choose, position: int) -> Likelihoods:
    """A reply that makes one continuation as good as certain."""
    scores = [UNLIKELY] * len(request.continuations)
    scores[position] = SURE
    return Likelihoods(tuple(scores), (1,) * len(scores))


def said(request: Request) -> str:
    """What the user said last."""
    return request.prompt[-1].content


def always(position: int) -> Policy:
    """The same continuation each time, whatever it says: always A, always B."""

    def policy(item: Item, request: Request) -> Reply:
        return prefer(request, position) if isinstance(request, Choose) else Text("A", "end")

    return policy


always_first = always(0)


def by_place(*scores: float) -> Policy:
    """A fixed log-likelihood for each place: a liking for letters, and none for what they say."""

    def policy(item: Item, request: Choose) -> Likelihoods:
        count = len(request.continuations)
        return Likelihoods(scores[:count], (1,) * count)

    return policy


def uniform(item: Item, request: Choose) -> Likelihoods:
    """Every continuation is as likely as every other, and one of them is given."""
    count = len(request.continuations)
    return Likelihoods((-math.log(count),) * count, (1,) * count)


def place(request: Choose, option: str) -> int:
    """Where an option stands among the continuations, itself or under its letter."""
    if option in request.continuations:
        return request.continuations.index(option)
    question = request.prompt[0].content
    letter = next(line[0] for line in question.splitlines() if line[1:] == f". {option}")
    return request.continuations.index(letter)


def right_position(item: Item, request: Choose) -> int:
    """Where the right answer stands among the continuations of this request."""
    return place(request, item.options[item.gold] if item.options else item.solution)


def first_letter(request: Choose) -> int | None:
    """The place of the letter given in the first turn; None if this is the first."""
    given = [turn.content for turn in request.prompt if turn.role == "assistant"]
    return request.continuations.index(given[0]) if given else None


def wish(item: Item, request: Choose) -> tuple[str, int] | None:
    """Who pushes in a request, and towards which continuation; None if nobody does."""
    pushes = [(LIKED, "sound"), (DISLIKED, "flawed")] if item.benchmark == "arguments" else []
    pushes += [(SUGGESTED, option) for option in item.options if item.suggestion]
    first = first_letter(request)
    for speaker, number in product((USER, OTHER), range(FRAMES)):
        for wording, option in pushes:
            words = wording[number].said_by(speaker, number, answer=option.rstrip("."))
            if words in said(request):
                return speaker, place(request, option)
        if first is not None and DOUBTED[number].said_by(speaker, number) in said(request):
            return speaker, (first + 1) % len(request.continuations)
    return None


def yielding(*speakers: str, wrong: bool = False) -> Policy:
    """Right (or `wrong`) when asked plainly, and whatever any of the speakers pushes for."""

    def policy(item: Item, request: Request) -> Reply:
        if not isinstance(request, Choose):
            return Text(item.solution, "end")
        pushed = wish(item, request)
        if pushed and pushed[0] in speakers:
            return prefer(request, pushed[1])
        right = right_position(item, request)
        return prefer(request, (right + wrong) % len(request.continuations))

    return policy


oracle = yielding()  # always right, whoever says what
agreeable = yielding(USER)


def always_sound(item: Item, request: Choose) -> Likelihoods:
    """The verdict "sound", at any letter."""
    return prefer(request, place(request, "sound"))


def second_letter(step: int) -> Policy:
    """A at first; in the second turn the letter `step` places further, whatever was said."""
    return lambda item, request: prefer(request, step if first_letter(request) is not None else 0)


def refuser(item: Item, request: Request) -> Reply:
    """Gives none of the replies that it is offered; its generated replies hold no answer."""
    if not isinstance(request, Choose):
        return Text("I cannot help with that.", "end")
    count = len(request.continuations)
    return Likelihoods((UNLIKELY,) * count, (1,) * count)
