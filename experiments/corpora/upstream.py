"""The upstream corpus: the source study's own splits and sycophancy samples, and what they drew on.

Benchmarks, SycophancyEval (Sharma et al. 2023) and the model-written evaluations (Perez et al.
2022) as files of public repositories at pinned commits. Every reader gives the schema of the pocket
corpus. With `raw`, texts are those of the file, word for word and with all options, as the source
study used them; without it they are cleaned as the pocket corpus is.

Traps in these files. TruthfulQA's options are its MC1 targets: the right one is always first, and
there are two to thirteen. Questions of the sycophancy samples stand in the TruthfulQA splits too,
most of them in the training split. Three in four prompts of the answer samples carry a remark of
the user. Options of the are-you-sure samples go beyond the letter E.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from experiments.corpora import pocket
from experiments.corpora.duplicates import join_clusters
from experiments.corpora.item import Item, read_rows
from experiments.errors import DataError

FOLDER = Path("data/upstream")
DATASETS = "sycophancy-in-lms/02_datasets"
SAMPLES = f"{DATASETS}/03_sycophancy_samples/sycophancy_test_samples.json"
TRAIN, TEST = "train", "test"
MODEL_WRITTEN = {  # the file of each survey
    "nlp survey": "sycophancy_on_nlp_survey",
    "philosophy": "sycophancy_on_philpapers2020",
    "politics": "sycophancy_on_political_typology_quiz",
}
OPTION = re.compile(r"^\(([A-Z])\)[ \t]*(.*\S)", re.MULTILINE)
SURVEY_FRAME = re.compile(r"^.*\bfollowing (?:topic|question):\s*", re.DOTALL)


def split_rows(benchmark: str, split: str, needed: Sequence[str]) -> list[dict]:
    """The rows of one benchmark in the study's "train" or "test" split."""
    folder = FOLDER / DATASETS / f"02_general_benchmarks_splits/{split}_splits"
    return read_rows(folder / f"{benchmark}_{split}.jsonl", needed)


def gsm8k(split: str, raw: bool = False) -> Iterator[Item]:
    """GSM8K (Cobbe et al. 2021); cleaned, its calculator annotations are left out."""
    for number, row in enumerate(split_rows("gsm8k", split, ("question", "answer"))):
        name = f"gsm8k/{split}/{number}"
        if "####" not in row["answer"]:
            raise DataError(f"{name} has no final answer after '####'; fetch the pinned file again")
        solution = row["answer"] if raw else re.sub(r"<<.*?>>", "", row["answer"])
        yield Item(
            id=name,
            cluster=name,
            benchmark="gsm8k",
            question=row["question"] if raw else " ".join(row["question"].split()),
            solution=solution.strip(),
            split=split,
        )


def mmlu(split: str, raw: bool = False) -> Iterator[Item]:
    """MMLU (Hendrycks et al. 2021): the study divided all subjects into training and test."""
    fields = ("question", "subject", "choices", "answer")
    for number, row in enumerate(split_rows("mmlu", split, fields)):
        name = f"mmlu/{row['subject']}/{split}/{number}"
        yield Item(
            id=name,
            cluster=name,
            benchmark="mmlu",
            question=row["question"] if raw else row["question"].strip(),
            options=tuple(choice if raw else choice.strip() for choice in row["choices"]),
            gold=row["answer"],
            category=row["subject"],
            split=split,
        )


def hellaswag(split: str, raw: bool = False) -> Iterator[Item]:
    """HellaSwag (Zellers et al. 2019); items of one video or article are one cluster."""
    for row in split_rows("hellaswag", split, (*pocket.HELLASWAG_FIELDS, "ctx")):
        source = row["source_id"].split("~")[0]
        context = f"{row['ctx_a']} {row['ctx_b'].capitalize()}".strip()
        question = pocket.clean_passage(f"{row['activity_label']}: {context}")
        endings = tuple(row["endings"])
        yield Item(
            id=f"hellaswag/{split}/{source}/{row['ind']}",
            cluster=f"hellaswag/{row['source_id']}",
            benchmark="hellaswag",
            question=row["ctx"] if raw else question,
            options=endings if raw else tuple(map(pocket.clean_passage, endings)),
            gold=int(row["label"]),
            category=source,
            split=split,
        )


def truthfulqa(split: str, most_options: int | None = None) -> Iterator[Item]:
    """TruthfulQA (Lin et al. 2022), MC1: one right option and, up to `most_options`, wrong ones."""
    for number, row in enumerate(split_rows("truthfulqa", split, ("question", "mc1_targets"))):
        name = f"truthfulqa/{split}/{number}"
        choices, labels = row["mc1_targets"]["choices"], row["mc1_targets"]["labels"]
        if len(choices) != len(labels) or labels != [1] + [0] * (len(labels) - 1):
            raise DataError(
                f"{name} does not have its one right option first, as MC1 targets have; fetch the "
                "pinned file again"
            )
        yield Item(
            id=name,
            cluster=name,
            benchmark="truthfulqa",
            question=row["question"],
            options=tuple(choices[:most_options]),
            split=split,
        )


def samples(test: str) -> list[dict]:
    """The study's sample of one test of SycophancyEval, 300 rows each."""
    path = FOLDER / SAMPLES
    try:
        return json.loads(path.read_bytes())[test]
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run `python -m experiments.fetch`") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} does not hold the {test} samples ({error}); fetch it again"
        ) from None


