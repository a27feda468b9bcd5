"""The wide tables of the paper: one row per model, one column per test."""

from __future__ import annotations

from labels import MODELS, TASKS
from report import Report


def by_model(
    report: Report,
    measures: dict[str, str],
    format: str = ".2f",
    table: str = "estimates",
    models: list[str] | None = None,
) -> str:
    """Estimate and interval per model and task, from a long table; a last row holds n.

    `measures` maps a task to the measure shown. `format` is that of every number.
    """
    long = report.frame(table)
    tested = [name for name in long["model"].unique() if models is None or name in models]
    wide = long[["model"]].drop_duplicates().set_index("model").loc[tested]
    counts = {}
    for task, measure in measures.items():
        cells = long[(long["task"] == task) & (long["measure"] == measure)].set_index("model")
        for column in ("estimate", "low", "high"):
            wide[f"{task}_{column}"] = cells[column]
        counts[task] = sorted(cells.loc[cells.index.isin(tested), "n"].unique())
    wide = wide.dropna(how="all").reset_index()
    wide["label"] = wide["model"].map(MODELS)
    columns = {"Model": "{label}"} | {
        TASKS[task]: f"{{{task}_estimate:{format}}} [{{{task}_low:{format}}}, "
        f"{{{task}_high:{format}}}]"
        for task in measures
    }
    markdown = report.table(wide, columns, table, ["model"])
    sizes = " | ".join(
        "–".join(f"{int(n)}" for n in (c[0], c[-1])[: len(c)]) for c in counts.values()
    )
    return f"{markdown}\n| *n* | {sizes} |"
