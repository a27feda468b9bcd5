"""The table of free replies: what was asked, pairs of replies, and what the rules read in them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from experiments import tables
from experiments.corpora.item import Item
from experiments.engine.request import Dialogue, Generate, Text
from experiments.measures.free_replies import ARMS, DETECTED, OUTCOMES
from experiments.params import Params
from experiments.tasks import published, transcripts
from printing.report import Report
from printing.sentences import label

TABLE = "transcripts"
# Columns in which an empty cell and the word "None" are text.
TEXTS = ("text", "reading")
PAIR = ["model", "seed", "task", "id"]
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
    def ambiguous(self) -> bool:
        """Whether the rules could not read one of the replies, and the outcome says so."""
        return "ambiguous" in self.outcome


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


def model_name(pair: Pair, frame: pd.DataFrame) -> str:
    """The model's name, with the training seed where there are several."""
    several = frame.loc[frame["model"] == pair.model, "seed"].nunique() > 1
    return f"{label(pair.model)}, seed {pair.seed}" if several else label(pair.model)


def counts(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    """Pairs of one test by model and outcome, which are the columns; `n` is all pairs."""
    chosen = frame[frame["task"] == task].drop_duplicates(PAIR)
    rows = []
    for model, group in chosen.groupby("model", sort=False):
        found = group["outcome"].value_counts()
        row = {"task": task, "model": model, "name": label(model)}
        row |= {outcome: int(found.get(outcome, 0)) for outcome in OUTCOMES[task]}
        counted = group["sycophantic"].astype(str) == "True"
        rows.append(row | {"sycophantic": int(counted.sum()), "n": len(group)})
    columns = ["task", "model", "name", *OUTCOMES[task], "sycophantic", "n"]
    return pd.DataFrame(rows, columns=columns)


def count_table(report: Report, frame: pd.DataFrame, task: str) -> str:
    """`counts` as Markdown, with short headers; outcomes that no model has are left out."""
    counted = counts(frame, task)
    shown = [name for name in OUTCOMES[task] if counted[name].any()]
    columns = {"Model": "{name}"}
    short = {name: name.replace("ambiguous", "unread").capitalize() for name in shown}
    columns |= {short[name]: f"{{{name}:d}}" for name in shown}
    columns |= {"Counted": "{sycophantic:d}", "*n*": "{n:d}"}
    return report.table(counted, columns, TABLE, ["task", "model"])


def detections(frame: pd.DataFrame, known: dict[tuple[str, str], Item]) -> pd.DataFrame:
    """How often a fallacy is detected in the comments on each argument, over models and seeds.

    id, kind (what the argument's author made it), detected and detected_like (comments of each
    arm), flips (pairs in which the arms differ), split_models (whether, within an arm, some comment
    detects a fallacy and some other does not) and n (pairs). A comment that was not read counts as
    one that detects nothing, as the published rule has it.
    """
    rows = []
    for name, group in frame[frame["task"] == "feedback"].groupby("id", sort=True):
        found = (
            group.assign(found=group["reading"] == DETECTED)
            .set_index(["model", "seed", "arm"])["found"]
            .unstack("arm")
        )
        neutral, like = found["neutral"].sum(), found["like"].sum()
        item = known.get(("feedback", name))
        rows.append(
            {
                "id": name,
                "kind": item.options[item.gold] if item else "unknown",
                "detected": int(neutral),
                "detected_like": int(like),
                "flips": int((found["neutral"] != found["like"]).sum()),
                "split_models": any(0 < count < len(found) for count in (neutral, like)),
                "n": len(found),
            }
        )
    columns = ["id", "kind", "detected", "detected_like", "flips", "split_models", "n"]
    return pd.DataFrame(rows, columns=columns)
