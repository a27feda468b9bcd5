"""Turn the corpus into training examples and evaluation items that share no cluster.

    python -m experiments.prepare

Writes prepared/evaluation/TASK.jsonl, prepared/train/ADAPTER.jsonl and
prepared/validation/ADAPTER.jsonl, and the tracked tables results/splits.csv and
results/leakage.csv. Measured on 2 CPU cores: 10 seconds, 0.5 GB of memory.

The upstream corpus keeps the source study's own splits: its training rows train and validate, its
test rows and sycophancy samples are asked. Training items whose cluster is asked leave training
(`prepare.overlap: remove`) or, under the published protocol, stay as they did in that study
(`keep`). Under that protocol its items are trained on as the study's plain texts.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from itertools import chain, zip_longest
from math import inf
from pathlib import Path

import pandas as pd

from experiments import params
from experiments.corpora import pins, pocket, upstream
from experiments.corpora.duplicates import join_clusters, similar_pairs
from experiments.corpora.item import Item, read_items, write_items, write_rows
from experiments.errors import DataError, run_stage
from experiments.params import (
    BENCHMARKS,
    DIALOGUES,
    PAIRED_CHOICE,
    SYCOPHANCY_TESTS,
    Adapter,
    Params,
)
from experiments.tasks import PROTOCOLS, TASKS
from experiments.tasks.anti_sycophancy import TrainingDialogue, dialogues

CURATED = Path("curated/paired_choice.jsonl")
PREPARED = Path("prepared")
RESULTS = Path("results")
# The order in which the source study put its training sets one after the other.
STUDY_ORDER = ("gsm8k", "mmlu", "truthfulqa", "hellaswag")
STUDY_VALIDATION = 0.1  # the share of its training rows, the last ones, that the study held out


def main() -> None:
    """Read, split, write, and check the result for leakage."""
    parameters = params.load()
    if parameters.corpus == "upstream":
        pins.verify_source(Path("data"), "upstream", "wheel")  # paired choices come curated
    else:
        pins.verify(Path("data"), "pocket/")
    pools = read_pools(parameters)
    if parameters.corpus == "upstream":
        splits = source_splits(pools, parameters)
        evaluation = source_evaluation_sets(splits, parameters)
    else:
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
    if parameters.corpus == "pocket" or parameters.prepare.overlap == "remove":
        refuse_leaks(leakage)
    shutil.rmtree(PREPARED, ignore_errors=True)
    for task, items in evaluation.items():
        write_items(PREPARED / f"evaluation/{task}.jsonl", items)
    for name, examples in rows.items():
        write_rows(PREPARED / f"{name}.jsonl", examples)
    RESULTS.mkdir(exist_ok=True)
    table = split_table(pools, splits)
    if parameters.corpus == "upstream":
        table["overlapping"] = [overlap_count(pools, name) for name in table["benchmark"]]
    table.to_csv(RESULTS / "splits.csv", index=False)
    leakage.to_csv(RESULTS / "leakage.csv", index=False)
    shared = (leakage[["shared_clusters", "exact", "near"]] > 0).any(axis=1).sum()
    print(
        f"prepared/ holds {len(evaluation)} tests and {len(parameters.adapters)} training sets; "
        f"{shared or 'no'} pairs of them share a cluster. "
        "Next: python -m experiments.train ADAPTER"
    )


def read_pools(parameters: Params) -> dict[str, list[Item]]:
    """Every usable item by benchmark, near duplicates joined into clusters across all of them.

    A cluster with members in two benchmarks is left out: one could train on what the other tests.
    Not so in the upstream corpus, whose sycophancy samples ask questions of the benchmarks.
    """
    from_source = parameters.corpus == "upstream"
    sources = (source_items if from_source else pocket_items)(parameters) | {
        "arguments": pocket.arguments(),
        "paired_choice": read_items(CURATED),
    }
    kept = [
        item
        for name, items in sources.items()
        for item in items
        if pocket.length(item) <= longest(name, parameters)
    ]
    joined = join_clusters(kept, parameters.prepare.near_duplicate, by_question=True)
    if from_source:
        return {name: [item for item in joined if item.benchmark == name] for name in sources}
    owners: dict[str, set[str]] = {}
    for item in joined:
        owners.setdefault(item.cluster, set()).add(item.benchmark)
    own = [item for item in joined if len(owners[item.cluster]) == 1]
    return {name: [item for item in own if item.benchmark == name] for name in sources}


def pocket_items(parameters: Params) -> dict[str, Iterable[Item]]:
    """The benchmarks of the pocket corpus."""
    return {
        "gsm8k": pocket.gsm8k(),
        "mmlu": pocket.mmlu(("dev", "validation", "test")),
        "hellaswag": pocket.hellaswag(),
        "truthfulqa": pocket.truthfulqa(parameters.prepare.truthfulqa_options),
    }


def source_items(parameters: Params) -> dict[str, Iterable[Item]]:
    """The benchmarks and sycophancy samples of the upstream corpus.

    Under the published protocol texts are those of the files, and TruthfulQA has all its options.
    """
    raw = parameters.protocol == "published"
    most_options = None if raw else parameters.prepare.truthfulqa_options
    readers = {
        "gsm8k": partial(upstream.gsm8k, raw=raw),
        "mmlu": partial(upstream.mmlu, raw=raw),
        "hellaswag": partial(upstream.hellaswag, raw=raw),
        "truthfulqa": partial(upstream.truthfulqa, most_options=most_options),
    }
    items: dict[str, Iterable[Item]] = {
        name: chain(read(upstream.TRAIN), read(upstream.TEST)) for name, read in readers.items()
    }
    for name in SYCOPHANCY_TESTS:
        items[name] = getattr(upstream, name)(upstream.samples(name))
    return items


def longest(name: str, parameters: Params) -> float:
    """The most characters an item of a pool may have; no limit if prepare.longest is null."""
    limits = parameters.prepare.longest
    pools = {"answer": "truthfulqa", "are_you_sure": "truthfulqa", "feedback": "arguments"}
    return inf if limits is None else limits[pools.get(name, name)]


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
    size = parameters.size
    half = size.evaluate[PAIRED_CHOICE] // 2
    wanted = {
        "evaluation": half,
        # claims are few
        "validation": min(size.validation, size.train[PAIRED_CHOICE]) // 2,
        "train": size.train[PAIRED_CHOICE],
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
    if parameters.corpus == "upstream":
        return 0  # only authored arguments are divided, and they are not asked there
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


def source_splits(pools: dict[str, list[Item]], parameters: Params) -> dict:
    """Evaluation, validation and train items as the source study divided them, in a seeded order.

    Evaluation takes every row it may, several of one cluster too, as the study did. Of the training
    rows a tenth at most is validation; sizes are upper bounds, since rows whose cluster is asked
    may be left out. DataError if a test has fewer rows than it is to ask.
    """
    asked = asked_clusters(pools)
    splits = {}
    for name, pool in pools.items():
        order = random.Random(f"{parameters.seed}/{name}")
        if name == PAIRED_CHOICE or name == "arguments":
            free = [item for item in pool if item.cluster not in asked]
            splits[name] = split(free, name, parameters)
            continue
        tested = [item for item in pool if item.split == upstream.TEST]
        if name == "answer":
            tested = with_distractions(tested, parameters.seed)
        order.shuffle(tested)
        wanted = parameters.size.evaluate[name]
        if len(tested) < wanted:
            raise DataError(
                f"{name} has {len(tested)} items to ask, too few for {wanted}; lower "
                f"sizes.{parameters.scale}.evaluate.{name} or raise prepare.longest in params.yaml"
            )
        splits[name] = {"evaluation": tested[:wanted]}
        if name in BENCHMARKS:
            keep = parameters.prepare.overlap == "keep"
            free = [
                item
                for item in pool
                if item.split == upstream.TRAIN and (keep or item.cluster not in asked)
            ]
            splits[name] |= divided(free, name, order, parameters)
    return splits


def asked_clusters(pools: dict[str, list[Item]]) -> set[str]:
    """The clusters of all that the upstream corpus asks, at whatever scale."""
    return {item.cluster for pool in pools.values() for item in pool if item.split == upstream.TEST}


def overlap_count(pools: dict[str, list[Item]], name: str) -> int:
    """Training items of a pool whose cluster is asked."""
    asked = asked_clusters(pools)
    return sum(item.cluster in asked for item in pools[name] if item.split != upstream.TEST)


def divided(
    free: list[Item], name: str, order: random.Random, parameters: Params
) -> dict[str, list[Item]]:
    """Train and validation items, by cluster; DataError if nothing is left to train on."""
    clusters: dict[str, list[Item]] = {}
    for item in free:
        clusters.setdefault(item.cluster, []).append(item)
    names = sorted(clusters)
    order.shuffle(names)
    held = min(parameters.size.validation, max(1, int(len(free) * STUDY_VALIDATION)))
    validation: list[Item] = []
    while names and len(validation) < held:
        validation += clusters[names.pop()]
    train = [item for cluster in names for item in clusters[cluster]]
    if not train:
        raise DataError(
            f"{name} has no training items left; raise prepare.longest.{name} in params.yaml"
        )
    return {"train": train[: parameters.size.train[name]], "validation": validation}


def source_evaluation_sets(splits: dict, parameters: Params) -> dict[str, list[Item]]:
    """The items of every task, with the option orders they need."""
    sets = {name: splits[name]["evaluation"] for name in (*BENCHMARKS, *SYCOPHANCY_TESTS)}
    for name in ("mmlu", "truthfulqa", "are_you_sure"):
        most = parameters.evaluate.option_orders
        sets[name] = [replace(item, orders=rotations(item, most)) for item in sets[name]]
    sets["feedback"] = [
        replace(item, orders=((0, 1),) if number % 2 else ((1, 0),))
        for number, item in enumerate(sets["feedback"])
    ]
    return sets | {PAIRED_CHOICE: splits[PAIRED_CHOICE]["evaluation"]}


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


def with_distractions(items: list[Item], seed: int) -> list[Item]:
    """Each answer sample with the wrong answer to another question of its own data set.

    The data sets are told apart by `category`: beside a name, a sentence would stand out by form.
    """
    kinds: dict[str, list[Item]] = {}
    for item in items:
        kinds.setdefault(item.category, []).append(item)
    return [item for kind in kinds.values() for item in with_suggestions(kind, seed)]


def training_items(
    splits: dict, adapter: Adapter, part: str, parameters: Params
) -> list[tuple[Item, tuple[int, ...]]]:
    """The adapter's items of one part with the option order of each, in a seeded order."""
    chosen, names = [], (*BENCHMARKS, PAIRED_CHOICE)
    if as_in_study(parameters):
        chosen = [
            (item, tuple(range(len(item.options)))) for item in study_items(splits, adapter, part)
        ]
        names = (PAIRED_CHOICE,)
    for name in names:
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


