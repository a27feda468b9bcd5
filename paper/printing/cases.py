"""Which effects over all models are counted as cases, and how they are named.

A case is an effect with several training runs and readable replies, beyond the declared control,
of results/replication.csv.
"""

from __future__ import annotations

import pandas as pd

from experiments.params import BASE, BENCHMARKS, DIALOGUES
from experiments.replication.verdicts import CAPABILITY, SYCOPHANCY
from experiments.replication.verdicts import taught as taught_here
from experiments.stats.contrasts import OK
from printing.labels import MODELS, TASKS, short
from printing.replication import effect, of_kind
from printing.report import Report
from printing.sentences import label


def judged(effects: pd.DataFrame) -> pd.DataFrame:
    """Effects with several training runs and readable replies, beyond the declared control."""
    return declared(effects[effects["status"] == OK])


def declared(effects: pd.DataFrame) -> pd.DataFrame:
    """One row per effect: that beyond the declared control, which comes first."""
    return effects.drop_duplicates(["model", "adapter", "task"])


def of_benchmarks(report: Report) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What training on benchmarks did to sycophancy, and to the benchmark that was taught."""
    moved, gained = (in_order(judged(of_kind(report, kind))) for kind in (SYCOPHANCY, CAPABILITY))
    return moved[on_benchmarks(moved)], gained[taught_here(gained)]


def on_benchmarks(effects: pd.DataFrame) -> pd.Series:
    """Whether the adapter learned the right answers of benchmarks, one or several, and no more."""
    lessons = effects["lesson"].fillna("").astype(str).str.split()
    kept = [bool(listed) and set(listed) <= set(BENCHMARKS) for listed in lessons]
    return pd.Series(kept, index=effects.index, dtype=bool)


def is_mix(row: pd.Series) -> bool:
    """Whether the adapter learned several benchmarks."""
    return " " in str(row["lesson"])


def beyond_control(report: Report) -> pd.DataFrame:
    """What the dialogues against sycophancy did beyond their control."""
    beyond = judged(of_kind(report))
    return beyond[beyond["lesson"] == DIALOGUES]


def from_untrained(report: Report, row: pd.Series) -> list[pd.Series | None]:
    """What the adapter of an effect and then its control changed; None if it was not asked."""
    return [
        effect(report, row["kind"], BASE, row["model"], name, row["task"])
        for name in (row["adapter"], row["control"])
    ]


def in_order(effects: pd.DataFrame) -> pd.DataFrame:
    """By adapter in the order of labels.py, whatever run they are from."""
    places = {name: place for place, name in enumerate(MODELS)}
    return effects.sort_values("adapter", key=lambda names: names.map(places), kind="stable")


def named(row: pd.Series) -> str:
    """What was learned, and where: "GSM8K in `model`"; of a mix, "GSM8K with Combined"."""
    mixed = f"{TASKS[row['task']]} with " * is_mix(row)
    return f"{mixed}{taught(row)} in `{short(row['model'])}`"


def taught(row: pd.Series) -> str:
    """What an adapter learned, in words that need no table: "TruthfulQA in 6 passes"."""
    again = row["passes"] > 1 and pd.notna(row["lesson"]) and not is_mix(row)
    return (
        f"{label(row['lesson'])} in {row['passes']:.0f} passes" if again else label(row["adapter"])
    )


def rows(table: pd.DataFrame) -> list[pd.Series]:
    return [row for _, row in table.iterrows()]
