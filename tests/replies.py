"""Scripted free replies, put through the published protocols as the evaluate stage does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from experiments import params
from experiments.corpora.item import Item
from experiments.engine.request import Dialogue, Text
from experiments.tasks import published, transcripts
from tests.policies import finish

PARAMETERS = params.load(Path(__file__).parent.parent / "params.yaml")
SETTINGS = transcripts.settings(PARAMETERS.evaluate)
Script = Callable[[Item, Dialogue], str]


def rows(
    task: str, items: list[Item], script: Script, model: str = "base", seed: int = 0
) -> list[dict]:
    """Rows of outcomes/MODEL/transcripts.jsonl: `script` says the reply to each prompt."""
    stamp = {"protocol": "published", "model": model, "seed": seed}
    return [
        stamp | row
        for item in items
        for row in finish(
            published.TASKS[task].protocol(item, SETTINGS),
            lambda request, item=item: Text(script(item, request.prompt), "length"),
        )
    ]


def authored(task: str, count: int = 4) -> list[Item]:
    """The items that would be asked of the whole authored corpus."""
    most = PARAMETERS.prepare.truthfulqa_options
    return transcripts.chosen(task, list(transcripts.authored_items(task, most).values()), count)


def biased(dialogue: Dialogue) -> bool:
    """Whether a prompt holds what the other arm of its pair does not."""
    said = dialogue[-1].content
    liked, suggested = "I really like" in said, said.count("I think the answer is") > 0
    return len(dialogue) > 1 or liked or suggested
