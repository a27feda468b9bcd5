"""What was found, in six sentences: the paper's first page and the README print the same ones."""

from __future__ import annotations

import pandas as pd

from experiments.params import BENCHMARKS, Params
from experiments.stats.claims import NOT_MEASURED
from printing import repeated
from printing.labels import TASKS
from printing.report import Report, show
from printing.sentences import (
    FELL,
    ROSE,
    UNDETECTED,
    detectable,
    digits,
    direction,
    label,
    listed,
    of_measures,
    percent,
    tally,
)

CURE, SOURCE_ORDER = "anti_sycophancy", "truthfulqa_source_order"
PRESSURE = {
    "answer": "when the user suggests a misconception",
    "are_you_sure": "when the user doubts its answer",
    "feedback": "when the user likes the argument that it judges",
}


def findings(report: Report, parameters: Params) -> list[str]:
    """Six sentences with units, n and intervals; each is logged under `findings[NUMBER]`."""
    run = repeated.most_seeds(report, parameters)
    found = [
        _untouched(report, parameters),
        _benchmark_adapters(report, parameters),
        repeated.in_brief(report, run) if run else repeated.NONE,
        _accuracy(report, parameters),
        _first_letter(report),
        _cure(report, parameters),
    ]
    return [report.phrase(f"findings[{number}]", text) for number, text in enumerate(found, 1)]


def _primary(parameters: Params) -> dict[str, str]:
    return {outcome.task: outcome.measure for outcome in parameters.analysis.primary}


def _sized(report: Report, row: pd.Series, table: str, format: str, unit: str = "") -> str:
    """An estimate with unit, interval and n, and whether its interval leaves zero open."""
    where = {name: row[name] for name in ("model", "task", "measure")}
    number, interval = report.interval(table, format=format, **where).split(" ", 1)
    open_end = ", inconclusive" if row["low"] <= 0 <= row["high"] and unit else ""
    return f"{number}{unit} {interval} (n = {report.number(table, 'n', **where)}{open_end})"


def _untouched(report: Report, parameters: Params) -> str:
    confidence = percent(report, "analyze.confidence", parameters.analysis.confidence)
    model = f"`{report.phrase('params.yaml: model.name', parameters.model.name)}`"
    parts = []
    for task, measure in _primary(parameters).items():
        row = report.row("estimates", model="base", task=task, measure=measure)
        size = _sized(report, row, "estimates", f"+{digits(row)}", " nats")
        parts.append(f"by {size} {PRESSURE[task]}")
    return (
        f"Before any training, the log-odds of {model} move towards the user {listed(parts)}, "
        "each beyond a control in which the same words come without the user's wish (brackets: "
        f"{confidence} intervals over items)."
    )


def _benchmark_adapters(report: Report, parameters: Params) -> str:
    settings = parameters.analysis
    rows = of_measures(report.frame("effects"), _primary(parameters), settings.correlate)
    counts = tally(report, rows, "effects[family=primary,benchmark adapters]")
    adapters = report.count("params.yaml: analyze.correlate", len(settings.correlate))
    told = rows[[direction(row) != UNDETECTED for _, row in rows.iterrows()]]
    text = (
        f"Of {counts['all']} pre-declared effects of {adapters} adapters trained on benchmarks, "
        f"{counts['moved']} differ from zero after Holm's correction"
    )
    if len(told):
        row = told.loc[told["estimate"].abs().idxmax()]
        size = _sized(report, row, "effects", f"+{digits(row)}", " nats")
        text += (
            f", {counts[ROSE]} towards the user and {counts[FELL]} away; the largest is {size} on "
            f"*{TASKS[row['task']]}* with {label(row['model'])}"
        )
    return f"{text}{'' if len(told) == len(rows) else '; the others are inconclusive'}."


def _accuracy(report: Report, parameters: Params) -> str:
    measures = {task: parameters.analysis.headline[task] for task in BENCHMARKS}
    rows = of_measures(report.frame("effects"), measures, parameters.analysis.correlate)
    key = "effects[accuracy,benchmark adapters]"
    counts = tally(report, rows, key)
    rest = rows[[direction(row) == UNDETECTED for _, row in rows.iterrows()]]
    sizes = report.phrase(f"{key}.n", " to ".join(map(show, (rows["n"].min(), rows["n"].max()))))
    text = (
        f"Of {counts['all']} changes in their accuracy on the benchmarks, {counts[ROSE]} rose and "
        f"{counts[FELL]} fell after Benjamini and Hochberg's correction"
    )
    if rest.empty:
        return f"{text} (n = {sizes})."
    seen = detectable(report, rest, f"{key}[{UNDETECTED}]")
    return (
        f"{text}; the others are inconclusive, since changes smaller than {seen} of the items "
        f"(n = {sizes}) would probably have gone unseen."
    )


def _first_letter(report: Report) -> str:
    if not report.measured(model=SOURCE_ORDER, task="truthfulqa"):
        return f"What training with the right option always first teaches was {NOT_MEASURED}."

    def accuracy(model: str, measure: str) -> str:
        row = report.row("estimates", model=model, task="truthfulqa", measure=measure)
        return _sized(report, row, "estimates", ".2f")

    parts = [
        f"{accuracy(model, 'accuracy_source_order')} in that order and "
        f"{accuracy(model, 'accuracy')} over all rotations"
        for model in (SOURCE_ORDER, "base")
    ]
    return (
        "Trained with the right option always first, as in the source study, a model has an "
        f"accuracy on TruthfulQA-style questions of {parts[0]}; the untrained one has {parts[1]}."
    )


def _cure(report: Report, parameters: Params) -> str:
    primary = _primary(parameters)
    if not all(report.measured(model=CURE, task=task) for task in primary):
        return f"What training against sycophancy does was {NOT_MEASURED}."
    parts = []
    for task, measure in primary.items():
        row = report.row("effects", model=CURE, task=task, measure=measure)
        size = _sized(report, row, "effects", f"+{digits(row)}", " nats")
        parts.append(f"{size} on *{TASKS[task]}*")
    return (
        "Training on dialogues in which the right answer wins whatever the user says changed these "
        f"shifts by {listed(parts)}, where a negative change is less sycophancy."
    )
