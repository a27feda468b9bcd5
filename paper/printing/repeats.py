"""Effects that several runs of one model measured: what returns when training is repeated."""

from __future__ import annotations

import pandas as pd

from experiments.replication.verdicts import CAPABILITY, SYCOPHANCY
from experiments.stats.contrasts import OK
from figures.style import ordered
from printing.labels import TASKS, short
from printing.replication import code
from printing.replication_tables import cell, labels_of, table_of_texts
from printing.report import MISSING, Report, fill, show, spanned
from printing.sentences import ASTRIDE, digits, label, listed, side, sizes, unit_of

EFFECT = ["model", "adapter", "task", "measure", "control"]
TABLE = "replication_repeats"
SAME, OPPOSITE = "told from zero in each run, on one side", "told from zero on both sides"
SOME, NEVER = "told from zero in one run, not in another", "told from zero in none"


def repeats_table(report: Report) -> str:
    """A row per adapter, model and run: its own benchmark, if one, and every test; "" without."""
    table, lines = report.frame(TABLE), []
    tests = list(dict.fromkeys(table.loc[table["kind"] == SYCOPHANCY, "task"]))
    for adapter in ordered(table["adapter"]):
        own = table[table["adapter"] == adapter]
        for (model, control, run), rows in own.groupby(["model", "control", "run"], sort=False):
            name = f"{label(adapter)}, {short(model)} ({labels_of(adapter, control)}): `{run}`"
            asked = rows[rows["kind"] == SYCOPHANCY].set_index("task", drop=False)
            key = f"{TABLE}[model={model},adapter={adapter},run={run}]"
            runs, wordings = (
                report.count(f"{key}.{column}", rows[column].max())
                for column in ("seeds", "frames")
            )
            items = sizes(report, rows, key)
            taught = rows[rows["kind"] == CAPABILITY]
            lesson = [_cell(report, row) for _, row in taught.iterrows() if len(taught) == 1]
            cells = [
                _cell(report, asked.loc[test]) if test in asked.index else MISSING for test in tests
            ]
            lines.append([name, f"{runs} × {wordings}", items, *(lesson or [MISSING]), *cells])
    heads = ["Adapter, model (control): run", "Training runs × wordings", "n", "Own benchmark"]
    return table_of_texts(report, [*heads, *(TASKS[test] for test in tests)], lines)


def returned(report: Report) -> str:
    """Which changes in sycophancy several runs measured, and on which side, in whole sentences."""
    text = measured_again(report)
    none = "No change in sycophancy was measured again yet, beyond the same control."
    return report.phrase(f"{TABLE}.words", text or none)


def measured_again(report: Report, brief: bool = False) -> str:
    """As `returned`; "" where nothing was measured again. `brief`: numbers where runs agree."""
    table = report.frame(TABLE)
    table = table[(table["kind"] == SYCOPHANCY) & (table["status"] == OK)]
    groups = [rows for _, rows in table.groupby(EFFECT, sort=False) if len(rows) > 1]
    said = [_agreement(rows) for rows in groups]
    parts = []
    for words in (SAME, OPPOSITE, SOME):
        own = [rows for rows, agreement in zip(groups, said, strict=True) if agreement == words]
        if own:
            numbers = words == SAME or not brief
            parts.append(f"{len(own)} {words}: {', '.join(_named(one, numbers) for one in own)}")
    parts += [f"{said.count(NEVER)} {NEVER}"] * (NEVER in said)
    if not parts:
        return ""
    return (
        "Changes in sycophancy that several runs of a model measured, beyond the same control: "
        f"{len(groups)}. By each interval alone, {'; '.join(parts)}."
    )


def _agreement(rows: pd.DataFrame) -> str:
    """How the intervals of one effect lie in the runs that measured it."""
    sides = {side(row) for _, row in rows.iterrows()}
    told = sides - {ASTRIDE}
    if not told:
        return NEVER
    if len(told) > 1:
        return OPPOSITE
    return SOME if ASTRIDE in sides else SAME


def _named(rows: pd.DataFrame, numbers: bool) -> str:
    """Which effect it is, with its interval in every run if `numbers`."""
    first = rows.iloc[0]
    what = f"{label(first['adapter'])} on *{TASKS[first['task']]}* in {code([first['model']])}"
    if not numbers:
        return what
    spans = listed(
        fill(spanned("estimate", f"+{digits(row, 3)}"), row) for _, row in rows.iterrows()
    )
    n = listed(dict.fromkeys(show(size) for size in rows["n"]))
    return f"{what} ({spans}{unit_of(first)}; n = {n})"


def _cell(report: Report, row: pd.Series) -> str:
    return cell(report, row, 3, TABLE, [*EFFECT, "run"])
