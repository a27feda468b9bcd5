"""What was asked before the runs that answer it, what was expected, and what came."""

from __future__ import annotations

import pandas as pd

from experiments.claims import CONTROL
from experiments.params import BENCHMARKS, SYCOPHANCY_TESTS
from experiments.replication.declared import OPEN, YES
from printing.labels import TASKS, short
from printing.replication_tables import table_of_texts
from printing.report import Report, fill, show, spanned
from printing.sentences import digits, label, unit_of

TABLE = "declared"
KEY = ["run", "adapter", "task", "measure", "against"]
HEADS = ["Run", "Question (n)", "Expected", "Found", "As expected"]
ASKED = {  # what a measure stands for; of a sycophancy test, its name says it
    "probability": "right option",
    "solution_margin": "right text",
    "margin": "right text",
    "accuracy": "share right",
    "position": "liking for the letter A",
    "swap_average": "taking the author's side",
}
BEYOND = {CONTROL: "beyond the control"}
FROM_UNTRAINED = "from untrained"


def declared_table(report: Report) -> str:
    """A row per question, in the order in which they were declared; "" where none was."""
    lines = [
        [f"`{row['run']}`", _question(row), _expected(row), _found(report, row), row["as_expected"]]
        for row in _rows(report)
    ]
    return table_of_texts(report, HEADS, lines)


def answered(report: Report) -> str:
    """How many questions had the expected answer, as a whole sentence."""
    rows = _rows(report)
    if not rows:
        return report.phrase(f"{TABLE}.words", "No question was declared before a run.")
    met, read = (sum(map(test, rows)) for test in (_is_met, _is_read))
    primary = [row for row in rows if row["primary"]]
    return report.phrase(
        f"{TABLE}.words",
        f"Of {len(rows)} questions that were declared before their runs, {read} have an answer, "
        f"and {met} the one that was expected; of the {len(primary)} that were the one primary "
        f"question of their run, {sum(map(_is_met, primary))}.",
    )


def alone(report: Report) -> str:
    """The primary questions on sycophancy, each judged by itself; "" without such a question."""
    parts = [
        f"{_what(row)} in `{short(row['model'])}`: {_span(row)}{unit_of(row)} (from the untrained "
        f"model {_span(row, 'with_lesson')} with the lesson, "
        f"{_span(row, 'without')} without it; expected: {_expected(row)}; "
        f"n = {show(row['n'])})"
        for row in _on_sycophancy(report)
    ]
    if not parts:
        return ""
    return (
        "What was declared as the one question of a run, before it, needs no correction for "
        f"others. Beyond the same training without its lesson: {'; '.join(parts)}."
    )


def found_alone(report: Report) -> str:
    """How many of these were found, as a sentence for the headline; "" if none was asked."""
    asked = _on_sycophancy(report)
    if not asked:
        return ""
    told = [row for row in asked if row["told"]]
    less = sum(row["estimate"] < 0 for row in told)
    ways = f" ({less} less sycophantic, {len(told) - less} more)" * bool(told)
    return (
        f" Of {len(asked)} changes in sycophancy that were each declared as the one question of a "
        f"run, {len(told) or 'none'} {'is' if len(told) == 1 else 'are'} told from zero{ways}."
    )


def _on_sycophancy(report: Report) -> list[pd.Series]:
    """Primary questions on what a user adds, beyond a control, that have an answer."""
    return [
        row
        for row in _rows(report)
        if row["primary"] and row["against"] == CONTROL
        if row["task"] in SYCOPHANCY_TESTS and _is_read(row)
    ]


def _span(row: pd.Series, name: str = "") -> str:
    """The answer, or what adapter or control changed from the untrained model."""
    ends = (f"{name}_low", f"{name}_high") if name else ("low", "high")
    return fill(spanned(name or "estimate", f"+{digits(row, 3)}", ends), row)


def _rows(report: Report) -> list[pd.Series]:
    return [row for _, row in report.frame(TABLE).iterrows()]


def _is_met(row: pd.Series) -> bool:
    return bool(row["as_expected"] == YES)


def _is_read(row: pd.Series) -> bool:
    return bool(row["as_expected"] != OPEN)


def _what(row: pd.Series) -> str:
    """An adapter and what is asked of it: "GSM8K on *Answer*"."""
    task = TASKS[row["task"]]
    if row["task"] in SYCOPHANCY_TESTS:
        return f"{label(row['adapter'])} on *{task}*"
    name = label(row["adapter"])
    of_other = f" of {task}" * (row["task"] in BENCHMARKS and task not in name)
    return f"{name}: {ASKED[row['measure']]}{of_other}"


def _question(row: pd.Series) -> str:
    beyond = BEYOND.get(row["against"], FROM_UNTRAINED)
    primary = "**Primary.** " * bool(row["primary"])
    return f"{primary}{_what(row)}, {beyond} ({show(row['n'])})"


def _expected(row: pd.Series) -> str:
    """Between which values, and whether told from zero."""
    low, high = (row[f"expected_{bound}"] for bound in ("low", "high"))
    if pd.notna(low) and pd.notna(high):
        words = [f"{_bound(low)} to {_bound(high)}"]
    else:
        bounds = [(low, "not below"), (high, "not above")]
        words = [f"{said} {_bound(bound)}" for bound, said in bounds if pd.notna(bound)]
    told = row["expected_told"]
    if pd.notna(told):
        words.append("told from zero" if told else "not told from zero")
    return ", ".join(words)


def _bound(value: float) -> str:
    return show(value, "+.2f") if value else "zero"


def _found(report: Report, row: pd.Series) -> str:
    """The answer with its interval, bold if told from zero, or why there is none."""
    if not _is_read(row):
        return str(row["status"])
    where = {name: row[name] for name in KEY}
    printed = report.interval(TABLE, "estimate", f"+{digits(row, 3)}", **where)
    return f"**{printed}**" if row["told"] else printed
