"""The source study's data files, from a folder that mirrors them; every byte is checked first."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from experiments.audit.reported import BENCHMARKS
from experiments.corpora.pins import SOURCE_FILES, STUDY, SourceFile, git_blob
from experiments.errors import DataError

PINNED = tuple(file for file in SOURCE_FILES if file.repository == STUDY)
SPLITS = ("train", "test")
DATASETS = "02_datasets"
SAMPLES = f"{DATASETS}/03_sycophancy_samples/sycophancy_test_samples.json"
FEEDBACK_EXAMPLES = f"{DATASETS}/03_sycophancy_samples/feedback_sycophantic_examples.json"
ANSWER_EXAMPLES = f"{DATASETS}/03_sycophancy_samples/answer_sycophantic_examples.json"


@dataclass(frozen=True)
class Mirror:
    """The parsed files: benchmark rows by (split, benchmark), sycophancy items by test."""

    rows: dict[tuple[str, str], list[dict]]
    samples: dict[str, list[dict]]
    feedback_examples: list[dict]
    answer_examples: list[dict]


def split_path(split: str, benchmark: str) -> str:
    """Where the study keeps one benchmark's rows of one split."""
    return f"{DATASETS}/02_general_benchmarks_splits/{split}_splits/{benchmark}_{split}.jsonl"


def load(folder: Path, pinned: Iterable[SourceFile]) -> Mirror:
    """Check and parse every pinned file below `folder`; DataError if one is missing or differs."""
    contents = verified(folder, pinned)
    rows = {
        (split, benchmark): [
            json.loads(line) for line in contents[split_path(split, benchmark)].splitlines()
        ]
        for split in SPLITS
        for benchmark in BENCHMARKS
    }
    return Mirror(
        rows=rows,
        samples=json.loads(contents[SAMPLES]),
        feedback_examples=json.loads(contents[FEEDBACK_EXAMPLES]),
        answer_examples=json.loads(contents[ANSWER_EXAMPLES]),
    )


def verified(folder: Path, pinned: Iterable[SourceFile]) -> dict[str, bytes]:
    """The content of every pinned file by its path in the source repository."""
    contents = {}
    for pin in pinned:
        try:
            content = (folder / pin.place).read_bytes()
        except FileNotFoundError:
            raise DataError(
                f"the mirror lacks {pin.path}; complete it, or leave --mirror out to use the "
                "tracked counts"
            ) from None
        if git_blob(content) != pin.git_blob:
            raise DataError(
                f"{pin.path} in the mirror is not the pinned file (its git blob id differs from "
                f"the one in experiments/corpora/pins.py); fetch it again at commit "
                f"{pin.repository.commit}"
            )
        contents[pin.path] = content
    return contents
