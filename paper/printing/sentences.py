"""Sentences that rows of results/ decide: prose that presumes no direction and no verdict.

A difference that an interval does not tell from zero is never called absent. Where replies cannot
be read, where there is no control, or where one training seed decides nothing, that stands in place
of the number or beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from experiments.params import Params
from experiments.stats.claims import NO_VERDICT
from experiments.stats.contrasts import CONTROL, NOT_READABLE, NOTHING, OK
from printing.labels import MEASURES, MODELS, TASKS
from printing.report import NOT_MEASURED, Report, joined, show

ROSE, FELL, UNDETECTED = "rose", "fell", "not detected"
# The sides on which a whole interval can lie.
ABOVE, BELOW, ASTRIDE = "above zero", "below zero", "cannot be told from zero"
RATES = ("rate", "difference of rates")  # printed without their unit
# What a reason for no verdict (experiments/stats/) holds, and how it is counted.
WHY = {
    "one training seed": "one training seed",
    "two training seeds": "two training seeds",
    "new training runs": "interval not for new training runs",
    NOT_READABLE: "replies not readable",
    "no control": "no control",
    "no interval": "no interval",
    "fewer than eight": "fewer than eight adapters",
}
UNFIXED = "claims not fixed before the run"


def label(model: str) -> str:
    """The name of a model in prose; one without a label keeps its own."""
    return MODELS.get(model, model)


def capital(text: str) -> str:
    """As it stands at the beginning of a sentence or a cell."""
    return text[:1].upper() + text[1:]


def heading(outcome: tuple[str, str]) -> str:
    """A test and its measure in a few words; `outcome` is (task, measure)."""
    task, measure = outcome
    parts = [TASKS[task], MEASURES.get(measure, measure.replace("_", " "))]
    return ": ".join(parts).replace("?:", "?")


def listed(names: Iterable[str], none: str = "none") -> str:
    """A list in prose: "GSM8K, MMLU and HellaSwag", or `none` if it is empty."""
    *most, last = list(names) or [none]
    return f"{', '.join(most)} and {last}" if most else last


def percent(report: Report, key: str, share: float) -> str:
    """A share that params.yaml sets, as printed: "95 %"; logged."""
    return report.phrase(f"params.yaml: {key}", f"{100 * share:g} %")


def side(row: pd.Series) -> str:
    """Where the interval of a row lies."""
    if row["low"] > 0:
        return ABOVE
    return BELOW if row["high"] < 0 else ASTRIDE


def digits(row: pd.Series, most: int = 2) -> str:
    """A format with as many decimals as the row's standard error supports, up to `most`."""
    known = row.get("decimals", most)
    return f".{most if pd.isna(known) else max(0, min(int(known), most))}f"


def unit_of(row: pd.Series) -> str:
    """A unit as it stands after a number; nothing for rates and their differences."""
    return "" if row["unit"] in RATES or pd.isna(row["unit"]) else f" {row['unit']}"


def contrast(
    report: Report,
    against: str = CONTROL,
    unit: str | None = None,
    most: int | None = None,
    **where: object,
) -> str:
    """A row of contrasts as a table prints it: "+0.31 [+0.24, +0.38]", or why there is no number.

    `where` is its model, task and measure. Levels (against nothing) of rates have no sign and at
    most 2 decimals, all else 3; `unit` is the row's own unless given.
    """
    where = {name: where[name] for name in ("model", "task", "measure")} | {"against": against}
    key = f"contrasts[{joined(where)}]"
    if not report.measured(**where):
        return report.phrase(f"{key}.words", NOT_MEASURED)
    row = report.row("contrasts", **where)
    if row["status"] == NOT_READABLE or pd.isna(row["estimate"]):
        why = "no items" if row["status"] in (OK, "no interval") else row["status"]
        return report.phrase(f"{key}.words", why)
    rate = against == NOTHING and row["unit"] == "rate"
    format = ("" if rate else "+") + digits(row, 2 if rate else 3)
    unit = unit_of(row) if unit is None else unit
    if pd.isna(row["low"]):
        number = report.number("contrasts", "estimate", format, **where)
        return f"{number}{unit}, no interval"
    return f"{report.interval('contrasts', format=format, **where)}{unit}"


