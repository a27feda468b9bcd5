"""Archived runs side by side: what they found, and where they agree.

Runs are compared under one protocol at a time, since the protocols measure other things.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pandas as pd

from experiments.params import BENCHMARKS, SYCOPHANCY_TESTS
from experiments.stats.claims import NOT_MEASURED
from printing.labels import TASKS
from printing.report import MISSING, Report, spanned
from printing.runs import KEY, SECOND, Outcome, Run, headline_rates, primary_effects
from printing.sentences import (
    ABOVE,
    BELOW,
    FELL,
    ROSE,
    UNDETECTED,
    coarsest,
    contrast,
    direction,
    heading,
    label,
    listed,
    seeds_said,
    side,
)

# The source study's models; it calls the untouched one its baseline.
REPORTED = {"baseline": "base"} | {name: name for name in (*BENCHMARKS, "combined")}


def effects_table(report: Report, listed_runs: Sequence[Run], outcome: Outcome) -> str:
    """Change of each adapter and its interval, one column per run; "" if no run has it."""
    tables = {run.name: _of_outcome(primary_effects(report, run), outcome) for run in listed_runs}
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        return ""
    if listed_runs[0].protocol == SECOND:
        return _contrasts_table(report, tables)
    wide = _wide(tables, ["estimate", "low", "high"], KEY)
    formats = {name: f"+{coarsest(table)}" for name, table in tables.items()}
    columns = {"Adapter": "{label}"} | {
        name: _interval(number, formats[name]) for number, name in enumerate(tables)
    }
    return report.table(wide, columns, "runs/effects", KEY)


def _contrasts_table(report: Report, tables: dict[str, pd.DataFrame]) -> str:
    """The same of the second protocol, with words where there is no number or no verdict."""
    models = dict.fromkeys(model for table in tables.values() for model in table["model"])
    rows = {model: {"label": label(model)} for model in models}
    for number, (name, table) in enumerate(tables.items()):
        for _, row in table.iterrows():
            said = contrast(report.of_run(name), unit="", **row[KEY].to_dict())
            note = seeds_said(row) if pd.notna(row["low"]) else ""
            rows[row["model"]][f"run_{number}"] = f"{said}{note}"
    wide = pd.DataFrame(rows.values()).fillna(MISSING)
    columns = {"Adapter": "{label}"} | {name: f"{{run_{i}}}" for i, name in enumerate(tables)}
    return report.table(wide, columns, "", [])


def seeds_table(report: Report, run: Run) -> str:
    """What the training seeds of a run say of each pre-declared effect; "" for a single seed."""
    if run.protocol == SECOND:  # whose intervals hold the training runs already
        return ""
    table = primary_effects(report, run)
    table = table[table["seeds"] > 1]
    if table.empty:
        return ""
    order = [task for task, _ in run.outcomes]
    table = table.sort_values("task", key=lambda names: names.map(order.index), kind="stable")
    table = table.assign(label=table["model"].map(label), test=table["task"].map(TASKS))
    format = f"+{coarsest(table)}"
    columns = {
        "Test": "{test}",
        "Adapter": "{label}",
        "Change": spanned("estimate", format, ("both_low", "both_high")),
        "SD between seeds": f"{{seed_sd:{format[1:]}}}",
        "Lowest to highest": f"{{lowest:{format}}} to {{highest:{format}}}",
    }
    return report.of_run(run.name).table(table, columns, "effects and seeds", KEY)


def agreement(report: Report, listed_runs: Sequence[Run]) -> pd.DataFrame:
    """One row per adapter and pre-declared outcome that at least two runs measured.

    `directions`: run -> rose, fell or not detected, after the run's own correction; `same`: whether
    they are all alike; `opposite`: whether it rose in one and fell in another.
    """
    found: dict[tuple, dict[str, str]] = {}
    for run in listed_runs:
        for _, row in primary_effects(report, run).iterrows():
            found.setdefault(tuple(row[KEY]), {})[run.name] = _said(run, row)
    rows = [
        dict(zip(KEY, key, strict=True))
        | {
            "directions": directions,
            "same": len(set(directions.values())) == 1,
            "opposite": {"rose", "fell"} <= set(directions.values()),
        }
        for key, directions in found.items()
        if len(directions) > 1
    ]
    return pd.DataFrame(rows, columns=[*KEY, "directions", "same", "opposite"])


def _said(run: Run, row: pd.Series) -> str:
    if run.protocol != SECOND:
        return direction(row)
    if pd.isna(row["low"]):
        return str(row["status"])
    return {ABOVE: ROSE, BELOW: FELL}.get(side(row), UNDETECTED)


def agreement_table(report: Report, rows: pd.DataFrame) -> str:
    """One row per adapter, one column per test: what the runs say of it."""
    pairs = list(dict.fromkeys(zip(rows["task"], rows["measure"], strict=True)))
    lines = []
    for model in dict.fromkeys(rows["model"]):
        line = {"model": model, "label": label(model)}
        for task, measure in pairs:
            cell = rows[
                (rows["model"] == model) & (rows["task"] == task) & (rows["measure"] == measure)
            ]
            line[task] = _agreement_cell(report, cell) if len(cell) else MISSING
        lines.append(line)
    columns = {"Adapter": "{label}"} | {heading(pair): f"{{{pair[0]}}}" for pair in pairs}
    return report.table(pd.DataFrame(lines), columns, "runs/agreement", ["model"])


def _agreement_cell(report: Report, cell: pd.DataFrame) -> str:
    row = cell.iloc[0]
    words = row["directions"]
    where = ",".join(f"{name}={row[name]}" for name in KEY)
    if row["same"]:
        text = f"**same:** {next(iter(words.values()))}"
    else:
        parts = (
            f"{word} in {listed(run for run in words if words[run] == word)}"
            for word in dict.fromkeys(words.values())
        )
        text = f"**{'opposite' if row['opposite'] else 'not same'}:** {', '.join(parts)}"
    return report.phrase(f"runs/agreement[{where}].direction", text)


def verdicts(report: Report, listed_runs: Sequence[Run]) -> pd.DataFrame:
    """One row per claim of any run: id, text, a column per run, and `alike`.

    `alike` is whether the runs that measured the claim, two at least, have the same verdict; NaN
    where fewer measured it. A run without the claim has the verdict "not measured".
    """
    tables = [report.of_run(run.name).frame("claims") for run in listed_runs]
    if not tables:
        return pd.DataFrame(columns=["id", "text", "alike"])
    wide = pd.concat(tables)[["id", "text"]].drop_duplicates("id").set_index("id")
    for run, table in zip(listed_runs, tables, strict=True):
        wide[run.name] = table.set_index("id")["verdict"]
    names = [run.name for run in listed_runs]
    wide[names] = wide[names].fillna(NOT_MEASURED)
    wide["alike"] = [
        _alike([said for said in row if said != NOT_MEASURED]) for row in wide[names].values
    ]
    return wide.reset_index()


def _alike(said: list[str]) -> float:
    return float(len(set(said)) == 1) if len(said) > 1 else np.nan


def verdicts_table(report: Report, table: pd.DataFrame, names: Sequence[str]) -> str:
    """Claims × runs, in bold where the runs differ; every verdict is logged under its run."""
    rows = []
    for _, row in table.iterrows():
        cells = {"claim": row["text"]}
        for name in names:
            mark = "**" if row["alike"] == 0 and row[name] != NOT_MEASURED else ""
            said = report.of_run(name).phrase(f"claims[id={row['id']}].verdict", row[name])
            cells[name] = f"{mark}{said}{mark}"
        rows.append(cells)
    columns = {"Claim": "{claim}"} | {name: f"{{{name}}}" for name in names}
    return report.table(pd.DataFrame(rows), columns, "runs/claims", [])


def beside_reported(report: Report, published: Sequence[Run]) -> str:
    """The reported rates, and those of runs under the same protocol.

    One row per test and model of the source study. Intervals of reported rates are Wilson's, which
    the audit computed from the published counts.
    """
    reported = report.frame("audit/rates").rename(
        columns={"test": "task", "score": "estimate", "wilson_low": "rate_low", "n": "asked"}
    )
    reported["rate_high"] = reported["wilson_high"]
    reported["model"] = reported["model"].map(REPORTED)
    key, columns = ["task", "model"], {"Test": "{test}", "Model": "{label}", "n": "{asked:.0f}"}
    wide = reported[[*key, "asked", "estimate", "rate_low", "rate_high"]]
    columns["Reported"] = spanned("estimate", bounds=("rate_low", "rate_high"))
    for number, run in enumerate(published):
        rates = _numbered(
            headline_rates(report, run), ["estimate", "low", "high", "n", "unparsed"], key, number
        )
        wide = wide.merge(rates, on=key, how="left", validate="1:1")
        columns[run.name] = _interval(number, ".2f")
        columns[f"{run.name}: n, unparsed"] = f"{{n_{number}:.0f}}, {{unparsed_{number}:.0f}}"
    order = [*BENCHMARKS, *SYCOPHANCY_TESTS]
    wide = wide.sort_values("task", key=lambda names: names.map(order.index), kind="stable")
    wide["test"], wide["label"] = wide["task"].map(TASKS), wide["model"].map(label)
    return report.table(wide, columns, "runs/rates", key)


def apart(report: Report, run: Run) -> tuple[int, int]:
    """How many reported rates have an interval that misses the run's interval, of how many."""
    reported = report.frame("audit/rates")
    reported["model"] = reported["model"].map(REPORTED)
    both = reported.merge(
        headline_rates(report, run),
        left_on=["model", "test"],
        right_on=["model", "task"],
        suffixes=("_reported", ""),
    )
    outside = (both["low"] > both["wilson_high"]) | (both["high"] < both["wilson_low"])
    return int(outside.sum()), len(both)


