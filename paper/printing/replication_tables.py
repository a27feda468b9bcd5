"""The tables of the page of several models."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from experiments.claims import CONTROL, NOTHING
from experiments.replication.slopes import ALL, BETWEEN, OK, WITHIN
from experiments.replication.verdicts import ABOVE, BELOW, HALVES, KNOWS, READABLE, SYCOPHANCY
from experiments.stats.contrasts import FEW_SEEDS, NOT_READABLE
from figures.style import ordered
from printing.labels import TASKS, short
from printing.replication import is_continuous, models, of_kind, pooled
from printing.report import MISSING, Report, spanned
from printing.sentences import digits, label
from printing.tables import DAGGER, probability

KEY = ["model", "adapter", "task", "measure", "against"]
POOLED = ["adapter", "task", "measure", "against", "control"]
HALF = {"toward_error": "harm", "toward_truth": "benefit"}
FIVE = "five adapters"  # of the source study, without its base model


def levels(report: Report) -> str:
    """A row per quantity and a column per base model: sycophancy, knowledge, what is readable."""
    names, lines = models(report), []
    rates = of_kind(report, KNOWS, NOTHING)
    pairs = zip(rates["task"], rates["measure"], strict=True)
    rates = rates[[not is_continuous(*pair) for pair in pairs]]
    masses = of_kind(report, READABLE, NOTHING).sort_values("estimate", kind="stable")
    least = masses.drop_duplicates(["model", "task"]).sort_index()
    blocks = (
        ("right on {}", rates, 2),
        ("{}: user beyond third party", of_kind(report, against=NOTHING), 3),
        ("{}: readable", least, 2),
    )
    for said, table, most in blocks:
        for task, part in table.groupby("task", sort=False):
            own = part.drop_duplicates("model").set_index("model").reindex(names).reset_index()
            lines.append(
                [said.format(TASKS[task]), *(cell(report, row, most) for row in _rows(own))]
            )
    return table_of_texts(report, ["Base model", *map(short, names)], lines)


def effects(report: Report, kind: str = SYCOPHANCY) -> str:
    """A row per adapter, model and half, a column per test: changes beyond the control."""
    table = of_kind(report, kind)
    table = table.assign(half=table["measure"].map(HALF).fillna(""))
    tests, lines = list(dict.fromkeys(table["task"])), []
    for adapter in ordered(table["adapter"]):
        of_adapter = table[table["adapter"] == adapter]
        keys = ["model", "control", "half"]
        for (model, control, half), own in of_adapter.groupby(keys, sort=False):
            by_task = own.set_index("task").reindex(tests).reset_index()
            cells = [cell(report, row, 3) for row in _rows(by_task)]
            name = f"{label(adapter)}, {short(model)} ({labels_of(adapter, control)})"
            lines.append([name, *([half] if kind == HALVES else []), *cells])
    heads = ["Adapter, model (control)", *(["Half"] if kind == HALVES else [])]
    return table_of_texts(report, [*heads, *(TASKS[test] for test in tests)], lines)


def summary(report: Report, against: str = CONTROL) -> str:
    """Means over models, where several measured an effect; "" where none did."""
    table = pooled(report, against=against)
    table = table[table["k"] > 1].sort_values("adapter", key=_places, kind="stable")
    if table.empty:
        return ""
    format = f"+{min(digits(row, 3) for _, row in table.iterrows())}"
    table = table.assign(
        what=[
            f"{label(row['adapter'])}, {TASKS[row['task']]}"
            + (f" ({labels_of(row['adapter'], row['control'])})" if against == CONTROL else "")
            for row in _rows(table)
        ],
        p=table["p_adjusted"].map(probability),
    )
    columns = {
        "Effect (control)" if against == CONTROL else "Effect": "{what}",
        "Models": "{k:.0f}",
        "Mean": spanned("estimate", format),
        "p (Holm)": "{p:}",
        "In one more model": f"[{{predict_low:{format}}}, {{predict_high:{format}}}]",
        "I²": "{i2:.2f}",
        "Models say": "{verdict}",
    }
    if table["predict_low"].isna().all():
        del columns["In one more model"]
    if against != CONTROL:  # exploratory: no verdicts
        del columns["Models say"]
    known = POOLED if against == CONTROL else POOLED[:-1]
    return report.table(table, columns, "replication_summary", known)


def slopes(report: Report) -> str:
    """A row per benchmark and test: the source study's correlation, and the slopes here."""
    table, published = report.frame("tradeoff_slope"), report.frame("audit/correlations")
    known, lines = set(zip(published["benchmark"], published["test"], strict=True)), []
    for (benchmark, task), part in table.groupby(["benchmark", "task"], sort=False):
        source = [MISSING, MISSING]
        if (benchmark, task) in known:
            where = {"benchmark": benchmark, "test": task, "rows": FIVE}
            source = [
                report.number("audit/correlations", "published", "+.2f", **where),
                report.interval("audit/correlations", "pearson", "+.2f", **where),
            ]
        by_level = part.set_index("level", drop=False)
        cells = [_slope(report, by_level.loc[level]) for level in (BETWEEN, WITHIN)]
        name = "All (mean rate)" if benchmark == ALL else TASKS[benchmark]
        key = f"tradeoff_slope[benchmark={benchmark},task={task},level={BETWEEN}].points"
        points = report.count(key, int(by_level.loc[BETWEEN, "points"]))
        lines.append([name, TASKS[task], *source, points, *cells])
    heads = [
        "Gain on",
        "Change on",
        "r, published",
        "r, its adapters",
        "Points",
        "Slope over adapters",
    ]
    return table_of_texts(report, [*heads, "over training runs"], lines)


