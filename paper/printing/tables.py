"""The wide tables of the paper: one row per model, one column per quantity, and a last row of n."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from experiments.tables import TABLES
from printing.labels import TASKS
from printing.report import NOT_MEASURED, Report, show, spanned
from printing.sentences import coarsest, label


def headline(report: Report, tasks: Iterable[str]) -> str:
    """Rows of complete_results as they are: the headline rate of some tasks, for every model."""
    rows = report.frame("complete_results").dropna(subset=list(tasks), how="all")
    rows = rows.assign(label=rows["adapter_name"].map(label))
    columns = {"Model": "{label}"} | {
        TASKS[task]: spanned(task, bounds=(f"{task}_low", f"{task}_high")) for task in tasks
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
        estimate, low, high = (f"{part}_{number}" for part in ("estimate", "low", "high"))
        wide[[estimate, low, high]] = cells[["estimate", "low", "high"]]
        templates[header] = spanned(estimate, format, (low, high))
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
        names = [f"{name}_{number}" for name in ("estimate", *bounds)]
        wide[names] = rows[["estimate", *bounds]]
        mark = rows[bold].astype(bool).map({True: "**", False: ""})
        wide[f"mark_{number}"] = mark.reindex(wide.index).fillna("")
        columns[header] = spanned(
            names[0], f"+{coarsest(rows)}", tuple(names[1:]), f"{{mark_{number}}}"
        )
    wide = wide.reset_index()
    return report.table(wide.assign(label=wide["model"].map(label)), columns, table, ["model"])


def _sizes(report: Report, counts: dict[str, pd.Series], table: str) -> str:
    """The last row: the number of items of each column, a range where models differ; logged."""
    cells = []
    for header, numbers in counts.items():
        ends = dict.fromkeys(show(end) for end in (numbers.min(), numbers.max()))
        cells.append(report.phrase(f"{table}[{header}].n", "–".join(ends)))
    return f"| *n* | {' | '.join(cells)} |"


TRAINING = {
    "Adapter": "{label}",
    "Method": "{method}",
    "Examples": "{examples:.0f}",
    "Steps": "{steps:.0f}",
    "Validation loss before": "{validation_loss_before:.2f}",
    "after": "{validation_loss_after:.2f}",
}
CLAIMS = {
    "Claim": "{text}",
    "Source": "{source}",
    "Estimate": spanned("estimate", "+.2f"),
    "n": "{n:.0f}",
    "Verdict": "**{verdict}**",
}


def training(
    report: Report, adapters: list[str] | None = None, columns: dict[str, str] = TRAINING
) -> str:
    """One row per adapter and training seed: what it was trained on, and its held-out loss."""
    rows = report.frame("training")
    rows = rows if adapters is None else rows[rows["adapter"].isin(adapters)]
    rows = rows.assign(label=rows["adapter"].map(label))
    return report.table(rows, columns, "training", ["adapter", "seed"])


def margins(
    report: Report,
    models: list[str],
    columns: dict[str, tuple[str, str]],
    *,
    splits: tuple[str, ...] = ("easy", "hard"),
    change: bool = False,
) -> str:
    """One row per model and split of the claims: quantities of margins, or their changes.

    `columns` maps a header to a quantity and the format of its numbers.
    """
    parts = ["change", "change_low", "change_high"] if change else ["estimate", "low", "high"]
    keys = ["model", "split"]
    table = report.frame("margins")
    table = table[table["split"].isin(splits) & table["model"].isin(models)]
    wide = table.pivot(index=keys, columns="quantity", values=parts)
    wide.columns = [f"{quantity}_{part}" for part, quantity in wide.columns]
    named = [f"{quantity}_{part}" for quantity, _ in columns.values() for part in parts]
    wide = wide.reindex(columns=named)  # a run may have nothing of a quantity
    wide = wide.assign(n=table.groupby(keys)["n"].max()).reset_index()
    wide = wide.sort_values("model", key=lambda names: names.map(models.index), kind="stable")
    templates = {"Model": "{label}"} | ({"Claims": "{split}"} if len(splits) > 1 else {})
    for header, (quantity, format) in columns.items():
        estimate, *bounds = (f"{quantity}_{part}" for part in parts)
        templates[header] = spanned(estimate, format, tuple(bounds))
    templates["n"] = "{n:.0f}"
    logged = keys if len(splits) > 1 else ["model"]
    return report.table(wide.assign(label=wide["model"].map(label)), templates, "margins", logged)


def across(report: Report, measures: dict[str, str], models: list[str]) -> str:
    """Effects of some adapters: one row per test, one column per adapter that was measured."""
    shown = [
        model
        for model in models
        if all(report.measured(model=model, task=task) for task in measures)
    ]
    if not shown:
        return NOT_MEASURED.capitalize() + "."
    effects = report.frame("effects").set_index("model")
    rows, columns = [], {"Test": "{label}"}
    for task, measure in measures.items():
        cells = effects[(effects["task"] == task) & (effects["measure"] == measure)].loc[shown]
        row = {"task": task, "measure": measure, "label": TASKS[task], "n": cells["n"].iloc[-1]}
        for part in ("estimate", "low", "high"):
            row |= cells[part].add_prefix(f"{part}_").to_dict()
        rows.append(row)
    for model in shown:
        bounds = (f"low_{model}", f"high_{model}")
        columns[label(model)] = spanned(f"estimate_{model}", "+.2f", bounds)
    columns["n"] = "{n:.0f}"
    return report.table(pd.DataFrame(rows), columns, "effects", ["task", "measure"])


def dictionary() -> str:
    """Every result table in a paragraph: its keys, and its columns with meaning and unit."""
    paragraphs = []
    for table in TABLES.values():
        bounds = {bound for column in table.columns for bound in column.interval}
        parts = []
        for column in table.columns:
            spans = ["with an interval"] if column.interval else []
            notes = ", ".join([*([column.unit] if column.unit else []), *spans])
            if column.name not in bounds:
                parts.append(f"`{column.name}`, {column.meaning}{f' ({notes})' if notes else ''}")
        keys = ", ".join(f"`{key}`" for key in table.keys)
        paragraphs.append(f"**{table.name}**: {table.about}. Keys: {keys}. {'; '.join(parts)}.")
    return "\n\n".join(paragraphs)
