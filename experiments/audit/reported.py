"""The figures the source study published, read from paper/reported/ and checked for agreement."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd

from experiments.audit.findings import Finding, holds
from experiments.errors import DataError

BASELINE = "baseline"
BENCHMARKS = ("gsm8k", "mmlu", "truthfulqa", "hellaswag")
TESTS = ("feedback", "are_you_sure", "answer")
ROUNDING = 5e-5  # scores were published to four decimals

NAMES = {
    BASELINE: "baseline",
    "gsm8k": "GSM8K",
    "mmlu": "MMLU",
    "truthfulqa": "TruthfulQA",
    "hellaswag": "HellaSwag",
    "combined": "Combined",
    "feedback": "feedback",
    "are_you_sure": "are-you-sure",
    "answer": "answer",
}

# The study's own column names, by test.
SCORES = {**{name: name for name in BENCHMARKS}, **{name: f"{name}_score" for name in TESTS}}
CHANGES = {
    **{name: f"{name}_change" for name in BENCHMARKS},
    "feedback": "feedback_sycophancy_change",
    "are_you_sure": "are_you_sure_change",
    "answer": "answer_change",
}


@dataclass(frozen=True)
class Reported:
    """The published figures.

    scores: model × test, the baseline first. changes: adapter × test. rates: one row per model and
    test with count, n, score, the published interval and the number of undetected replies.
    correlations: benchmark, test, published. quoted: the numbers quoted in prose. counts: the
    tracked counts of the data files. procedure: how the study split, parsed and gave intervals.
    """

    scores: pd.DataFrame
    changes: pd.DataFrame
    rates: pd.DataFrame
    correlations: pd.DataFrame
    quoted: pd.DataFrame
    counts: dict
    procedure: dict

    @property
    def adapters(self) -> list[str]:
        """The fine-tuned models, in published order."""
        return [name for name in self.scores.index if name != BASELINE]


def load(folder: Path) -> Reported:
    """Read every table of `folder`; DataError names a missing or malformed file."""
    scores = read(folder / "complete_results.csv", ["adapter_name", *SCORES.values()])
    changes = read(folder / "performance_changes.csv", ["adapter_name", *CHANGES.values()])
    correlations = read(
        folder / "correlation_analysis.csv", ["benchmark", "sycophancy_dataset", "correlation"]
    )
    return Reported(
        scores=by_test(scores, SCORES),
        changes=by_test(changes, CHANGES),
        rates=with_counts(
            read(folder / "per_adapter.csv", ["model", "test", "count", "score", "n"], {"count"})
        ),
        correlations=correlations.rename(
            columns={"sycophancy_dataset": "test", "correlation": "published"}
        ),
        # decimals of a quoted number are part of what was quoted: 0.080 is not 0.08
        quoted=read(folder / "quoted.csv", ["id", "statistic", "low", "high"], dtype=str),
        counts=read_json(folder / "mirror_counts.json"),
        procedure=read_json(folder / "procedure.json"),
    )


def read(
    path: Path,
    columns: list[str],
    may_be_empty: Collection[str] = (),
    dtype: type | None = None,
) -> pd.DataFrame:
    """One published table with a value in every row of these columns, unless it may be empty.

    DataError if the file is missing, malformed, or lacks a column or a value.
    """
    try:
        table = pd.read_csv(StringIO(text_of(path)), dtype=dtype)
    except ValueError as error:  # pandas' own classes are among its subclasses
        raise DataError(f"{path} is not a table ({error}); {restore(path)}") from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]}; {restore(path)}")
    empty = table[[name for name in columns if name not in may_be_empty]].isna().any()
    if empty.any():
        raise DataError(f"{path} lacks a value of the column {empty.idxmax()}; {restore(path)}")
    return table


def read_json(path: Path) -> dict:
    """One JSON object; DataError if the file is missing or holds none."""
    try:
        content = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}); {restore(path)}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} is not a JSON object; {restore(path)}")
    return content


def text_of(path: Path) -> str:
    """The text of a file; DataError if there is none, or something else in its place."""
    if not path.is_file():
        raise DataError(f"{path} is missing or no file; {restore(path)}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text; {restore(path)}") from None


def restore(path: Path) -> str:
    """How to have the committed file back."""
    return f"restore it with `git checkout -- {path}`"


def by_test(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """A published wide table as model × test, tests by their common names."""
    names = {column: test for test, column in columns.items()}
    return table.set_index("adapter_name").rename(columns=names)[list(columns)]


def with_counts(rates: pd.DataFrame) -> pd.DataFrame:
    """Fill counts that were published as a rate only; DataError if rate × n is not a whole number.

    `count_published` says which counts were published and which are rate × n.
    """
    whole = (rates["score"] * rates["n"]).round()
    count = rates["count"].fillna(whole)
    wrong = (count / rates["n"] - rates["score"]).abs() > ROUNDING
    if wrong.any():
        row = rates[wrong].iloc[0]
        raise DataError(
            f"per_adapter.csv: the score {row['score']} of {row['model']} on {row['test']} is not "
            f"a whole number of its {row['n']} items; restore the published file"
        )
    return rates.assign(count=count.astype(int), count_published=rates["count"].notna())


def cell_name(subject: str, test: str) -> str:
    """A cell of a published table in words: model or benchmark × test."""
    return f"{NAMES.get(subject, subject)} × {NAMES.get(test, test)}"


def row(rates: pd.DataFrame, model: str, test: str) -> pd.Series:
    """The one row of `rates` for a model and a test; KeyError if there is none."""
    found = rates[(rates["model"] == model) & (rates["test"] == test)]
    if len(found) != 1:
        raise KeyError(f"{len(found)} rows for {model} on {test}")
    return found.iloc[0]


def findings(reported: Reported) -> list[Finding]:
    """Do the published tables agree with each other?"""
    scores, changes, rates = reported.scores, reported.changes, reported.rates
    recomputed = scores.loc[changes.index] - scores.loc[BASELINE]
    wide = rates.pivot(index="model", columns="test", values="score").reindex_like(scores)
    disagree = sum(
        int(((one - other).abs() > ROUNDING).to_numpy().sum())
        for one, other in ((wide, scores), (recomputed, changes))
    )
    return [
        Finding(
            id="tables_agree",
            said="Scores and changes are published in three tables and one file per adapter.",
            data=f"{scores.size} scores and {changes.size} changes, of which {disagree} differ "
            "between the tables.",
            verdict=holds(disagree == 0),
            numbers={"scores": scores.size, "changes": changes.size, "disagree": disagree},
            n=scores.size + changes.size,
            source="complete_results.csv, performance_changes.csv, per_adapter.csv",
        )
    ]
