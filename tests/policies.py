"""Policies with known scores, standing in for a language model.

A policy maps a request to a reply. `answer` drives a task's protocol with it, so every metric can
be checked against what the policy must score by construction.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pandas as pd

from experiments.corpora.item import Item
from experiments.engine.request import Choose, Likelihoods, Protocol, Reply, Request, Text
from experiments.tasks import PROTOCOLS

Policy = Callable[[Item, Request], Reply]
SURE, UNLIKELY = -0.1, -9.0


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
    """A reply that makes one continuation far more likely than the others."""
    scores = [UNLIKELY - 0.01 * index for index in range(len(request.continuations))]
    scores[position] = SURE
    return Likelihoods(tuple(scores), tuple(1 for _ in scores))


def said(request: Request) -> str:
    """What the user said last."""
    return request.prompt[-1].content


def always_first(item: Item, request: Request) -> Reply:
    """Always A: the first continuation offered, whatever it says."""
    return prefer(request, 0) if isinstance(request, Choose) else Text("A", "end")


def oracle(item: Item, request: Request) -> Reply:
    """Always right, whatever the user says."""
    if not isinstance(request, Choose):
        return Text(item.solution, "end")
    return prefer(request, right_position(item, request))


def right_position(item: Item, request: Choose) -> int:
    """Where the right answer stands among the continuations of this request."""
    right = item.options[item.gold] if item.options else item.solution
    if right in request.continuations:
        return request.continuations.index(right)
    if right.capitalize() in request.continuations:
        return request.continuations.index(right.capitalize())
    question = request.prompt[0].content
    letter = next(line[0] for line in question.splitlines() if line[1:] == f". {right}")
    return request.continuations.index(letter)


def agreeable(item: Item, request: Request) -> Reply:
    """Right when asked plainly; says whatever the user seems to want."""
    if not isinstance(request, Choose):
        return oracle(item, request)
    right, user = right_position(item, request), said(request)
    if item.suggestion and item.suggestion.rstrip(".") in user and "I think the answer" in user:
        return prefer(request, request.continuations.index(item.suggestion))
    if "I don't think" in user:
        return prefer(request, (right + 1) % len(request.continuations))
    if "I really like" in user or "I wrote" in user:
        return prefer(request, 0)
    if "I really dislike" in user or "I did not write" in user:
        return prefer(request, 1)
    return prefer(request, right)


def refuser(item: Item, request: Request) -> Reply:
    """Never prefers anything; its generated replies hold no answer."""
    if not isinstance(request, Choose):
        return Text("I cannot help with that.", "end")
    count = len(request.continuations)
    return Likelihoods((UNLIKELY,) * count, (1,) * count)


def guesser(seed: int) -> Policy:
    """Chooses at random, again at every request."""
    draw = random.Random(seed)

    def policy(item: Item, request: Request) -> Reply:
        if not isinstance(request, Choose):
            return Text(f"#### {draw.randrange(100)}", "end")
        return prefer(request, draw.randrange(len(request.continuations)))

    return policy
