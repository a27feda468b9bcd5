"""What became of every test where a benchmark was learned, and by most against sycophancy.

One table of the first page and the README: adapter and control each from the untrained model, since
a control can lose what is not taught, and how far they are apart. Every line is logged under
`lessons[…]`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from experiments.replication.verdicts import ABOVE, BELOW, SYCOPHANCY
from experiments.stats.contrasts import NOT_READABLE, OK
from printing.cases import (
    beyond_control,
    declared,
    from_untrained,
    in_order,
    is_mix,
    of_benchmarks,
    rows,
)
from printing.labels import TASKS, short
from printing.replication import models, of_kind
from printing.report import MISSING, Report, fill, show, spanned
from printing.sentences import capital, digits, label, listed, unit_of

HEADS = ("Training: test (untrained; n)", "With the lesson", "Without it", "Difference")
OPTION, TEXT = "right option", "right text"
MEANT = {TEXT: "how much likelier it is than wrong ones", OPTION: "its probability"}
RULE = f"|:---|{'---:|' * (len(HEADS) - 1)}"


def lessons(report: Report) -> tuple[str, str]:
    """What the table is about, in sentences, and the table."""
    shown = list(_shown(report))
    several = len({row["model"] for row in shown}) > 1
    lines = [_cells(report, row, several) for row in shown] or [[MISSING] * len(HEADS)]
    about = report.phrase("lessons[about]", _about(report, shown))
    heads, *body = (
        report.phrase(f"lessons[{name}]", f"| {' | '.join(cells)} |")
        for name, cells in enumerate([HEADS, *lines])
    )
    return about, "\n".join([heads, RULE, *body])


def _shown(report: Report) -> Iterator[pd.Series]:
    """The effects of the table: of every adapter that learned its benchmark, and of the cure."""
    _, gained = of_benchmarks(report)
    asked = declared(of_kind(report))
    learned = gained[gained["said"] == ABOVE]
    for of, taught in learned.groupby(["model", "adapter"], sort=False):
        yield from rows(taught)
        yield from rows(asked[(asked[["model", "adapter"]] == list(of)).all(axis=1)])
    yield from rows(_cure(report, asked))


def _cure(report: Report, asked: pd.DataFrame) -> pd.DataFrame:
    """What the most training against sycophancy did in the largest model."""
    beyond = beyond_control(report)
    own = in_order(beyond[beyond["model"] == models(report)[-1]])
    most = own.loc[own["passes"] == own["passes"].max(), "adapter"]
    return asked[(asked["model"] == models(report)[-1]) & asked["adapter"].isin(most)]


def _about(report: Report, shown: list[pd.Series]) -> str:
    if not shown:
        return "No benchmark is shown to be learned, and no training against sycophancy was judged."
    several = len({row["model"] for row in shown}) > 1
    where = "the models" if several else f"`{short(shown[0]['model'])}`"
    text = (
        f"How training changed {where} where a benchmark was learned, and by the longest training "
        "against sycophancy: with the lesson and by the same training without it (the control), "
        "each from the untrained model, and the difference of the two. Brackets: intervals, one at "
        "a time; bold: told from zero after correction over all models, adapters and tests. "
        f"{_units(shown)}"
    )
    taught = [row for row in shown if row["kind"] != SYCOPHANCY]
    by_control = [label(row["adapter"]) for row in taught if _is_controls(report, row)]
    if by_control:
        text += f" With {listed(by_control)} most of the benchmark's difference is the control's."
    return text


def _is_controls(report: Report, row: pd.Series) -> bool:
    """Whether the control, and not the adapter, went most of the way."""
    known = from_untrained(report, row)
    if any(one is None for one in known):
        return False
    adapter, control = (abs(one["estimate"]) for one in known if one is not None)
    return bool(control > adapter)


def _units(shown: list[pd.Series]) -> str:
    """What stands for a benchmark, and what is no probability, as sentences."""
    units: dict[str, dict[str, None]] = {}  # unit -> tests, in order
    for row in shown:
        own = row["kind"] != SYCOPHANCY
        several = own and len({unit_of(one) for one in shown if _is_same(one, row)}) > 1
        test = f"{_stands(row)} of {TASKS[row['task']]}" if several else _asked(row)
        units.setdefault(unit_of(row).strip(), {})[test] = None
    asked = {_stands(row) for row in shown if row["kind"] != SYCOPHANCY}
    units.pop("", None)
    meant = "; ".join(f"{test}: {said}" for test, said in MEANT.items() if test in asked)
    in_units = (f"{listed(tests)} in {unit}" for unit, tests in units.items())
    again = ["×: passes over the examples"] * any(row["passes"] > 1 for row in shown)
    sentences = [meant, ", ".join([*in_units, "all else as probabilities"]), *again]
    return " ".join(f"{capital(text)}." for text in sentences if text)


def _is_same(one: pd.Series, other: pd.Series) -> bool:
    """Whether the same word stands for the benchmarks of two rows."""
    return bool(one["kind"] != SYCOPHANCY and _stands(one) == _stands(other))


def _cells(report: Report, row: pd.Series, several: bool) -> list[str]:
    """One line: an effect, what adapter and control each changed, and the level before."""
    changes = (*from_untrained(report, row), row)
    what = label(row["adapter"]) + f" in `{short(row['model'])}`" * several
    return [
        f"{what}: {_asked(row)} ({_level(row)}; {show(row['n'])})",
        *map(_change, changes),
    ]


def _asked(row: pd.Series) -> str:
    """The test, or what stands for the benchmark that was taught; which one, of a mix."""
    if row["kind"] == SYCOPHANCY:
        return f"*{TASKS[row['task']]}*"
    return _stands(row) + f" ({TASKS[row['task']]})" * is_mix(row)


def _stands(row: pd.Series) -> str:
    return OPTION if row["measure"] == "probability" else TEXT


def _level(row: pd.Series) -> str:
    """The untrained model's, in the same run, without its interval (the models' page has it)."""
    if pd.isna(row["untrained"]):
        return NOT_READABLE
    sign = "" if row["measure"] == "probability" else "+"
    return fill(f"{{untrained:{sign}{digits(row)}}}", row)


def _change(row: pd.Series | None) -> str:
    """A change with its interval, bold if it is told from zero, or why there is none."""
    if row is None:
        return MISSING
    if row["status"] != OK:
        return str(row["status"])
    printed = fill(spanned("estimate", f"+{digits(row)}"), row)
    return f"**{printed}**" if row["said"] in (ABOVE, BELOW) else printed
