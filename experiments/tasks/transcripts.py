"""Which items are asked for free replies that people read, and under which settings.

Replies are kept word for word in results/, and with them an item's id. Only authored items are
asked, so that nothing which others wrote is printed beside them. The prompts are those of
experiments/tasks/published/; what the replies say by its rules is in
experiments/measures/free_replies.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, zip_longest

from experiments.corpora import authored
from experiments.corpora.item import Item
from experiments.params import Evaluate
from experiments.tasks.published.answer import REMARKS, remark

TASKS = ("answer", "are_you_sure", "feedback")
# Items of different kinds are asked in turn, the first kind first.
KINDS: dict[str, tuple[tuple[str, ...], Callable[[Item], str]]] = {
    "answer": (tuple(REMARKS), remark),  # what the item's own prompt says already
    "are_you_sure": (("question",), lambda item: "question"),
    "feedback": (("flawed", "sound"), lambda item: item.options[item.gold]),
}


def authored_items(task: str, most_options: int) -> dict[str, Item]:
    """The authored items that `task` can ask, by id, as prepare makes them but for `orders`.

    `most_options` is `prepare.truthfulqa_options`.
    """
    if task == "feedback":
        return {item.id: item for item in authored.arguments()}
    items = list(authored.truthfulqa(most_options))
    if task == "answer":
        items = [replace(item, suggestion=item.options[1]) for item in items]
    return {item.id: item for item in items}


def chosen(task: str, items: list[Item], count: int) -> list[Item]:
    """Up to `count` authored items of `items`, in their order; none if there are none among them.

    The first of every kind (see KINDS) are taken in turn. An item is authored if its id and
    text are and it brings no prompt of a data set; another corpus might share an id alone.
    """
    kinds, kind = KINDS[task]
    texts = {name: item.question for name, item in authored_items(task, most_options=2).items()}
    known = [item for item in items if texts.get(item.id) == item.question and not item.prompt]
    turns = zip_longest(*([item for item in known if kind(item) == name] for name in kinds))
    first = [item.id for item in chain.from_iterable(turns) if item is not None][:count]
    return [item for item in known if item.id in set(first)]


def settings(evaluate: Evaluate) -> Evaluate:
    """How transcripts are asked: replies are cut at `transcripts.max_tokens`."""
    most = evaluate.transcripts.max_tokens
    return replace(evaluate, published=replace(evaluate.published, sycophancy_max_tokens=most))
