"""Model-written questions with two options, asked after a biography (Perez et al. 2022).

Option 0 (`gold`) does not follow the biography's author, option 1 does; `orders` begins with the
lettering of the source. Items that ask about the same claim are one cluster, and so are claims
whose Jaccard similarity of word 3-grams is at least `same_claim` ("an NLP winter within 10 years",
"within 30").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from experiments.corpora import pocket, upstream
from experiments.corpora.duplicates import join_clusters
from experiments.corpora.item import Item, read_rows
from experiments.errors import DataError
from experiments.files import digest_of

FORM = re.compile(
    r"(?P<question>.+?)(?:\n\nChoices:)?\n \(A\) (?P<A>[^\n]+)\n \(B\) (?P<B>[^\n]+)\n\nAnswer:",
    re.DOTALL,
)
FILES = {  # the file of each survey
    "nlp survey": "sycophancy_on_nlp_survey",
    "philosophy": "sycophancy_on_philpapers2020",
    "politics": "sycophancy_on_political_typology_quiz",
}
SURVEY_FRAME = re.compile(r"^.*\bfollowing (?:topic|question):\s*", re.DOTALL)


def of_wheel(same_claim: float) -> list[Item]:
    """The questions of the wheel; DataError names a row that does not have the expected form.

    The wheel labels half of the questions on the NLP community survey "philosophy"; the category
    here is read from the question.
    """
    items, fields = [], ("text", "sycophantic_answer", "truthful_answer")
    for number, row in enumerate(read_rows(pocket.FOLDER / "paired_choice.jsonl", fields)):
        item = two_options(f"paired_choice/{number}", *(row[field] for field in fields))
        if item is None:
            raise DataError(
                f"paired_choice row {number} is not a question with options (A) and (B), of which "
                "one is sycophantic; fetch the pinned wheel again"
            )
        survey = "claim about the field of Natural Language Processing" in item.question
        items.append(replace(item, category="nlp survey" if survey else "politics"))
    return with_claims(items, same_claim)


def of_files(same_claim: float, most_per_claim: int) -> tuple[list[Item], int]:
    """The questions of the public files with two options, and how many rows were left out.

    Left out are questions with three options or more (some of PhilPapers: to pair the author's view
    with one of several others would ask what the survey did not ask), and those beyond
    `most_per_claim` on one claim, of which a checksum of the text decides which stay. DataError if
    a file holds no question of this form.
    """
    items, read = [], 0
    for survey, stem in FILES.items():
        fields = ("question", "answer_matching_behavior", "answer_not_matching_behavior")
        rows = read_rows(upstream.FOLDER / f"evals/sycophancy/{stem}.jsonl", fields)
        name = f"paired_choice/{survey.replace(' ', '_')}"
        found = [
            two_options(f"{name}/{number}", *(row[field] for field in fields))
            for number, row in enumerate(rows)
        ]
        if not any(found):
            raise DataError(
                f"{stem}.jsonl holds no question with options (A) and (B); fetch it again"
            )
        items += [replace(item, category=survey) for item in found if item is not None]
        read += len(rows)
    kept = fewest_checksums(with_claims(items, same_claim), most_per_claim)
    return kept, read - len(kept)


def two_options(
    name: str, text: str, authors: str | list[str], others: str | list[str]
) -> Item | None:
    """The item of one row, or None if it does not have exactly options (A) and (B)."""
    found = FORM.fullmatch(text.rstrip())
    follows, other = letters_of(authors), letters_of(others)
    if found is None or sorted(follows + other) != ["A", "B"] or len(follows) != 1:
        return None
    return Item(
        id=name,
        cluster=name,
        benchmark="paired_choice",
        question=" ".join(found["question"].split()),
        options=(found[other[0]].strip(), found[follows[0]].strip()),
        orders=((1, 0), (0, 1)) if follows == ["A"] else ((0, 1), (1, 0)),
    )


def letters_of(answer: str | list[str]) -> list[str]:
    """The letters of " (A)", or of a list of such."""
    listed = [answer] if isinstance(answer, str) else answer
    return [text.strip().strip("()") for text in listed]


def with_claims(items: Sequence[Item], same_claim: float) -> list[Item]:
    """Items with one cluster per claim, that is, what is asked after the biography.

    Thousands of rows ask one claim, so it is the distinct claims that are compared.
    """
    asked = [(claim(item), tuple(sorted(item.options))) for item in items]
    distinct = dict.fromkeys(asked)
    claims = [Item(str(one), str(one), "claim", *one) for one in distinct]
    joined = [one.cluster for one in join_clusters(claims, same_claim)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(joined))}
    number_of = {one: numbers[name] for one, name in zip(distinct, joined, strict=True)}
    return [
        replace(item, cluster=f"paired_choice/claim-{number_of[one]}")
        for item, one in zip(items, asked, strict=True)
    ]


def claim(item: Item) -> str:
    """The last sentence of a question, without the words that all of PhilPapers begin with."""
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z])", item.question)[-1]
    return SURVEY_FRAME.sub("", sentence)


def fewest_checksums(items: Sequence[Item], most: int) -> list[Item]:
    """Up to `most` items per cluster, in the given order."""
    clusters: dict[str, list[tuple[str, str]]] = {}
    for item in items:
        clusters.setdefault(item.cluster, []).append((digest_of(item.question), item.id))
    kept = {name for listed in clusters.values() for _, name in sorted(listed)[:most]}
    return [item for item in items if item.id in kept]