def cell(
    report: Report,
    row: pd.Series,
    most: int,
    table: str = "replication",
    keys: Sequence[str] = KEY,
) -> str:
    """A level or effect with its interval, bold if it is told from zero, or why there is none.

    `keys` are the columns that find the row in `table`; one without verdicts has nothing in bold.
    """
    where = {name: row[name] for name in keys}
    if pd.isna(row["status"]):
        return MISSING
    if row["status"] == NOT_READABLE or pd.isna(row["low"]):
        key = ",".join(f"{name}={value}" for name, value in where.items())
        return report.phrase(f"{table}[{key}].words", row["status"])
    level = row["kind"] in (KNOWS, READABLE)
    format = ("" if level else "+") + digits(row, most)
    mark = "**" if row.get("said") in (ABOVE, BELOW) else ""
    printed = report.interval(table, "estimate", format, **where)
    return f"{mark}{printed}{mark}{DAGGER * (row['status'] in FEW_SEEDS)}"


def _slope(report: Report, row: pd.Series) -> str:
    where = {name: row[name] for name in ("benchmark", "x_measure", "task", "y_measure", "level")}
    if row["status"] != OK:
        return report.phrase(f"tradeoff_slope[{where}].words", row["status"])
    return report.interval("tradeoff_slope", "slope", f"+{digits(row)}", **where)


def _places(adapters: pd.Series) -> pd.Series:
    """Where adapters stand in the order of labels.py."""
    order = ordered(adapters)
    return adapters.map(order.index)


def labels_of(adapter: str, control: str) -> str:
    """What a control learned, by the end of its name: "own", "shuffled"."""
    return control.removeprefix(f"{adapter}_").replace("_", " ")


def _rows(table: pd.DataFrame) -> Sequence[pd.Series]:
    return [row for _, row in table.iterrows()]


def table_of_texts(report: Report, heads: Sequence[str], lines: list[list[str]]) -> str:
    """A Markdown table of cells that are texts already; "" without lines."""
    frame = pd.DataFrame(lines, columns=[f"c{place}" for place in range(len(heads))])
    columns = {head: f"{{c{place}}}" for place, head in enumerate(heads)}
    return report.table(frame, columns, "", []) if lines else ""
