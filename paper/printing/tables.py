"""The wide tables of the paper: one row per model, one column per quantity, and a last row of n."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from printing.labels import TASKS
from printing.report import Report, show
from printing.sentences import coarsest, label


def headline(report: Report, tasks: Iterable[str]) -> str:
    """Rows of complete_results as they are: the headline rate of some tasks, for every model."""
    rows = report.frame("complete_results").dropna(subset=list(tasks), how="all")
    rows = rows.assign(label=rows["adapter_name"].map(label))
    columns = {"Model": "{label}"} | {
        TASKS[task]: f"{{{task}:.2f}} [{{{task}_low:.2f}}, {{{task}_high:.2f}}]" for task in tasks
    }
    markdown = report.table(rows, columns, "complete_results", ["adapter_name"])
    counts = {TASKS[task]: rows[f"{task}_n"] for task in tasks}
    return f"{markdown}\n{_sizes(report, counts, 'complete_results')}"


def by_model(
    report: Report,
    measures: dict[str, str],
    format: str = ".2f",
    table: str = "estimates",
    models: list[str] | None = None,
) -> str:
    """Estimate and interval per model and task; `measures` maps a task to the measure shown."""
    columns = {
        TASKS[task]: {"task": task, "measure": measure} for task, measure in measures.items()
    }
    return pivoted(report, table, columns, format, models)


def pivoted(
    report: Report,
    table: str,
    columns: dict[str, dict[str, str]],
    format: str = ".2f",
    models: list[str] | None = None,
) -> str:
    """One row per model of a long table; a cell is an estimate with its interval.

    `columns` maps a header to the values that pick its rows, e.g. {"task": …, "measure": …}.
    `models` are the rows, in order; without them, every model that has a cell. `format` is that of
    every number.
    """
    long = report.frame(table)
    known = long["model"].unique()
    rows = [name for name in (known if models is None else models) if name in known]
    wide = pd.DataFrame(index=pd.Index(rows, name="model"))
    templates, counts = {}, {}
    for number, (header, where) in enumerate(columns.items()):
        chosen = long[(long[list(where)] == pd.Series(where)).all(axis="columns")]
        cells = chosen.set_index("model").reindex(rows)
        parts = {part: f"{part}_{number}" for part in ("estimate", "low", "high")}
        for part, column in parts.items():
            wide[column] = cells[part]
        estimate, low, high = (f"{{{column}:{format}}}" for column in parts.values())
        templates[header] = f"{estimate} [{low}, {high}]"
        counts[header] = cells["n"]
    wide = wide.dropna(how="all").reset_index()
    wide = wide.assign(label=wide["model"].map(label))
    markdown = report.table(wide, {"Model": "{label}"} | templates, table, ["model"])
    return f"{markdown}\n{_sizes(report, counts, table)}"


def by_test(
    report: Report,
    effects: pd.DataFrame,
    outcomes: dict[str, tuple[str, str]],
    table: str,
    *,
    bold: str,
    bounds: tuple[str, str] = ("low", "high"),
) -> str:
    """One row per model, one column per test: change and interval, bold where told.

    `outcomes` maps a header to its (task, measure); `bold` is the column of `effects` that says
    which changes are bold, `bounds` are those of the interval, `table` names the rows in the log.
    """
    wide = effects[["model"]].drop_duplicates().set_index("model")
    columns = {"Adapter": "{label}"}
    for number, (header, (task, measure)) in enumerate(outcomes.items()):
        rows = effects[(effects["task"] == task) & (effects["measure"] == measure)]
        rows = rows.set_index("model")
        for name in ("estimate", *bounds):
            wide[f"{name}_{number}"] = rows[name]
        mark = rows[bold].astype(bool).map({True: "**", False: ""})
        wide[f"mark_{number}"] = mark.reindex(wide.index).fillna("")
        change, low, high = (
            f"{{{name}_{number}:+{coarsest(rows)}}}" for name in ("estimate", *bounds)
        )
        mark = f"{{mark_{number}}}"
        columns[header] = f"{mark}{change}{mark} [{low}, {high}]"
    wide = wide.reset_index()
    return report.table(wide.assign(label=wide["model"].map(label)), columns, table, ["model"])


def _sizes(report: Report, counts: dict[str, pd.Series], table: str) -> str:
    """The last row: the number of items of each column, a range where models differ; logged."""
    cells = []
    for header, numbers in counts.items():
        ends = dict.fromkeys(show(end) for end in (numbers.min(), numbers.max()))
        cells.append(report.phrase(f"{table}[{header}].n", "–".join(ends)))
    return f"| *n* | {' | '.join(cells)} |"
