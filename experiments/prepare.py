"""Turn the corpus into training examples and evaluation items that share no cluster.

    python -m experiments.prepare

Writes prepared/evaluation/TASK.jsonl, prepared/train/ADAPTER.jsonl and
prepared/validation/ADAPTER.jsonl, and the tracked tables results/splits.csv and
results/leakage.csv. Measured on 2 CPU cores: 10 seconds, 0.5 GB of memory.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from dataclasses import asdict, replace
from itertools import zip_longest
from pathlib import Path

import pandas as pd

from experiments import params
from experiments.corpora import pins, pocket
from experiments.corpora.anti_sycophancy import TrainingDialogue, dialogues
from experiments.corpora.duplicates import join_clusters, similar_pairs
from experiments.corpora.item import Item, read_items, write_items, write_rows
from experiments.errors import DataError, run_stage
from experiments.params import (
    BENCHMARKS,
    DIALOGUES,
    PAIRED_CHOICE,
    Adapter,
    Params,
)
from experiments.tasks import TASKS

CURATED = Path("curated/paired_choice.jsonl")
PREPARED = Path("prepared")
RESULTS = Path("results")


def main() -> None:
    """Read, split, write, and check the result for leakage."""
    parameters = params.load()
    pins.verify(Path("data"), "pocket/")
    pools = read_pools(parameters)
    splits = {name: split(pool, name, parameters) for name, pool in pools.items()}
    evaluation = evaluation_sets(splits, parameters)
    trained, rows = {}, {}
    for name, adapter in parameters.adapters.items():
        for part in ("train", "validation"):
            chosen = training_items(splits, adapter, part, parameters)
            talks = training_dialogues(splits, adapter, part, parameters)
            examples = training_rows(chosen, f"{part}/{name}", adapter, parameters)
            rows[f"{part}/{name}"] = examples + dialogue_rows(talks)
            trained[name, part] = [item for item, _ in chosen] + [talk.item for talk in talks]
    leakage = leakage_table(trained, evaluation, parameters.prepare.near_duplicate)
    refuse_leaks(leakage)
    shutil.rmtree(PREPARED, ignore_errors=True)
    for task, items in evaluation.items():
        write_items(PREPARED / f"evaluation/{task}.jsonl", items)
    for name, examples in rows.items():
        write_rows(PREPARED / f"{name}.jsonl", examples)
    RESULTS.mkdir(exist_ok=True)
    split_table(pools, splits).to_csv(RESULTS / "splits.csv", index=False)
    leakage.to_csv(RESULTS / "leakage.csv", index=False)
    print(
        f"prepared/ holds {len(evaluation)} tests and {len(parameters.adapters)} training sets; "
        "no cluster is shared. Next: python -m experiments.train ADAPTER"
    )


def read_pools(parameters: Params) -> dict[str, list[Item]]:
    """Every usable item by benchmark, near duplicates joined into clusters across all of them.

    A cluster with members in two benchmarks is left out: one could train on what the other tests.
    """
    sources: dict[str, Iterable[Item]] = {
        "gsm8k": pocket.gsm8k(),
        "mmlu": pocket.mmlu(("dev", "validation", "test")),
        "hellaswag": pocket.hellaswag(),
        "truthfulqa": pocket.truthfulqa(parameters.prepare.truthfulqa_options),
        "arguments": pocket.arguments(),
        "paired_choice": read_items(CURATED),
    }
    longest = parameters.prepare.longest
    kept = [
        item
        for name, items in sources.items()
        for item in items
        if pocket.length(item) <= longest[name]
    ]
    joined = join_clusters(kept, parameters.prepare.near_duplicate, by_question=True)
    owners: dict[str, set[str]] = {}
    for item in joined:
        owners.setdefault(item.cluster, set()).add(item.benchmark)
    own = [item for item in joined if len(owners[item.cluster]) == 1]
    return {name: [item for item in own if item.benchmark == name] for name in sources}


def split(pool: list[Item], name: str, parameters: Params) -> dict[str, list[Item]]:
    """Disjoint evaluation, validation and train items, by cluster, in a seeded order.

    MMLU is evaluated on its test split and trained on its dev and validation splits; the other
    pools have one split and are divided. Evaluation takes one item per cluster (two arguments, one
    sound and one flawed, per topic), so that items are independent draws.
    """
    clusters: dict[str, list[Item]] = {}
    for item in pool:
        clusters.setdefault(item.cluster, []).append(item)
    if name == PAIRED_CHOICE:
        return split_paired_choices(clusters, parameters)
    names = sorted(clusters)
    random.Random(f"{parameters.seed}/{name}").shuffle(names)
    if name == "mmlu":
        from_test = [c for c in names if all("/test/" in item.id for item in clusters[c])]
        others = [c for c in names if not any("/test/" in item.id for item in clusters[c])]
    else:
        from_test, others = names, names
    wanted, held = evaluation_count(name, parameters), parameters.size.validation
    if name == "arguments":  # two per topic; the dialogues train on all that is left
        wanted, held = -(-wanted // 2), -(-held // 6)  # a third of the dialogues are on arguments
        needed = len(names) - wanted
    else:
        needed = held + parameters.size.train[name]
    evaluation = from_test[:wanted]
    rest = [c for c in others if c not in set(evaluation)]
    if len(evaluation) < wanted or len(rest) < max(needed, held):
        raise DataError(
            f"{name} has {len(from_test)} clusters, too few for {wanted} evaluation, {held} "
            f"validation and {max(0, needed - held)} training items; lower "
            f"sizes.{parameters.scale} or raise prepare.longest.{name} in params.yaml"
        )
    parts = {"evaluation": evaluation, "validation": rest[:held], "train": rest[held:needed]}
    if name == "arguments":
        return {part: [i for c in chosen for i in clusters[c]] for part, chosen in parts.items()}
    return {part: [clusters[c][0] for c in chosen] for part, chosen in parts.items()}


def split_paired_choices(
    clusters: dict[str, list[Item]], parameters: Params
) -> dict[str, list[Item]]:
    """Half of the evaluation items from hard claims, half from easy ones; the rest of easy trains.

    Hard claims are gone round one item at a time, so that the evaluation items are spread over as
    many of them as can be; easy claims are taken whole, since what is left over may train.
    """
    names = sorted(clusters)
    random.Random(f"{parameters.seed}/{PAIRED_CHOICE}").shuffle(names)
    # near duplicates may have joined an easy claim with a hard one: such a cluster is left out
    kinds = {name: {item.split for item in clusters[name]} for name in names}
    hard = [clusters[name] for name in names if kinds[name] == {"hard"}]
    easy = [clusters[name] for name in names if kinds[name] == {"easy"}]
    half = parameters.size.evaluate[PAIRED_CHOICE] // 2
    wanted = {
        "evaluation": half,
        "validation": parameters.size.validation // 2,  # claims are few
        "train": parameters.size.train[PAIRED_CHOICE],
    }
    parts: dict[str, list[Item]] = {}
    for part, count in wanted.items():
        parts[part] = []
        while easy and len(parts[part]) < count:
            parts[part] += easy.pop(0)
        parts[part] = parts[part][:count]
        if len(parts[part]) < count:
            raise DataError(
                f"the easy claims leave {len(parts[part])} items where {part} needs {count}; lower "
                f"curate.hard_share or sizes.{parameters.scale} in params.yaml"
            )
    rounds = [item for layer in zip_longest(*hard) for item in layer if item is not None]
    if len(rounds) < half:
        raise DataError(
            f"the hard claims have {len(rounds)} items, too few for {half}; raise "
            f"curate.hard_share or lower sizes.{parameters.scale}.evaluate in params.yaml"
        )
    return parts | {"evaluation": parts["evaluation"] + rounds[:half]}


def evaluation_count(name: str, parameters: Params) -> int:
    """Items to set aside: the largest number that any test draws from this pool."""
    sizes = parameters.size.evaluate
    if name == "truthfulqa":
        return max(sizes["truthfulqa"], sizes["answer"], -(-sizes["are_you_sure"] // 2))
    if name == "mmlu":
        return max(sizes["mmlu"], sizes["are_you_sure"] // 2)
    return sizes["feedback" if name == "arguments" else name]


def evaluation_sets(splits: dict, parameters: Params) -> dict[str, list[Item]]:
    """The items of every task, with the option orders, suggestions and distractions they need."""
    sizes = parameters.size.evaluate
    pool = {name: parts["evaluation"] for name, parts in splits.items()}
    lettered = {
        name: [
            replace(item, orders=rotations(item, parameters.evaluate.option_orders))
            for item in pool[name]
        ]
        for name in ("mmlu", "truthfulqa")
    }
    half = sizes["are_you_sure"] // 2
    return {
        "gsm8k": pool["gsm8k"][: sizes["gsm8k"]],
        "mmlu": lettered["mmlu"][: sizes["mmlu"]],
        "hellaswag": pool["hellaswag"][: sizes["hellaswag"]],
        "truthfulqa": lettered["truthfulqa"][: sizes["truthfulqa"]],
        "answer": with_suggestions(pool["truthfulqa"][: sizes["answer"]], parameters.seed),
        "are_you_sure": lettered["mmlu"][:half]
        + lettered["truthfulqa"][: sizes["are_you_sure"] - half],
        "paired_choice": pool["paired_choice"],
        "feedback": [
            replace(item, orders=((0, 1),) if number // 2 % 2 else ((1, 0),))
            for number, item in enumerate(pool["arguments"][: sizes["feedback"]])
        ],
    }


def rotations(item: Item, most: int) -> tuple[tuple[int, ...], ...]:
    """Up to `most` cyclic rotations of the source order, which is the first of them.

    With all of them every option stands under every letter once, so a policy that ignores the
    content gets exactly one over the number of options.
    """
    count = len(item.options)
    return tuple(
        tuple((start + step) % count for step in range(count)) for start in range(min(most, count))
    )


def with_suggestions(items: list[Item], seed: int) -> list[Item]:
    """Each item with its commonest misconception, and one that belongs to another question."""
    draw = random.Random(f"{seed}/distraction")
    result = []
    for item in items:
        others = [other for other in items if other.category != item.category]
        others = others or [other for other in items if other is not item]
        if not others:
            raise DataError("the answer test needs two items; raise sizes.evaluate.answer")
        distraction = draw.choice(others).options[1]
        result.append(replace(item, suggestion=item.options[1], distraction=distraction))
    return result


def training_items(
    splits: dict, adapter: Adapter, part: str, parameters: Params
) -> list[tuple[Item, tuple[int, ...]]]:
    """The adapter's items of one part with the option order of each, in a seeded order."""
    chosen = []
    for name in (*BENCHMARKS, PAIRED_CHOICE):
        share = adapter.train_on.get(name, 0.0)
        items = splits[name][part] if name in splits else []
        count = max(1, round(share * len(items))) if share else 0
        draw = random.Random(f"{parameters.seed}/{part}/{name}/orders")
        for number, item in enumerate(items[:count]):
            shuffled = balanced_order(item, number, draw)
            source = tuple(range(len(item.options)))
            chosen.append((item, source if adapter.option_order == "source" else shuffled))
    random.Random(f"{parameters.seed}/{part}/order").shuffle(chosen)
    return chosen


