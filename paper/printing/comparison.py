"""Archived runs side by side: what they found, and where they agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.stats.claims import NOT_MEASURED
from printing.report import MISSING, Report
from printing.runs import KEY, Outcome, Run, primary_contrasts
from printing.sentences import (
    ABOVE,
    BELOW,
    FELL,
    ROSE,
    UNDETECTED,
    contrast,
    heading,
    label,
    listed,
    seeds_said,
    side,
)


def contrasts_table(report: Report, listed_runs: Sequence[Run], outcomes: Sequence[Outcome]) -> str:
    """A row per adapter and run, a column per outcome: changes beyond the control, or words."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for run in listed_runs:
        for _, row in primary_contrasts(run).iterrows():
            said = contrast(run.door, unit="", **row[KEY].to_dict())
            note = seeds_said(row) if pd.notna(row["low"]) else ""
            named = {"label": label(row["model"]), "run": run.name}
            cells = rows.setdefault((row["model"], run.name), named)
            cells[f"outcome_{outcomes.index((row['task'], row['measure']))}"] = f"{said}{note}"
    adapters = list(dict.fromkeys(adapter for adapter, _ in rows))
    lines = [rows[key] for key in sorted(rows, key=lambda key: adapters.index(key[0]))]
    columns = {"Adapter": "{label}", "Run": "`{run}`"}
    columns |= {heading(one): f"{{outcome_{place}}}" for place, one in enumerate(outcomes)}
    names = ["label", "run", *(f"outcome_{place}" for place in range(len(outcomes)))]
    return report.table(pd.DataFrame(lines, columns=names).fillna(MISSING), columns, "", [])


def agreement(listed_runs: Sequence[Run]) -> pd.DataFrame:
    """One row per adapter and pre-declared outcome that at least two runs measured.

    `directions`: run -> rose, fell or not detected, by its interval, or why it has none; `same`:
    whether they are all alike; `opposite`: whether it rose in one and fell in another.
    """
    found: dict[tuple, dict[str, str]] = {}
    for run in listed_runs:
        for _, row in primary_contrasts(run).iterrows():
            found.setdefault(tuple(row[KEY]), {})[run.name] = _said(row)
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


def _said(row: pd.Series) -> str:
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


def verdicts(listed_runs: Sequence[Run]) -> pd.DataFrame:
    """One row per claim of any run: id, text, a column per run, and `alike`.

    `alike` is whether the runs that measured the claim, two at least, have the same verdict; NaN
    where fewer measured it. A run without the claim has the verdict "not measured".
    """
    tables = [run.door.frame("claims") for run in listed_runs]
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


def verdicts_table(report: Report, table: pd.DataFrame, listed_runs: Sequence[Run]) -> str:
    """A row per claim, which runs say what, in bold where they differ.

    Runs that did not measure it are not named; every verdict is logged under its run.
    """
    rows = []
    for _, row in table.iterrows():
        where: dict[str, list[str]] = {}
        for run in listed_runs:
            said = run.door.phrase(f"claims[id={row['id']}].verdict", row[run.name])
            where.setdefault(said, []).append(f"`{run.name}`")
        known = [said for said in where if said != NOT_MEASURED]
        mark = "**" if row["alike"] == 0 else ""
        parts = [f"{mark}{said}{mark}: {', '.join(where[said])}" for said in known]
        rows.append({"claim": row["text"], "verdicts": "; ".join(parts) or NOT_MEASURED})
    columns = {"Claim": "{claim}", "Verdicts": "{verdicts}"}
    return report.table(pd.DataFrame(rows), columns, "runs/claims", [])


def captioned(table: str, caption: str, name: str) -> str:
    """A Markdown table that can be referred to as @tbl-`name`."""
    return f"{table}\n\n: {caption} {{#tbl-{name}}}\n"
