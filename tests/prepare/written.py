"""What the stage wrote, and parameters with other sizes."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from experiments import params
from experiments.corpora.item import Item, read_items, read_rows
from experiments.params import Adapter, Params

COMMITTED = params.load(Path(__file__).resolve().parents[2] / "params.yaml")


def resized(settings: Params, part: str, **sizes: int) -> Params:
    """The parameters with other sizes at their scale."""
    changed = replace(settings.size, **{part: {**getattr(settings.size, part), **sizes}})
    return replace(settings, sizes={**settings.sizes, settings.scale: changed})


def with_adapters(settings: Params, **adapters: Adapter) -> Params:
    """The parameters with these adapters only, three or more."""
    named = [*adapters][:3]
    return replace(settings, adapters=adapters, analyze=replace(settings.analyze, correlate=named))


def asked() -> dict[str, list[Item]]:
    """The prepared items of every test."""
    return {path.stem: read_items(path) for path in sorted(Path("prepared/evaluation").iterdir())}


def examples(part: str) -> dict[str, list[dict]]:
    """The prepared rows of every adapter."""
    return {path.stem: read_rows(path) for path in sorted(Path(f"prepared/{part}").iterdir())}


def everything() -> dict[str, bytes]:
    """Every file that the stage writes."""
    return {
        str(path): path.read_bytes()
        for folder in ("prepared", "results")
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def assert_nothing_is_shared() -> None:
    """No cluster, item or question of any training or validation set is in any test."""
    tested = [item for items in asked().values() for item in items]
    clusters, ids = {item.cluster for item in tested}, {item.id for item in tested}
    questions = {item.question for item in tested}
    learned = {}
    for part in ("train", "validation"):
        rows = [row for listed in examples(part).values() for row in listed]
        learned[part] = {row["cluster"] for row in rows}
        assert not learned[part] & clusters
        assert not {row["id"] for row in rows} & ids
        shown = "\n".join(turn["content"] for row in rows for turn in row["messages"])
        assert not [question for question in questions if question in shown]
    assert not learned["train"] & learned["validation"]


def splits() -> pd.DataFrame:
    """The tracked table of splits, by pool."""
    return pd.read_csv("results/splits.csv").set_index("benchmark")