def captioned(table: str, caption: str, name: str) -> str:
    """A Markdown table that can be referred to as @tbl-`name`."""
    return f"{table}\n\n: {caption} {{#tbl-{name}}}\n"


def _of_outcome(table: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    task, measure = outcome
    return table[(table["task"] == task) & (table["measure"] == measure)]


def _wide(tables: dict[str, pd.DataFrame], columns: list[str], key: list[str]) -> pd.DataFrame:
    """One row per key of any table; the columns of table i are called COLUMN_i."""
    numbered = [_numbered(table, columns, key, i) for i, table in enumerate(tables.values())]
    wide = reduce(lambda one, other: one.merge(other, on=key, how="outer", sort=False), numbered)
    models = list(dict.fromkeys(pd.concat([table["model"] for table in tables.values()])))
    wide = wide.sort_values("model", key=lambda names: names.map(models.index), kind="stable")
    return wide.assign(label=wide["model"].map(label))


def _numbered(table: pd.DataFrame, columns: list[str], key: list[str], number: int) -> pd.DataFrame:
    return table[[*key, *columns]].rename(columns={name: f"{name}_{number}" for name in columns})


def _interval(number: int, format: str) -> str:
    return spanned(f"estimate_{number}", format, (f"low_{number}", f"high_{number}"))
