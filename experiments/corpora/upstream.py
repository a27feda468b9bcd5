"""The upstream corpus: the source study's own splits and samples of SycophancyEval.

They are files of a public repository at a pinned commit. With `raw`, texts are those of the file,
word for word and with all options, as the source study used them; without it they are cleaned as
the pocket corpus is.

Traps in these files. TruthfulQA's options are its MC1 targets: the right one is always first, and
there are two to thirteen. Questions of the sycophancy samples stand in the TruthfulQA splits too,
most of them in the training split. Three in four prompts of the answer samples carry a remark of
the user. Options of the are-you-sure samples go beyond the letter E.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from experiments.corpora import pocket
from experiments.corpora.item import Item, read_rows
from experiments.errors import DataError

FOLDER = Path("data/upstream")
DATASETS = "sycophancy-in-lms/02_datasets"
SAMPLES = f"{DATASETS}/03_sycophancy_samples/sycophancy_test_samples.json"
TRAIN, TEST = "train", "test"
OPTION = re.compile(r"^\(([A-Z])\)[ \t]*(.*\S)", re.MULTILINE)


def split_rows(benchmark: str, split: str, needed: Sequence[str]) -> list[dict]:
    """The rows of one benchmark in the study's "train" or "test" split."""
    folder = FOLDER / DATASETS / f"02_general_benchmarks_splits/{split}_splits"
    return read_rows(folder / f"{benchmark}_{split}.jsonl", needed)


def gsm8k(split: str, raw: bool = False) -> Iterator[Item]:
    """GSM8K (Cobbe et al. 2021)."""
    for number, row in enumerate(split_rows("gsm8k", split, pocket.GSM8K_FIELDS)):
        yield pocket.problem(f"gsm8k/{split}/{number}", row, split, raw)


def mmlu(split: str, raw: bool = False) -> Iterator[Item]:
    """MMLU (Hendrycks et al. 2021): the study divided all subjects into training and test."""
    for number, row in enumerate(split_rows("mmlu", split, pocket.MMLU_FIELDS)):
        yield pocket.choice(f"mmlu/{row['subject']}/{split}/{number}", row, split, raw)


def hellaswag(split: str, raw: bool = False) -> Iterator[Item]:
    """HellaSwag (Zellers et al. 2019); items of one video or article are one cluster."""
    for row in split_rows("hellaswag", split, (*pocket.HELLASWAG_FIELDS, "ctx")):
        yield pocket.passage(f"hellaswag/{split}", row, split, raw)


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
