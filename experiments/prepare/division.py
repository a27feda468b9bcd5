"""How a pool is divided by cluster, in a seeded order, where the corpus brings no division."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import zip_longest

from experiments.corpora.item import Item
from experiments.errors import DataError
from experiments.params import PAIRED_CHOICE, Params
from experiments.prepare.pools import is_ambiguous

Parts = dict[str, list[Item]]  # "evaluation", "validation" and "train"


def shuffled_clusters(pool: Sequence[Item], draw: random.Random) -> dict[str, list[Item]]:
    """The items of a pool by cluster, clusters in a seeded order, without ambiguous items."""
    clusters: dict[str, list[Item]] = {}
    for item in pool:
        clusters.setdefault(item.cluster, []).append(item)
    names = sorted(clusters)
    draw.shuffle(names)
    # ambiguous items leave after the shuffle, so the order of the others does not depend on them
    kept = {name: [item for item in clusters[name] if not is_ambiguous(item)] for name in names}
    return {name: items for name, items in kept.items() if items}


def divide(
    name: str,
    testable: Sequence[str],
    trainable: Sequence[str],
    sizes: tuple[int, int, int | None],
    parameters: Params,
) -> dict[str, Sequence[str]]:
    """The clusters of every part of the pool `name`, from the first of those that may be in it.

    `sizes` are those of evaluation, validation and train; None takes all that are left. DataError
    if there are too few.
    """
    wanted, held, learned = sizes
    evaluation = testable[:wanted]
    taken = set(evaluation)
    rest = [cluster for cluster in trainable if cluster not in taken]
    needed = held + (learned or 0)
    if len(evaluation) < wanted or len(rest) < needed:
        raise DataError(
            f"{name} has {len(testable)} clusters, too few for {wanted} evaluation, {held} "
            f"validation and {learned or 0} training items; lower sizes.{parameters.scale} or "
            f"raise prepare.longest.{name} in params.yaml"
        )
    end = None if learned is None else needed
    return {"evaluation": evaluation, "validation": rest[:held], "train": rest[held:end]}


def split_arguments(pool: Sequence[Item], asked: int, parameters: Params) -> Parts:
    """`asked` items for evaluation, in whole topics of a sound and a flawed argument each.

    A third of the dialogues are on arguments; they train on all that is left.
    """
    topics = shuffled_clusters(pool, random.Random(f"{parameters.seed}/arguments"))
    sizes = (-(-asked // 2), -(-parameters.size.validation // 6), None)
    parts = divide("arguments", list(topics), list(topics), sizes, parameters)
    return {
        part: [item for name in names for item in topics[name]] for part, names in parts.items()
    }


def split_paired_choice(pool: Sequence[Item], parameters: Params) -> Parts:
    """Half of the evaluation items from hard claims, half from easy ones; the rest of easy trains.

    Hard claims are gone round one item at a time, so that the evaluation items are spread over as
    many of them as can be; easy claims are taken whole, since what is left over may train.
    """
    claims = shuffled_clusters(pool, random.Random(f"{parameters.seed}/{PAIRED_CHOICE}"))
    # near duplicates may have joined an easy claim with a hard one: such a cluster is left out
    kinds = {name: {item.split for item in items} for name, items in claims.items()}
    hard = [items for name, items in claims.items() if kinds[name] == {"hard"}]
    easy = [items for name, items in claims.items() if kinds[name] == {"easy"}]
    size = parameters.size
    half, learned = size.evaluate[PAIRED_CHOICE] // 2, size.train[PAIRED_CHOICE]
    held = min(size.validation, learned) // 2  # claims are few
    parts: Parts = {}
    for part, count in (("evaluation", half), ("validation", held), ("train", learned)):
        taken: list[Item] = []
        while easy and len(taken) < count:
            taken += easy.pop(0)
        if len(taken) < count:
            raise DataError(
                f"the easy claims leave {len(taken)} items where {part} needs {count}; lower "
                f"curate.hard_share or sizes.{parameters.scale} in params.yaml"
            )
        parts[part] = taken[:count]
    rounds = [item for layer in zip_longest(*hard) for item in layer if item is not None]
    if len(rounds) < half:
        raise DataError(
            f"the hard claims have {len(rounds)} items, too few for {half}; raise "
            f"curate.hard_share or lower sizes.{parameters.scale}.evaluate in params.yaml"
        )
    return parts | {"evaluation": parts["evaluation"] + rounds[:half]}
