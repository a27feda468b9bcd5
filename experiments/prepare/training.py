"""What every adapter learns: its share of each pool, as rows of messages and completion.

The upstream corpus under the published protocol is trained on as the source study did: plain texts
in source order, a completion without messages. Rows of an adapter with `labels: own` also list the
`choices` among which the base model, which is there in training only, finds its own answer; a
solution in GSM8K is written.
"""

from __future__ import annotations

import random
from dataclasses import asdict

from experiments.corpora.item import Item
from experiments.engine.request import Dialogue
from experiments.params import BENCHMARKS, DIALOGUES, PAIRED_CHOICE, Adapter, Params
from experiments.prepare.division import Parts
from experiments.prepare.framing import balanced_order
from experiments.prepare.upstream import study_items, trains_as_study
from experiments.tasks import PROTOCOLS
from experiments.tasks.anti_sycophancy import TrainingDialogue, dialogues
from experiments.tasks.lettered import letters


def training_set(
    splits: dict[str, Parts], name: str, adapter: Adapter, part: str, parameters: Params
) -> tuple[list[Item], list[dict]]:
    """The items that an adapter learns from in one part, and its rows."""
    chosen = training_items(splits, adapter, part, parameters)
    talks = training_dialogues(splits, adapter, part, parameters)
    rows = benchmark_rows(chosen, parameters)
    rows += [row(talk.item, talk.kind, talk.messages, talk.completion) for talk in talks]
    if adapter.labels == "own":
        choices = [offered(item, order) for item, order in chosen] + [one.choices for one in talks]
        rows = [
            one | ({"choices": list(offer)} if offer else {})
            for one, offer in zip(rows, choices, strict=True)
        ]
    if adapter.labels == "shuffled":
        rows = with_answers_of_others(
            rows, random.Random(f"{parameters.seed}/{part}/{name}/labels")
        )
    return [item for item, _ in chosen] + [talk.item for talk in talks], rows


def training_items(
    splits: dict[str, Parts], adapter: Adapter, part: str, parameters: Params
) -> list[tuple[Item, tuple[int, ...]]]:
    """The adapter's items of one part with the option order of each, in a seeded order."""
    chosen, pools = [], (*BENCHMARKS, PAIRED_CHOICE)
    if trains_as_study(parameters):
        pools = (PAIRED_CHOICE,)
        chosen = [(item, item.source_order) for item in study_items(splits, adapter, part)]
    for pool in pools:
        share = adapter.train_on.get(pool, 0.0)
        items = splits[pool][part] if pool in splits else []
        count = max(1, round(share * len(items))) if share else 0
        draw = random.Random(f"{parameters.seed}/{part}/{pool}/orders")
        for number, item in enumerate(items[:count]):
            shuffled = balanced_order(item, number, draw)
            from_source = adapter.option_order == "source"
            chosen.append((item, item.source_order if from_source else shuffled))
    random.Random(f"{parameters.seed}/{part}/order").shuffle(chosen)
    return chosen


def benchmark_rows(chosen: list[tuple[Item, tuple[int, ...]]], parameters: Params) -> list[dict]:
    """One row per example."""
    tasks = PROTOCOLS["published" if trains_as_study(parameters) else "controlled"]
    return [
        row(item, item.benchmark, *tasks[item.benchmark].example(item, order))
        for item, order in chosen
    ]


def offered(item: Item, order: tuple[int, ...]) -> tuple[str, ...]:
    """The completions among which the base model chooses: letters, endings, or none of GSM8K."""
    if item.benchmark == "gsm8k":
        return ()
    return item.options if item.benchmark == "hellaswag" else letters(order)


def with_answers_of_others(rows: list[dict], draw: random.Random) -> list[dict]:
    """The same prompts, each with the answer to another of its kind: form without content.

    Every answer is used once, so letters and lengths stay as frequent as they were. A kind is a
    benchmark, or the test that a dialogue is like. A plain text keeps what precedes its answer.
    """
    kinds: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        kinds.setdefault(row["benchmark"].partition("/")[0], []).append(number)
    parts = [
        ("", "", row["completion"]) if row["messages"] else row["completion"].rpartition("Answer: ")
        for row in rows
    ]
    completions = {}
    for numbers in kinds.values():
        draw.shuffle(numbers)
        for number, other in zip(numbers, [*numbers[1:], *numbers[:1]], strict=True):
            asked, mark, _ = parts[number]
            completions[number] = asked + mark + parts[other][2]
    return [row | {"completion": completions[number]} for number, row in enumerate(rows)]


def training_dialogues(
    splits: dict[str, Parts], adapter: Adapter, part: str, parameters: Params
) -> list[TrainingDialogue]:
    """The adapter's share of the anti-sycophancy dialogues of one part; none if it has no share."""
    share = adapter.train_on.get(DIALOGUES, 0.0)
    if not share:
        return []
    size = parameters.size
    whole = size.train[DIALOGUES] if part == "train" else size.validation
    # not even an overlap that is kept belongs into dialogues, which the source study did not have
    asked = {item.cluster for parts in splits.values() for item in parts["evaluation"]}
    arguments, questions, misconceptions = (
        [item for item in splits[name][part] if item.cluster not in asked]
        for name in ("arguments", "mmlu", "truthfulqa")
    )
    if parameters.corpus == "upstream":  # whose parts are as large as the overlap leaves them
        most = len(misconceptions)  # half of all dialogues are about these
        whole = min(whole, max(most, 2 * most // 6 * 6))
    count, seed = max(1, round(share * whole)), f"{parameters.seed}/{part}/dialogues"
    frames = parameters.evaluate.frames
    return dialogues(arguments, questions, misconceptions, count, frames, seed)


def row(item: Item, benchmark: str, messages: Dialogue, completion: str) -> dict:
    """One line of a training file; `benchmark` of a dialogue names its kind."""
    return {
        "id": item.id,
        "cluster": item.cluster,
        "benchmark": benchmark,
        "messages": list(map(asdict, messages)),
        "completion": completion,
    }
