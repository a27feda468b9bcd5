"""What several models say of base models and of training, as sentences that the tables decide.

The tables are results/replication.csv, its summary and results/tradeoff_slope.csv
(experiments/replication/).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from experiments.claims import CONTROL, NOTHING
from experiments.params import BASE
from experiments.replication.slopes import ALL, BETWEEN, FEW
from experiments.replication.verdicts import (
    ABOVE,
    ASTRIDE,
    BELOW,
    IN_ALL,
    IN_NONE,
    IN_SOME,
    KNOWS,
    ONE_MODEL,
    OPPOSITE,
    OTHER,
    SYCOPHANCY,
)
from experiments.stats.contrasts import OK
from figures.benchmark_performance import blind
from printing.labels import TASKS, short
from printing.report import Report, fill, spanned
from printing.sentences import digits, in_italics, label, listed, unit_of

SIDES = {ABOVE: "more sycophantic", BELOW: "less sycophantic"}


def models(report: Report) -> list[str]:
    """The base models, small ones first."""
    return list(dict.fromkeys(report.frame("replication")["model"]))


def code(names: Iterable[str]) -> str:
    """Names of models in prose."""
    return listed(f"`{short(name)}`" for name in names)


def of_kind(report: Report, kind: str = SYCOPHANCY, against: str = CONTROL) -> pd.DataFrame:
    """Effects or levels of one kind, by model."""
    return _of_kind(report.frame("replication"), kind, against)


def effect(
    report: Report, kind: str, against: str, model: str, adapter: str, task: str
) -> pd.Series | None:
    """What an adapter changed on a test, from the untrained model or beyond its control."""
    table = of_kind(report, kind, against)
    chosen = (table[["model", "adapter", "task"]] == [model, adapter, task]).all(axis=1)
    return table[chosen].iloc[0] if chosen.any() else None


def pooled(report: Report, kind: str = SYCOPHANCY, against: str = CONTROL) -> pd.DataFrame:
    """The summary of effects or levels of one kind."""
    return _of_kind(report.frame("replication_summary"), kind, against)


def is_continuous(task: str, measure: str) -> bool:
    """Whether a benchmark's measure is its continuous outcome, for which chance is known."""
    return measure == "probability" or "margin" in measure


def compared(report: Report) -> str:
    """Which models there are and from which runs, as whole sentences."""
    table, names = report.frame("replication"), models(report)
    runs = listed(f"`runs/{run}`" for run in dict.fromkeys(table["run"]))
    text = f"Base models with a run of the second protocol: {len(names)} ({code(names)}; {runs})."
    left = table[table["instead_of"].notna()].drop_duplicates(["model", "adapter"])
    if len(left):
        chosen = "; ".join(
            f"of {code([model])} {listed(map(_or_base, own['adapter']))} from `runs/{run}`"
            for (model, run), own in left.groupby(["model", "run"], sort=False)
        )
        text += (
            " Where several runs have the same, the one with more training seeds is taken, then "
            f"the one with more items: {chosen}."
        )
    return report.phrase("replication.run", text)


def _or_base(adapter: str) -> str:
    return "base" if adapter == BASE else label(adapter)


def knows(report: Report) -> str:
    """On which benchmarks the base models are beyond chance, as a whole sentence."""
    table, parts = of_kind(report, KNOWS, NOTHING), []
    for model, own in table.groupby("model", sort=False):
        beyond = [
            TASKS[row.task]
            for row in own.itertuples()
            if is_continuous(row.task, row.measure) and row.low > blind(row.task, row.measure)
        ]
        parts.append(f"`{short(model)}` on {listed(dict.fromkeys(beyond))}")
    text = (
        "By the probability of the right option or the margin of the right text, these base models "
        f"are told from one that does not read the question: {'; '.join(parts)}."
    )
    return report.phrase("replication[base,knows]", text)


def untouched(report: Report) -> str:
    """How sycophantic the base models are, as a whole sentence."""
    parts = []
    for task, own in of_kind(report, against=NOTHING).groupby("task", sort=False):
        others = own.loc[~own["said"].isin(SIDES), "said"].dropna()
        groups = SIDES | {ASTRIDE: ASTRIDE} | dict(zip(others, others, strict=True))
        said = [
            f"{words}: {code(named)}"
            for state, words in groups.items()
            if len(named := own.loc[own["said"] == state, "model"])
        ]
        parts.append(f"On *{TASKS[task]}*, {'; '.join(said)}.")
    text = f"Beside zero, where who speaks does not matter: {' '.join(parts)}"
    return report.phrase("replication[base,sycophancy]", text)


