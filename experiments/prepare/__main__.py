"""Turn the corpus into training examples and evaluation items that share no cluster.

    python -m experiments.prepare

Writes prepared/evaluation/TASK.jsonl, prepared/train/ADAPTER.jsonl and
prepared/validation/ADAPTER.jsonl, and the tracked tables results/splits.csv and
results/leakage.csv. Measured on 2 CPU cores: 10 seconds, 0.5 GB of memory.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pandas as pd

from experiments import files, params
from experiments.corpora.item import Item, write_items, write_rows
from experiments.errors import run_stage
from experiments.prepare import pocket, upstream
from experiments.prepare.leakage import SHARED, leakage_table, refuse_leaks
from experiments.prepare.pools import is_ambiguous
from experiments.prepare.training import training_set

CORPORA: dict[str, ModuleType] = {"pocket": pocket, "upstream": upstream}
PREPARED = Path("prepared")
RESULTS = Path("results")
PARTS = ("train", "validation", "evaluation")


def main() -> None:
    """Read, split, check the result for leakage, and write."""
    parameters = params.load()
    corpus = CORPORA[parameters.corpus]
    corpus.verify(Path("data"))
    pools = corpus.pools(parameters)
    splits = corpus.split(pools, parameters)
    evaluation = corpus.evaluation_sets(splits, parameters)
    trained: dict[tuple[str, str], list[Item]] = {}
    rows: dict[str, list[dict]] = {}
    for name, adapter in parameters.adapters.items():
        for part in ("train", "validation"):
            trained[name, part], rows[f"{part}/{name}"] = training_set(
                splits, name, adapter, part, parameters
            )
    leakage = leakage_table(trained, evaluation, parameters.prepare.near_duplicate)
    if not corpus.keeps_overlap(parameters):
        refuse_leaks(leakage)
    with files.new_folder(PREPARED) as folder:
        for task, items in evaluation.items():
            write_items(folder / f"evaluation/{task}.jsonl", items)
        for name, examples in rows.items():
            write_rows(folder / f"{name}.jsonl", examples)
    table = split_table(pools, splits)
    if corpus is upstream:
        table["overlapping"] = upstream.overlap_counts(pools)
    files.write_text(RESULTS / "splits.csv", table.to_csv(index=False))
    files.write_text(RESULTS / "leakage.csv", leakage.to_csv(index=False))
    shared = (leakage[SHARED] > 0).any(axis=1).sum()
    print(
        f"prepared/ holds {len(evaluation)} tests and {len(parameters.adapters)} training sets; "
        f"{shared or 'no'} pairs of them share a cluster. "
        "Next: python -m experiments.train ADAPTER"
    )


def split_table(pools: dict[str, list[Item]], splits: dict) -> pd.DataFrame:
    """Items and clusters of every pool, the ambiguous ones left out, and what each part took."""
    rows = []
    for name, pool in pools.items():
        usable = [item for item in pool if not is_ambiguous(item)]
        rows.append(
            {
                "benchmark": name,
                "items": len(usable),
                "clusters": len({item.cluster for item in usable}),
                "ambiguous": len(pool) - len(usable),
                **{part: len(splits[name].get(part, ())) for part in PARTS},
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    run_stage(main)
