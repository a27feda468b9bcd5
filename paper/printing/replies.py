"""The table of free replies: what was asked, pairs of replies, and which a remark changed."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from experiments import tables
from experiments.corpora.item import Item
from experiments.engine.request import Dialogue, Generate, Text
from experiments.measures.free_replies import ARMS
from experiments.params import BASE, Params
from experiments.tasks import published, transcripts
from printing.labels import TASKS
from printing.report import Report
from printing.sentences import label

TABLE = "transcripts"
# Columns in which an empty cell and the word "None" are text.
TEXTS = ("text", "reading")
PAIR = ["model", "seed", "task", "id"]
# Outcomes of pairs in whose replies the rules read the same, or nothing in either.
ALIKE = (
    "right in both",
    "wrong in both",
    "ambiguous in both",
    "detected in both",
    "detected in neither, sentiment alike",
    "ambiguous, no word of the lists",
)
FIRST_REPLY = "(its first reply)"


@dataclass(frozen=True)
class Pair:
    """The two replies of one model to one item; the rows of the table by arm."""

    model: str
    seed: int
    task: str
    id: str
    outcome: str
    sycophantic: bool
    replies: dict[str, pd.Series]

    @property
    def read(self) -> tuple[bool, ...]:
        """Whether the rules read something in each reply."""
        return tuple(str(reply["parsed"]) == "True" for reply in self.replies.values())

    @property
    def changed(self) -> bool:
        """Whether the rules read different things in the replies; nothing is different as well."""
        return len(set(self.read)) > 1 or self.outcome not in ALIKE


def read(report: Report) -> pd.DataFrame:
    """The table with its texts as they were said, also empty ones and the word "None"."""
    frame = report.frame(TABLE)  # says so if the file is missing or damaged
    path = report.results / f"{TABLE}.csv"
    with path.open(encoding="utf-8", newline="") as file:  # replies keep their line endings
        header, rows = tables.rows(file.read(), str(path))
    said = {name: [row[header.index(name)] for row in rows] for name in TEXTS}
    return frame.assign(**{name: list(map(tables.plain, texts)) for name, texts in said.items()})


def pairs(frame: pd.DataFrame) -> list[Pair]:
    """Every pair of the table, in its order."""
    return [
        Pair(
            *key,
            outcome=rows["outcome"].iloc[0],
            sycophantic=str(rows["sycophantic"].iloc[0]) == "True",
            replies={row["arm"]: row for _, row in rows.iterrows()},
        )
        for key, rows in frame.groupby(PAIR, sort=False)
    ]


def items(parameters: Params) -> dict[tuple[str, str], Item]:
    """Every authored item by test and id."""
    most = parameters.prepare.truthfulqa_options
    return {
        (task, name): item
        for task in transcripts.TASKS
        for name, item in transcripts.authored_items(task, most).items()
    }


def prompts(task: str, item: Item, parameters: Params) -> dict[str, Dialogue]:
    """What the item's own protocol asks in each arm, its first reply standing for any."""
    settings = transcripts.settings(parameters.evaluate)
    protocol = published.TASKS[task].protocol(item, settings)
    asked: list[Dialogue] = []
    replies: tuple[Text, ...] | None = None
    try:
        while True:
            requests: tuple[Generate, ...] = protocol.send(replies)
            asked += [request.prompt for request in requests]
            replies = tuple(Text(FIRST_REPLY, "end") for _ in requests)
    except StopIteration:
        return dict(zip(ARMS[task], asked, strict=True))


def remark(asked: Dialogue, swayed: Dialogue) -> str:
    """What the user adds: a turn of its own, or words within the last one."""
    before, after = asked[-1].content, swayed[-1].content
    if len(swayed) > len(asked):
        return after
    start = next((at for at, one in enumerate(before) if after[at] != one), len(before))
    return after[start : start + len(after) - len(before)].strip()


def model_name(pair: Pair, frame: pd.DataFrame) -> str:
    """The model's name, with the training seed where there are several."""
    several = frame.loc[frame["model"] == pair.model, "seed"].nunique() > 1
    return f"{label(pair.model)}, seed {pair.seed}" if several else label(pair.model)


def shown(mine: list[Pair]) -> list[Pair]:
    """The pairs of one test that stand for the others, by a rule that reads no reply.

    Of those that changed the first of the base model and the first of a trained one, then the first
    that did not. Pairs of which both replies were read come first, then the order of the table.
    """
    ordered = sorted(mine, key=lambda pair: -sum(pair.read))
    changed = [pair for pair in ordered if pair.changed]
    base = [pair for pair in changed if pair.model == BASE]
    trained = [pair for pair in changed if pair.model != BASE]
    return [*base[:1], *trained[:1], *[pair for pair in ordered if not pair.changed][:1]]


def change_table(report: Report, listed: list[Pair]) -> str:
    """How many pairs changed, by model and test, as Markdown."""
    rows = []
    for model in dict.fromkeys(pair.model for pair in listed):
        row = {"model": model, "name": label(model)}
        for task in transcripts.TASKS:
            mine = [pair.changed for pair in listed if (pair.model, pair.task) == (model, task)]
            row |= {task: sum(mine), f"{task}_n": len(mine)}
        rows.append(row)
    tests = {TASKS[task]: f"{{{task}:d}} of {{{task}_n:d}}" for task in transcripts.TASKS}
    return report.table(pd.DataFrame(rows), {"Model": "{name}"} | tests, TABLE, ["model"])


def told(report: Report, task: str, mine: list[Pair]) -> str:
    """How many pairs of one test changed, in words."""
    base = [pair.changed for pair in mine if pair.model == BASE]
    trained = [pair.changed for pair in mine if pair.model != BASE]
    counted = {
        "base changed": sum(base),
        "base": len(base),
        "trained changed": sum(trained),
        "trained": len(trained),
        "read in both": sum(pair.changed and all(pair.read) for pair in mine),
        "sycophantic": sum(pair.sycophantic for pair in mine),
    }
    said = [report.count(f"{TABLE}[{task},{name}]", number) for name, number in counted.items()]
    text = (
        "Changed: {} of {} pairs of the base model and {} of {} of trained models; in {} of these "
        "the rules read something in both replies. Counted as sycophantic by the rules: {}."
    ).format(*said)
    if not any(base + trained):
        return f"{text} So there is no change to show."
    return f"{text} None stayed the same." if all(base + trained) else text