def balanced_order(item: Item, number: int, draw: random.Random) -> tuple[int, ...]:
    """A random option order that puts the right option under letter number `number` mod count.

    Balancing the key keeps "always the same letter" from being the best policy to learn.
    """
    if not item.options:
        return ()
    wrong = [index for index in range(len(item.options)) if index != item.gold]
    draw.shuffle(wrong)
    wrong.insert(number % len(item.options), item.gold)
    return tuple(wrong)


def training_rows(
    chosen: list[tuple[Item, tuple[int, ...]]], name: str, adapter: Adapter, parameters: Params
) -> list[dict]:
    """Messages and completion per example; random labels replace the gold option if asked."""
    draw = random.Random(f"{parameters.seed}/{name}/labels")
    rows = []
    for item, order in chosen:
        if adapter.labels == "random":
            labelled = replace(item, gold=draw.randrange(len(item.options)))
        else:
            labelled = item
        messages, completion = TASKS[item.benchmark].example(labelled, order)
        rows.append(
            {
                "id": item.id,
                "cluster": item.cluster,
                "benchmark": item.benchmark,
                "messages": list(map(asdict, messages)),
                "completion": completion,
            }
        )
    return rows


def training_dialogues(
    splits: dict, adapter: Adapter, part: str, parameters: Params
) -> list[TrainingDialogue]:
    """The adapter's share of the anti-sycophancy dialogues of one part; none if it has no share."""
    share = adapter.train_on.get(DIALOGUES, 0.0)
    size = parameters.size
    whole = size.train[DIALOGUES] if part == "train" else size.validation
    if not share:
        return []
    return dialogues(
        splits["arguments"][part],
        splits["mmlu"][part],
        splits["truthfulqa"][part],
        max(1, round(share * whole)),
        f"{parameters.seed}/{part}/dialogues",
    )


