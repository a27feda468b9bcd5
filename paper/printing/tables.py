"""The tables of the paper: mostly one row per model, one column per quantity, a last row of n."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from experiments.params import Params
from experiments.stats.claims import NOT_MEASURED
from experiments.stats.contrasts import CONTROL, ONE_SEED
from experiments.tables import OF_RUN, TABLES
from printing.labels import FAMILIES
from printing.report import MISSING, Report, show, spanned
from printing.sentences import contrast, label, no_verdict, sizes

DAGGER = "†"  # one training seed
LEAST_P = 0.001


def contrasts(
    report: Report,
    columns: dict[str, dict[str, str]],
    models: Iterable[str],
    *,
    first: str = "Model",
) -> str:
    """One row per model: cells of results/contrasts.csv, or the words in place of a number.

    `columns` maps a header to its task, measure and what is compared with (`against`; the control
    unless given). A dagger marks one training seed. The last row has the numbers of items.
    """
    table = report.frame("contrasts")
    shown = [model for model in models if model in set(table["model"])]
    cells = {
        head: [_cell(report, table, model, where) for model in shown]
        for head, where in columns.items()
    }
    frame = pd.DataFrame({first: [label(model) for model in shown]} | cells)
    markdown = report.table(
        frame.set_axis([f"c{k}" for k in range(len(frame.columns))], axis=1),
        {head: f"{{c{k}}}" for k, head in enumerate(frame)},
        "",
        [],
    )
    counts = [
        sizes(
            report,
            _fitting(table, where)[lambda rows: rows["model"].isin(shown)],
            f"contrasts[{head}]",
        )
        for head, where in columns.items()
    ]
    return f"{markdown}\n| *n* | {' | '.join(counts)} |"


def _fitting(table: pd.DataFrame, where: dict[str, str]) -> pd.DataFrame:
    wanted = pd.Series({"against": CONTROL} | where)
    return table[(table[list(wanted.index)] == wanted).all(axis="columns")]


def _cell(report: Report, table: pd.DataFrame, model: str, where: dict[str, Any]) -> str:
    """One cell; a dash where the run was not to measure it."""
    if not report.measured(model=model, task=where["task"]):
        return MISSING
    rows = _fitting(table, where | {"model": model})
    once = bool(rows["status"].eq(ONE_SEED).any() and rows["low"].notna().any())
    return contrast(report, unit="", **where, model=model) + DAGGER * once


OWN = "own_answers_right"
TRAINING = {
    "Adapter": "{label}",
    "Seed": "{seed:.0f}",
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
    "p (Holm)": "{p_adjusted:.3f}",
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


def trained(report: Report, parameters: Params) -> str:
    """One row per adapter: its control, and what it was trained on, averaged over its seeds."""
    numbers = ["examples", "steps", "validation_loss_before", "validation_loss_after", OWN]
    rows = (
        report.frame("training")
        .groupby("adapter", sort=False)
        .agg({"method": "first", "seed": "nunique"} | dict.fromkeys(numbers, "mean"))
        .reset_index()
    )
    rows["label"] = rows["adapter"].map(label)
    controls = parameters.controls
    rows["control"] = [label(controls.get(name) or "") or MISSING for name in rows["adapter"]]
    columns = {"Adapter": "{label}", "Control": "{control}", "Seeds": "{seed:.0f}"} | {
        head: template for head, template in TRAINING.items() if head not in ("Adapter", "Seed")
    }
    if rows[OWN].notna().any():
        columns["Own answers right"] = f"{{{OWN}:.2f}}"
    return report.table(rows, columns, "training", ["adapter"])


def claims(report: Report, rows: pd.DataFrame) -> str:
    """Claims by family: estimate, Holm's p and the verdict, with its reason where there is none."""
    order = list(FAMILIES)
    shown = rows.sort_values("family", key=lambda names: names.map(order.index), kind="stable")
    shown = shown.assign(
        # before the first of its claims: a column of its own leaves the claims too little room
        family=("*" + shown["family"].map(FAMILIES) + ":* ").mask(shown["family"].duplicated(), ""),
        estimate=shown["estimate"].where(shown["low"].notna()),  # what cannot be read has neither
        p=shown["p_adjusted"].where(shown["verdict"] != NOT_MEASURED).map(probability),
        why=[f" ({why})" if (why := no_verdict(row)) else "" for _, row in shown.iterrows()],
    )
    columns = {name: column for name, column in CLAIMS.items() if name != "Source"}
    columns |= {"Claim": "{family}{text}", "p (Holm)": "{p:}", "Verdict": "**{verdict}**{why}"}
    return report.table(shown, columns, "claims", ["id"])


def probability(p: float) -> str:
    """A p value as printed: "<0.001", "0.012"."""
    return "<0.001" if p < LEAST_P else show(p, ".3f")


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
        whose = "" if table.name in OF_RUN else " (of no run)"
        paragraphs.append(
            f"**{table.name}**{whose}: {table.about}. Keys: {keys}. {'; '.join(parts)}."
        )
    return "\n\n".join(paragraphs)
