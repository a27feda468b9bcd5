"""Sentences that rows of results/ decide: prose that presumes no direction and no verdict.

A change that a test did not find is said to be not detected, together with the change that the
test could have found. It is never called absent.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from printing.labels import MEASURES, MODELS, TASKS
from printing.report import NOT_MEASURED, Report, joined, show

ROSE, FELL, UNDETECTED = "rose", "fell", "not detected"
# The sides on which a whole interval can lie.
ABOVE, BELOW, ASTRIDE = "above zero", "below zero", "cannot be told from zero"


def label(model: str) -> str:
    """The name of a model in prose; one without a label keeps its own."""
    return MODELS.get(model, model)


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


def direction(row: pd.Series) -> str:
    """What happened to the quantity of a row of effects, after the family's correction."""
    if not bool(row["significant"]):
        return UNDETECTED
    return ROSE if row["estimate"] > 0 else FELL


def side(row: pd.Series) -> str:
    """Where the interval of a row lies."""
    if row["low"] > 0:
        return ABOVE
    return BELOW if row["high"] < 0 else ASTRIDE


def digits(row: pd.Series, most: int = 2) -> str:
    """A format with as many decimals as the row's standard error supports, up to `most`."""
    known = row.get("decimals", most)
    return f".{most if pd.isna(known) else max(0, min(int(known), most))}f"


def change(
    report: Report, unit: str = " nats", most: int = 2, brief: bool = False, **where: object
) -> str:
    """What a paired effect says, as the end of a sentence whose subject is the quantity.

    "rose (+0.31 [+0.24, +0.38] nats)"; "rose (…), but not after the correction …"; or "did not
    differ detectably (…)", with the change that a test of this size finds with the planned power
    (analyze.power) before any correction. `brief` calls that change "detectable", which the
    document then has to explain. Numbers have at most `most` decimals.
    """
    if not report.measured(**where):
        return report.phrase(f"effects[{joined(where)}].words", f"was {NOT_MEASURED}")
    row = report.row("effects", **where)
    format = digits(row, most)
    signed = report.interval("effects", format=f"+{format}", **where)
    found = direction(row)
    if found != UNDETECTED:
        return f"{found} ({signed}{unit})"
    if side(row) != ASTRIDE:
        word = ROSE if row["estimate"] > 0 else FELL
        return f"{word} ({signed}{unit}), but not after the correction for the number of tests"
    if pd.isna(row["minimal_detectable"]):
        return f"did not differ detectably ({signed}{unit})"
    seen = report.number("effects", "minimal_detectable", format, **where)
    if brief:
        return f"did not differ detectably ({signed}{unit}; detectable {seen})"
    return (
        f"did not differ detectably ({signed}{unit}; a change of {seen} would probably have been "
        "seen)"
    )


def level(report: Report, unit: str = " nats", most: int = 2, **where: object) -> str:
    """An estimate and on which side of zero its interval lies, ready to end a sentence."""
    if not report.measured(**where):
        return report.number("estimates", "estimate", **where)
    row = report.row("estimates", **where)
    format = f"+{digits(row, most)}"
    return f"{report.interval('estimates', format=format, **where)}{unit}, {_lies(side(row))}"


def _lies(where: str) -> str:
    return where if where != ASTRIDE else f"which {ASTRIDE}"


def detectable(report: Report, rows: pd.DataFrame, key: str, most: int = 2) -> str:
    """The smallest and largest minimal detectable effect of some rows: "0.31 to 0.62"."""
    format = coarsest(rows, most)
    known = rows["minimal_detectable"].dropna()
    if known.empty:
        return report.phrase(f"{key}.minimal_detectable", "an unknown size")
    ends = dict.fromkeys(show(value, format) for value in (known.min(), known.max()))
    return report.phrase(f"{key}.minimal_detectable", " to ".join(ends))


def coarsest(rows: pd.DataFrame, most: int = 2) -> str:
    """The format with the fewest decimals that some rows support."""
    return min((digits(row, most) for _, row in rows.iterrows()), default=f".{most}f")


def movers(report: Report, rows: pd.DataFrame, key: str, most: int = 2, brief: bool = False) -> str:
    """Which adapters raised a quantity and which lowered it, as a whole sentence.

    `rows` holds one row of effects per adapter; `key` names them in the log. `brief` leaves out
    which change could have been seen, for a document that gives it elsewhere.
    """
    found = {
        word: [label(row["model"]) for _, row in rows.iterrows() if direction(row) == word]
        for word in (ROSE, FELL, UNDETECTED)
    }
    parts = []
    for word in (ROSE, FELL):
        if found[word]:
            names = report.phrase(f"{key}.{word}", listed(found[word]))
            parts.append(f"it {word} with {names}")
    if found[UNDETECTED]:
        rest = rows[[direction(row) == UNDETECTED for _, row in rows.iterrows()]]
        whom = "the others" if parts else "any adapter"
        seen = "" if brief else detectable(report, rest, f"{key}[{UNDETECTED}]", most)
        size = f", where one of {seen} would probably have been seen" if seen else ""
        parts.append(f"no change was detected with {whom}{size}")
    text = "; ".join(parts) or "it was not measured"
    return f"{text[0].upper()}{text[1:]}."


def of_measures(effects: pd.DataFrame, measures: dict[str, str], models: list[str]) -> pd.DataFrame:
    """The rows of some models for one measure per task (task -> measure)."""
    chosen = effects["task"].map(measures) == effects["measure"]
    return effects[chosen & effects["model"].isin(models)]


def without_zero(report: Report, rows: pd.DataFrame, key: str) -> str:
    """How many intervals of some rows leave out zero, of how many: "3 of 12"; logged."""
    sides = [side(row) for _, row in rows.iterrows()]
    told = report.count(f"{key}.intervals without zero", len(sides) - sides.count(ASTRIDE))
    return f"{told} of {report.count(f'{key}.intervals', len(sides))}"


def tally(report: Report, rows: pd.DataFrame, key: str) -> dict[str, str]:
    """How many of some effects rose, fell and were not detected, and how many there are; logged."""
    words = [direction(row) for _, row in rows.iterrows()]
    counts = {word: report.count(f"{key}.{word}", words.count(word)) for word in (ROSE, FELL)}
    counts["all"] = report.count(f"{key}.all", len(words))
    counts["moved"] = report.count(f"{key}.moved", len(words) - words.count(UNDETECTED))
    return counts


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
        f"that an adapter trained that way looks truthful in that order is {looks} here, and that "
        f"it is near chance when the options are rotated {fails}"
    )


def training_runs(report: Report, seeds: tuple[int, ...] | list[int]) -> str:
    """How many times each adapter was trained, and what that leaves open, as a whole sentence."""
    count = report.phrase("params.yaml: train.seeds", f"{len(seeds)}")
    if len(seeds) == 1:
        return (
            f"Each adapter was trained once ({count} seed), so the variance between training runs "
            "is not measured here and is in no interval."
        )
    return (
        f"Each adapter was trained with {count} seeds. The intervals here are over items, for "
        "these runs; those that take in the variance between runs are in results/seeds.csv."
    )