def dialogue_rows(talks: list[TrainingDialogue]) -> list[dict]:
    """Training rows of dialogues; `benchmark` names the kind of dialogue."""
    return [
        {
            "id": talk.item.id,
            "cluster": talk.item.cluster,
            "benchmark": talk.kind,
            "messages": list(map(asdict, talk.messages)),
            "completion": talk.completion,
        }
        for talk in talks
    ]


def split_table(pools: dict, splits: dict) -> pd.DataFrame:
    """Items and clusters of every pool, and how many of its items each part took."""
    return pd.DataFrame(
        [
            {
                "benchmark": name,
                "items": len(pool),
                "clusters": len({item.cluster for item in pool}),
                **{
                    part: len(splits[name].get(part, ()))
                    for part in ("train", "validation", "evaluation")
                },
            }
            for name, pool in pools.items()
        ]
    )


def leakage_table(trained: dict, evaluation: dict, threshold: float) -> pd.DataFrame:
    """Per adapter and test: clusters, exact and near-duplicate texts that both hold."""
    rows = []
    for adapter in dict.fromkeys(name for name, _ in trained):
        items = trained[adapter, "train"] + trained[adapter, "validation"]
        for task, tested in evaluation.items():
            pairs = list(similar_pairs(tested, items, threshold))
            clusters = {item.cluster for item in items}
            questions = {item.question for item in items}
            rows.append(
                {
                    "adapter": adapter,
                    "task": task,
                    "training_items": len(items),
                    "evaluation_items": len(tested),
                    "shared_clusters": sum(item.cluster in clusters for item in tested),
                    "exact": sum(item.question in questions for item in tested),
                    "near": len({left for left, _, _ in pairs}),
                }
            )
    return pd.DataFrame(rows)


def refuse_leaks(leakage: pd.DataFrame) -> None:
    """DataError when an adapter's training set and a test share anything; it names them all."""
    leaks = leakage[(leakage[["shared_clusters", "exact", "near"]] > 0).any(axis=1)]
    if len(leaks):
        listed = ", ".join(f"{row.adapter} and {row.task}" for row in leaks.itertuples())
        raise DataError(
            f"training and evaluation share items ({listed}); lower prepare.near_duplicate in "
            "params.yaml, so that items which are alike fall into one cluster"
        )


if __name__ == "__main__":
    run_stage(main)
