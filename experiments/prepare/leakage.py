"""What adapters learn from and tests ask alike, counted; and refused where it is a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from experiments.corpora.duplicates import similar_pairs
from experiments.corpora.item import Item
from experiments.errors import DataError

SHARED = ["shared_clusters", "exact", "near"]


def leakage_table(
    trained: Mapping[tuple[str, str], Sequence[Item]],
    evaluation: Mapping[str, Sequence[Item]],
    threshold: float,
) -> pd.DataFrame:
    """Per adapter and test: asked items whose cluster or text is trained on, or nearly so.

    `trained` has the items by adapter and part ("train", "validation").
    """
    rows = []
    for adapter in dict.fromkeys(name for name, _ in trained):
        items = [*trained[adapter, "train"], *trained[adapter, "validation"]]
        clusters = {item.cluster for item in items}
        questions = {item.question for item in items}
        for task, tested in evaluation.items():
            pairs = similar_pairs(tested, items, threshold)
            rows.append(
                {
                    "adapter": adapter,
                    "task": task,
                    "training_items": len(items),
                    "evaluation_items": len(tested),
                    "shared_clusters": sum(item.cluster in clusters for item in tested),
                    "exact": sum(item.question in questions for item in tested),
                    "near": len({asked for asked, _, _ in pairs}),
                }
            )
    return pd.DataFrame(rows)


def refuse_leaks(leakage: pd.DataFrame) -> None:
    """DataError when an adapter's training set and a test share anything; it names them all."""
    leaks = leakage[(leakage[SHARED] > 0).any(axis=1)]
    if len(leaks):
        listed = ", ".join(f"{row.adapter} and {row.task}" for row in leaks.itertuples())
        raise DataError(
            f"training and evaluation share items ({listed}); lower prepare.near_duplicate in "
            "params.yaml, so that items which are alike fall into one cluster"
        )
