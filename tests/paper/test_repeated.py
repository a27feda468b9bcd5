"""What a run with several training seeds says beside the run at hand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from experiments import params
from printing import repeated
from tests.paper.test_runs import ROOT, door, root, write_run  # noqa: F401

PARAMETERS = params.load(ROOT / "params.yaml")


def opened(root: Path) -> door.Report:  # noqa: F811
    door._read.cache_clear()
    return door.Report("index", root)


def at_hand(root: Path, **changes: float) -> None:  # noqa: F811
    """Results of the run at hand: effects as `write_run` makes them."""
    folder = write_run(
        root, "other", changes={(model, "feedback"): value for model, value in changes.items()}
    )
    table = pd.read_csv(folder / "results/effects.csv")
    table.to_csv(root / "results/effects.csv", index=False)


def test_the_run_with_most_seeds_on_the_same_items_is_taken(root: Path) -> None:  # noqa: F811
    write_run(root, "one")
    assert repeated.most_seeds(opened(root), PARAMETERS) is None
    write_run(root, "two", seeds=(1, 2))
    write_run(root, "three", seeds=(1, 2, 3))
    write_run(root, "elsewhere", seeds=(1, 2, 3, 4), corpus="upstream")
    write_run(root, "published", seeds=(1, 2, 3, 4), protocol="published")
    assert repeated.most_seeds(opened(root), PARAMETERS).name == "three"
    other = replace(PARAMETERS.model, name="org/other", revision="0" * 40)
    assert repeated.most_seeds(opened(root), replace(PARAMETERS, model=other)) is None


def test_directions_are_compared_with_the_run_at_hand(root: Path) -> None:  # noqa: F811
    # se 0.1, 20 clusters and a spread of 0.3 over three seeds: half an interval is 0.48 or so
    write_run(
        root,
        "long",
        seeds=(1, 2, 3),
        changes={("gsm8k", "answer"): 2.0, ("gsm8k", "feedback"): -2.0, ("mmlu", "answer"): 0.3},
    )
    at_hand(root, gsm8k=0.5, mmlu=0.1)
    report = opened(root)
    run = repeated.most_seeds(report, PARAMETERS)
    table = repeated.effects_of(report, run).set_index(["model", "task"])
    assert table.at[("gsm8k", "answer"), "told"] and table.at[("gsm8k", "feedback"), "told"]
    assert not table.at[("mmlu", "answer"), "told"]
    told = int(table["told"].sum())
    text = repeated.repeated_in_words(report, run)
    assert "its 3 adapters with 3 seeds and asked 40 to 40 items" in text
    assert f"Of its 9 pre-declared effects {told} have" in text
    assert f"({told - 1} up, 1 down;" in text
    # not alike: feedback after GSM8K, which rose at hand, and after MMLU, not detected there
    assert "7 of the 9 effects that the run at hand has too say the same" in text
    assert "and 1 say the opposite" in text
    lines = repeated.repeated_table(report, run).splitlines()
    row = next(line for line in lines if line.startswith("| GSM8K"))
    assert re.search(r"\*\*\+2\.00\*\* \[\+1\.\d\d, \+2\.\d\d\]", row) and "**−2.00**" in row