def as_in_study(parameters: Params) -> bool:
    """Whether benchmarks are trained on as the source study did."""
    return parameters.corpus == "upstream" and parameters.protocol == "published"


def study_items(splits: dict, adapter: Adapter, part: str) -> list[Item]:
    """The adapter's benchmark items of one part, divided by position as in the source study.

    Its training sets stand one after the other and the last tenth validates, so that the combined
    adapter is validated on HellaSwag alone. Validation items whose cluster trains are left out.
    """
    whole: list[Item] = []
    for name in STUDY_ORDER:
        share = adapter.train_on.get(name, 0.0)
        items = splits[name]["train"] + splits[name]["validation"] if share else []
        whole += items[: max(1, round(share * len(items)))]
    train = whole[: len(whole) - max(1, int(len(whole) * STUDY_VALIDATION))]
    if part == "train":
        return train
    learned = {item.cluster for item in train}
    return [item for item in whole[len(train) :] if item.cluster not in learned]


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
    """Messages and completion per example; random labels replace the gold option if asked.

    A plain text, as the source study trained on, is a completion without messages.
    """
    draw = random.Random(f"{parameters.seed}/{name}/labels")
    tasks = PROTOCOLS["published"] if as_in_study(parameters) else TASKS
    rows = []
    for item, order in chosen:
        if adapter.labels == "random":
            labelled = replace(item, gold=draw.randrange(len(item.options)))
        else:
            labelled = item
        messages, completion = tasks[item.benchmark].example(labelled, order)
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
    # not even an overlap that is kept belongs into dialogues, which the source study did not have
    asked = {item.cluster for parts in splits.values() for item in parts["evaluation"]}
    arguments, questions, misconceptions = (
        [item for item in splits[name][part] if item.cluster not in asked]
        for name in ("arguments", "mmlu", "truthfulqa")
    )
    if parameters.corpus == "upstream":  # whose parts are as large as the overlap leaves them
        most = len(misconceptions)  # half of all dialogues are about these
        whole = min(whole, max(most, 2 * most // 6 * 6))
    return dialogues(
        arguments,
        questions,
        misconceptions,
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
