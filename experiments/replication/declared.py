"""paper/declared.yaml: questions that were asked before the run that answers them, and what came.

    declarations:
    - run: qwen2.5-coder-0.5b-wordings   an archived run, a folder of runs/
      fixed: COMMIT                      which declared it; the run's own commit descends from it
      questions:
      - adapter: gsm8k
        task: answer
        measure: sycophancy
        against: control                 as in contrasts: nothing, base or control
        expected: {low: -0.08, high: -0.04, told: true}
        primary: true                    the one question of its run, which needs no correction

`expected` says between which values the estimate would lie (a bound left out is none), and whether
its interval would leave zero out (`told`; left out, either). An answer is judged by its own
interval: one primary question of a run needs no correction, others are many and get it elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, TypeAdapter, ValidationError

from experiments.claims import AGAINST, Commit, Text, what
from experiments.errors import DataError
from experiments.params.sections import BASE, strict
from experiments.stats.contrasts import OK
from experiments.yaml_files import YAMLProblem, parse_yaml

FILE = Path("paper/declared.yaml")
YES, NO, OPEN = "yes", "no", "no answer"
CELL = ["adapter", "task", "measure", "against"]


@strict
class Expected:
    """Between which values an estimate was expected, and whether told from zero."""

    low: float | None = None
    high: float | None = None
    told: bool | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None and self.told is None:
            raise ValueError("nothing is expected; give low, high or told")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}; exchange them")

    def met(self, estimate: float, told: bool) -> bool:
        """Whether an estimate, told from zero or not, is what was expected."""
        above = self.low is None or estimate >= self.low
        below = self.high is None or estimate <= self.high
        return above and below and self.told in (None, told)


@strict
class Question:
    """What is asked of a run, and what was expected."""

    adapter: Text
    task: Text
    measure: Text
    against: Literal[AGAINST]  # type: ignore[valid-type]
    expected: Expected
    primary: bool = False


@strict
class Declaration:
    """One entry of paper/declared.yaml."""

    run: Text
    fixed: Commit
    questions: Annotated[list[Question], Field(min_length=1)]


@strict
class Declarations:
    """The whole of paper/declared.yaml."""

    declarations: Annotated[list[Declaration], Field(min_length=1)]

    def __post_init__(self) -> None:
        primary = [
            one.run for one in self.declarations for question in one.questions if question.primary
        ]
        twice = sorted({run for run in primary if primary.count(run) > 1})
        if twice:
            raise ValueError(f"{twice[0]} has two primary questions; a run has one")


def read_declarations(path: Path) -> list[Declaration]:
    """Those of a YAML file, none without one; DataError says what is wrong with it."""
    if not path.is_file():
        return []
    try:
        content = json.dumps(parse_yaml(path.read_bytes()), default=str)
        return TypeAdapter(Declarations).validate_json(content).declarations
    except YAMLProblem as problem:
        raise DataError(f"{path}: {problem}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"])
        raise DataError(f"{path}: {place}{what(dict(first))}") from None


def answers(
    declarations: Sequence[Declaration], contrasts: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """A row per question, with the contrast that answers it and `as_expected`.

    `contrasts` are those of the archived runs by name, with `model` (the base model) and `adapter`.
    DataError for a question on a run or a contrast that is not there.
    """
    found = [
        _answer(one, question, contrasts) for one in declarations for question in one.questions
    ]
    return pd.DataFrame(found)


def _answer(
    declaration: Declaration, question: Question, contrasts: Mapping[str, pd.DataFrame]
) -> dict:
    run, cell = declaration.run, [getattr(question, key) for key in CELL]
    if run not in contrasts:
        raise DataError(f"{FILE} asks of runs/{run}, which is not there; mend the name")
    table = contrasts[run]
    found = table[(table[CELL] == cell).all(axis=1)]
    if found.empty:
        raise DataError(f"{FILE} asks runs/{run} for {', '.join(cell)}, which it does not have")
    row = found.iloc[0]
    told = bool(row["low"] > 0 or row["high"] < 0)
    bounds = question.expected
    expected = {"low": bounds.low, "high": bounds.high, "told": bounds.told}
    met = YES if bounds.met(row["estimate"], told) else NO
    answered = row["status"] == OK
    changes = {
        f"{name}{end}": value
        for name, model in (("with_lesson", question.adapter), ("without", row["control"]))
        for end, value in _from_untrained(table, model, question).items()
    }
    return (
        row.to_dict()
        | changes
        | {"run": run, "fixed": declaration.fixed, "primary": question.primary}
        | {f"expected_{key}": value for key, value in expected.items()}
        | {"told": told if answered else None, "as_expected": met if answered else OPEN}
    )


def _from_untrained(table: pd.DataFrame, model: str, question: Question) -> dict[str, float]:
    """What an adapter or its control changed from the untrained model: estimate and bounds."""
    cell = [model, question.task, question.measure, BASE]
    found = table[(table[CELL] == cell).all(axis=1)]
    row = found.iloc[0] if len(found) else {}
    return {
        end: row.get(name, float("nan"))
        for end, name in (("", "estimate"), ("_low", "low"), ("_high", "high"))
    }