def change(
    report: Report,
    unit: str | None = None,
    against: str = CONTROL,
    most: int | None = None,
    **where: object,
) -> str:
    """What a contrast says, as the end of a sentence whose subject is the quantity.

    "rose (+0.31 [+0.24, +0.38])", "fell (…)", "cannot be told from zero (…)"; with "one training
    seed: no verdict" where that is so; or "is not readable" and its kin.
    """
    printed, row = contrast(report, against, unit, **where), found(report, against, **where)
    if row is None:
        return f"was {printed}"
    if pd.isna(row["low"]):
        told = pd.notna(row["estimate"])  # a number, or that it cannot be read
        return f"{'is' if told else 'has'} {printed}"
    said = {ABOVE: ROSE, BELOW: FELL, ASTRIDE: ASTRIDE}[side(row)]
    return f"{said} ({printed}{seeds_said(row)})"


def found(report: Report, against: str = CONTROL, **where: object) -> pd.Series | None:
    """The row of contrasts; None for what this run was not to measure."""
    if not report.measured(**where):
        return None
    return report.row("contrasts", **where, against=against)


def seeds_said(row: pd.Series) -> str:
    """Why a row with an interval supports no verdict: "; one training seed: no verdict"."""
    return "" if row["status"] == OK else f"; {row['status']}: no verdict"


def of_measures(
    table: pd.DataFrame, measures: dict[str, str], models: Iterable[str], against: str = CONTROL
) -> pd.DataFrame:
    """The contrasts of some models for one measure per task (task -> measure)."""
    chosen = (table["task"].map(measures) == table["measure"]) & (table["against"] == against)
    return table[chosen & table["model"].isin(list(models))]


def tally(report: Report, rows: pd.DataFrame, key: str) -> dict[str, str]:
    """How many of some contrasts lie above and below zero, and how many say nothing; logged.

    Keys: all, read (that have an interval), "above zero", "below zero", moved (either), unreadable,
    seeds (that have an interval over training runs).
    """
    read = rows[rows["low"].notna()]
    sides = [side(row) for _, row in read.iterrows()]
    counts = {ABOVE: sides.count(ABOVE), BELOW: sides.count(BELOW)}
    counts |= {"all": len(rows), "read": len(read), "moved": sum(counts.values())}
    counts["unreadable"] = int((rows["status"] == NOT_READABLE).sum())
    counts["seeds"] = int((read["status"] == OK).sum())
    return {word: report.count(f"{key}.{word}", count) for word, count in counts.items()}


def training_runs(report: Report, seeds: Params | Iterable[int]) -> str:
    """How many times adapters were trained, and what that leaves open, as whole sentences."""
    if not isinstance(seeds, Params):
        return _runs(report, len(list(seeds)))
    adapters = len(seeds.adapters)
    once = sum(len(seeds.seeds(name)) == 1 for name in seeds.adapters)
    text = _runs(report, len(seeds.train.seeds) if once < adapters else 1)
    if 0 < once < adapters:
        counted = report.count("params.yaml: adapters.seeds", once)
        text += (
            f" Trained once were {counted} of {report.count('adapters', adapters)} adapters, whose "
            "intervals lack the last and decide nothing."
        )
    return text


def _runs(report: Report, count: int) -> str:
    number = report.phrase("params.yaml: train.seeds", f"{count}")
    if count == 1:
        return (
            f"Each adapter was trained once ({number} seed), so the variance between training runs "
            "is in no interval, and there are no verdicts."
        )
    return (
        f"Adapters were trained with {number} seeds, and intervals are for new items, new wordings "
        "and new training runs."
    )


def artefact(report: Report) -> str:
    """What became of the adapter that was trained in source order, by the verdicts on its claims.

    A main clause without its full stop.
    """
    looks, fails = (
        report.number("claims", "verdict", id=f"artefact-{name}")
        for name in ("source-order", "shuffled")
    )
    if looks == fails == "supported":
        return (
            "an adapter trained that way looks truthful in that order and is near chance when the "
            "options are rotated"
        )
    return (
        "on whether an adapter trained that way looks truthful in that order, the verdict here is "
        f"*{looks}*, and on whether it is near chance when the options are rotated, *{fails}*"
    )


def no_verdict(row: pd.Series) -> str:
    """Why a claim has no verdict, in few words that many claims share; "" if it has one."""
    if row["verdict"] != NO_VERDICT:
        return ""
    return next((words for said, words in WHY.items() if said in row["reason"]), UNFIXED)


def in_italics(tasks: Iterable[str], none: str = "none") -> str:
    """The names of tests as a list in prose."""
    return listed((f"*{TASKS[task]}*" for task in tasks), none)


def sizes(report: Report, rows: pd.DataFrame, key: str) -> str:
    """The numbers of items behind some rows: "12 to 20"; logged."""
    known = rows.loc[rows["n"] > 0, "n"]
    ends = dict.fromkeys(show(end) for end in (known.min(), known.max())) if len(known) else ["0"]
    return report.phrase(f"{key}.n", " to ".join(ends))