def feedback(rows: Iterable[dict]) -> Iterator[Item]:
    """Arguments, every one of which holds the fallacy that `category` names.

    A text stands in the files once per remark; the texts are one cluster once clusters are joined.
    The remarks are left out: both protocols make their own.
    """
    for number, row in enumerate(rows):
        base = fields_of(row, f"feedback/{number}", ("text", "logical_error"))
        yield Item(
            id=f"feedback/{number}",
            cluster=f"feedback/{number}",
            benchmark="feedback",
            question=base["text"].strip(),
            options=("sound", "flawed"),
            gold=1,
            category=base["logical_error"],
            split=TEST,
        )


def are_you_sure(rows: Iterable[dict]) -> Iterator[Item]:
    """Lettered questions of TruthfulQA and AQuA; `prompt` is the human turn of the data set."""
    for number, row in enumerate(rows):
        name = f"are_you_sure/{number}"
        base = fields_of(row, name, ("question", "answers", "correct_letter", "dataset"))
        found = OPTION.findall(base["answers"])
        letters = "".join(letter for letter, _ in found)
        if letters != string.ascii_uppercase[: len(found)] or base["correct_letter"] not in letters:
            raise DataError(
                f"{name} does not list its options as (A), (B) and so on, with the right one; "
                "fetch the pinned file again"
            )
        yield Item(
            id=name,
            cluster=name,
            benchmark="are_you_sure",
            question=base["question"].strip(),
            options=tuple(text for _, text in found),
            gold=letters.index(base["correct_letter"]),
            category=base["dataset"],
            split=TEST,
            prompt=row["prompt"][0]["content"],
        )


def answer(rows: Iterable[dict]) -> Iterator[Item]:
    """Questions of TriviaQA and TruthfulQA with a right and a wrong answer, the right one first.

    `prompt` is the data set's own, which may carry a remark of the user.
    """
    for number, row in enumerate(rows):
        name = f"answer/{number}"
        fields = ("question", "correct_answer", "incorrect_answer", "dataset")
        base = fields_of(row, name, fields)
        yield Item(
            id=name,
            cluster=name,
            benchmark="answer",
            question=base["question"],
            options=(base["correct_answer"], base["incorrect_answer"]),
            category=base["dataset"],
            suggestion=base["incorrect_answer"],
            split=TEST,
            prompt=row["prompt"][0]["content"],
        )


def fields_of(row: dict, name: str, needed: Sequence[str]) -> dict:
    """The base of a SycophancyEval row; DataError if it lacks a field or a prompt."""
    base = row.get("base", {})
    missing = sorted(set(needed) - set(base)) + ([] if row.get("prompt") else ["prompt"])
    if missing:
        raise DataError(f"{name} lacks {', '.join(missing)}; fetch the pinned file again")
    return base


def paired_choice(same_claim: float, most_per_claim: int) -> tuple[list[Item], int]:
    """Model-written questions with two options, and how many rows were left out.

    The schema is that of pocket.paired_choice: option 0 does not follow the biography's author,
    option 1 does, `orders` begins with the lettering of the source. Left out are questions with
    three options or more (some of PhilPapers: to pair the author's view with one of several others
    would ask what the survey did not ask), and those beyond `most_per_claim` on one claim, of which
    a checksum of the text decides which stay. DataError if a file holds no question of this form.
    """
    items, read = [], 0
    for survey, stem in MODEL_WRITTEN.items():
        rows = read_rows(
            FOLDER / f"evals/sycophancy/{stem}.jsonl",
            ("question", "answer_matching_behavior", "answer_not_matching_behavior"),
        )
        found = [two_options(row, survey, number) for number, row in enumerate(rows)]
        if not any(found):
            raise DataError(
                f"{stem}.jsonl holds no question with options (A) and (B); fetch it again"
            )
        items += [item for item in found if item is not None]
        read += len(rows)
    kept = fewest_checksums(with_claims(items, same_claim), most_per_claim)
    return kept, read - len(kept)


def two_options(row: dict, survey: str, number: int) -> Item | None:
    """The item of one row, or None if it does not have exactly options (A) and (B)."""
    found = pocket.PAIRED_CHOICE.fullmatch(row["question"].rstrip())
    matching, other = (
        letters_of(row[f"answer_{kind}_behavior"]) for kind in ("matching", "not_matching")
    )
    if found is None or sorted(matching + other) != ["A", "B"] or len(matching) != 1:
        return None
    name = f"paired_choice/{survey.replace(' ', '_')}/{number}"
    return Item(
        id=name,
        cluster=name,
        benchmark="paired_choice",
        question=" ".join(found["question"].split()),
        options=(found[other[0]].strip(), found[matching[0]].strip()),
        category=survey,
        orders=((1, 0), (0, 1)) if matching == ["A"] else ((0, 1), (1, 0)),
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
        checksum = hashlib.sha256(item.question.encode()).hexdigest()
        clusters.setdefault(item.cluster, []).append((checksum, item.id))
    kept = {name for listed in clusters.values() for _, name in sorted(listed)[:most]}
    return [item for item in items if item.id in kept]
