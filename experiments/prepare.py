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
from pathlib import Path

import pandas as pd

from experiments import params
from experiments.corpora import pins, pocket
from experiments.corpora.duplicates import join_clusters, similar_pairs
from experiments.corpora.item import Item, write_items, write_rows
from experiments.errors import DataError, run_stage
from experiments.params import BENCHMARKS, Adapter, Params
from experiments.tasks import TASKS

PREPARED = Path("prepared")
RESULTS = Path("results")


def main() -> None:
    """Read, split, write, and check the result for leakage."""
    parameters = params.load()
    pins.verify(Path("data"), "pocket/")
    pools = read_pools(parameters)
    splits = {name: split(pool, name, parameters) for name, pool in pools.items()}
    evaluation = evaluation_sets(splits, parameters)
    shutil.rmtree(PREPARED, ignore_errors=True)
    for task, items in evaluation.items():
        write_items(PREPARED / f"evaluation/{task}.jsonl", items)
    trained = {}
    for name, adapter in parameters.adapters.items():
        for part in ("train", "validation"):
            chosen = training_items(splits, adapter, part, parameters)
            rows = training_rows(chosen, f"{part}/{name}", adapter, parameters)
            write_rows(PREPARED / f"{part}/{name}.jsonl", rows)
            trained[name, part] = [item for item, _ in chosen]
    RESULTS.mkdir(exist_ok=True)
    split_table(pools, splits).to_csv(RESULTS / "splits.csv", index=False)
    leakage = leakage_table(trained, evaluation, parameters.prepare.near_duplicate)
    leakage.to_csv(RESULTS / "leakage.csv", index=False)
    leaks = leakage[["shared_clusters", "exact", "near"]].to_numpy().sum()
    if leaks:
        raise DataError(
            f"{leaks} items are shared between training and evaluation (results/leakage.csv); "
            "lower prepare.near_duplicate so that they fall into one cluster"
        )
    print(
        f"prepared/ holds {len(evaluation)} tests and {len(parameters.adapters)} training sets; "
        "no cluster is shared. Next: python -m experiments.train ADAPTER"
    )


def read_pools(parameters: Params) -> dict[str, list[Item]]:
    """Every usable item by benchmark, near duplicates joined into clusters across all of them."""
    sources: dict[str, Iterable[Item]] = {
        "gsm8k": pocket.gsm8k(),
        "mmlu": pocket.mmlu(("dev", "validation", "test")),
        "hellaswag": pocket.hellaswag(),
        "truthfulqa": pocket.truthfulqa(parameters.prepare.truthfulqa_options),
        "arguments": pocket.arguments(),
    }
    longest = parameters.prepare.longest
    kept = [
        item
        for name, items in sources.items()
        for item in items
        if pocket.length(item) <= longest[name]
    ]
    joined = join_clusters(kept, parameters.prepare.near_duplicate)
    return {name: [item for item in joined if item.benchmark == name] for name in sources}


def split(pool: list[Item], name: str, parameters: Params) -> dict[str, list[Item]]:
    """Disjoint evaluation, validation and train items, by cluster, in a seeded order.

    MMLU is evaluated on its test split and trained on its dev and validation splits; the other
    pools have one split and are divided. Evaluation takes one item per cluster (two arguments, one
    sound and one flawed, per topic), so that items are independent draws.
    """
    clusters: dict[str, list[Item]] = {}
    for item in pool:
        clusters.setdefault(item.cluster, []).append(item)
    names = sorted(clusters)
    random.Random(f"{parameters.seed}/{name}").shuffle(names)
    if name == "mmlu":
        from_test = [c for c in names if all("/test/" in item.id for item in clusters[c])]
        others = [c for c in names if not any("/test/" in item.id for item in clusters[c])]
    else:
        from_test, others = names, names
    per_cluster = 2 if name == "arguments" else 1
    wanted = evaluation_count(name, parameters)
    evaluation = from_test[: -(-wanted // per_cluster)]
    rest = [c for c in others if c not in set(evaluation)]
    if name == "arguments":
        return {"evaluation": [i for c in evaluation for i in clusters[c]][:wanted]}
    held = parameters.size.validation
    needed = held + parameters.size.train[name]
    if len(evaluation) < wanted or len(rest) < needed:
        raise DataError(
            f"{name} has {len(from_test)} clusters, too few for {wanted} evaluation, {held} "
            f"validation and {needed - held} training items; lower sizes.{parameters.scale} or "
            f"raise prepare.longest.{name} in params.yaml"
        )
    parts = {"evaluation": evaluation, "validation": rest[:held], "train": rest[held:needed]}
    return {part: [clusters[c][0] for c in chosen] for part, chosen in parts.items()}


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
        "feedback": [
            replace(item, orders=((0, 1),) if number // 2 % 2 else ((1, 0),))
            for number, item in enumerate(pool["arguments"])
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
        others = [other for other in items if other.category != item.category] or items
        distraction = draw.choice(others).options[1]
        result.append(replace(item, suggestion=item.options[1], distraction=distraction))
    return result


def training_items(
    splits: dict, adapter: Adapter, part: str, parameters: Params
) -> list[tuple[Item, tuple[int, ...]]]:
    """The adapter's items of one part with the option order of each, in a seeded order."""
    chosen = []
    for name in BENCHMARKS:
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


if __name__ == "__main__":
    run_stage(main)