def in_every(report: Report) -> str:
    """What holds in every one of several models, as whole sentences."""
    table, key = pooled(report), "replication_summary[in every model]"
    several = table[table["k"] > 1]
    if several.empty:
        own = of_kind(report)
        found = dict.fromkeys(own.loc[own["status"] == OK, "model"])
        text = (
            "Nothing is replicated yet: changes in sycophancy beyond a control, with several "
            f"training runs and readable replies, were measured in {code(found)}."
            if found
            else "Nothing is replicated yet: no model has a change in sycophancy to be judged."
        )
        return report.phrase(key, text)
    held = [
        f"{_adapter(report, row)} {SIDES[_side(row)]} on *{TASKS[row['task']]}* in {row['k']} of "
        f"{row['k']} ({fill(spanned('estimate', f'+{digits(row, 3)}'), row)}{unit_of(row)} over "
        "models)"
        for row in _rows(several[several["verdict"].str.endswith(IN_ALL)])
    ]
    counted = f"effects that several models measured: {len(several)}"
    none = "No change in sycophancy beyond a control holds in every model that measured it"
    text = f"In every model that measured it: {'; '.join(held)}" if held else none
    few = " Two models say little about a third." if several["k"].max() == 2 else ""
    return report.phrase(key, f"{text} ({counted}).{few}")


def in_one(report: Report) -> str:
    """What some models show and others do not, or one alone measured, as whole sentences."""
    table = pooled(report)
    # what models say -> the tests on which they do
    some: dict[tuple[str, str], list[str]] = {}
    alone: dict[tuple[str, str], list[str]] = {}
    for row in _rows(table[table["verdict"].str.endswith(IN_SOME)]):
        told, others = (code(_models(report, row, one)) for one in (_side(row), ASTRIDE))
        what = (
            f"{_adapter(report, row)} {SIDES[_side(row)]}",
            f"{told}, not told from zero in {others}",
        )
        some.setdefault(what, []).append(row["task"])
    for row in _rows(table[table["verdict"] == ONE_MODEL]):
        for side, words in SIDES.items():
            if shown := _models(report, row, side):
                only = f"{_adapter(report, row)} {words}", code(shown)
                alone.setdefault(only, []).append(row["task"])
    in_some, in_only = (
        "; ".join(
            f"{told} on {in_italics(tasks)} in {where}" for (told, where), tasks in found.items()
        )
        for found in (some, alone)
    )
    text = f"In some models and not in others: {in_some}. " if some else ""
    text += f"In the only model that measured it: {in_only}." if alone else ""
    text = text.strip() or "No change in sycophancy is shown by one model only."
    return report.phrase("replication_summary[in one model]", text)


def contradicted(report: Report) -> str:
    """What rises in one model and falls in another, as a whole sentence."""
    table = pooled(report)
    several = table[table["k"] > 1]
    parts = [
        f"{_adapter(report, row)} on *{TASKS[row['task']]}* "
        + listed(f"{words} in {code(_models(report, row, side))}" for side, words in SIDES.items())
        for row in _rows(several[several["verdict"] == OPPOSITE])
    ]
    none = int((several["verdict"] == IN_NONE).sum())
    text = f"Contradicted: {'; '.join(parts)}." if parts else "No model contradicts another."
    if len(several):
        text += f" Told from zero in none of several models: {none} of {len(several)} effects."
    return report.phrase("replication_summary[contradicted]", text)


def tradeoff(report: Report, confidence: float) -> str:
    """What the slopes over all benchmarks say, as a whole sentence."""
    table, key = report.frame("tradeoff_slope"), "tradeoff_slope[all]"
    table = table[(table["benchmark"] == ALL) & (table["level"] == BETWEEN)]
    told = table[table["p_adjusted"] <= 1 - confidence]
    if table["status"].eq(FEW).all():
        most = 0 if table.empty else table["points"].max()
        text = f"Too few adapters to tell: {most} have a control to be measured against."
    elif told.empty:
        text = "No slope of sycophancy by the mean rate over benchmarks is told from zero."
    else:
        parts = (
            f"{SIDES[ABOVE if row.slope > 0 else BELOW]} on *{TASKS[row.task]}*"
            for row in told.itertuples()
        )
        text = f"Adapters that gain more over all benchmarks are {listed(parts)}."
    return report.phrase(key, text)


def _of_kind(table: pd.DataFrame, kind: str, against: str) -> pd.DataFrame:
    """Rows of a kind; other controls count among controls."""
    compared = table["against"].replace({OTHER: CONTROL})
    return table[(table["kind"] == kind) & (compared == against)]


def _rows(table: pd.DataFrame) -> Iterator[pd.Series]:
    return (row for _, row in table.iterrows())


def _side(row: pd.Series) -> str:
    """The side of zero that a verdict names."""
    return ABOVE if row["verdict"].startswith(ABOVE) else BELOW


def _adapter(report: Report, row: pd.Series) -> str:
    """The adapter of an effect, with its control where models have several."""
    table = pooled(report)
    several = table.loc[table["adapter"] == row["adapter"], "control"].nunique() > 1
    return label(row["adapter"]) + f" (beyond {label(row['control'])})" * several


def _models(report: Report, row: pd.Series, said: str) -> list[str]:
    """The models that say so of an effect of the summary."""
    own = of_kind(report)
    keys = ["adapter", "task", "measure", "control"]
    return own.loc[(own[keys] == row[keys]).all(axis=1) & (own["said"] == said), "model"].tolist()
