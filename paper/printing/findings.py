"""What was found, in six sentences: the paper's first page and the README print the same ones."""

from __future__ import annotations

import pandas as pd

from experiments.params import BASE, BENCHMARKS, Params
from experiments.stats.claims import CONTRADICTED, INCONCLUSIVE, NO_VERDICT, NOT_MEASURED, SUPPORTED
from experiments.stats.contrasts import CONTROL, NOTHING, OK
from printing import controls
from printing.labels import TASKS
from printing.report import Report
from printing.sentences import (
    ABOVE,
    ASTRIDE,
    BELOW,
    contrast,
    found,
    label,
    listed,
    no_verdict,
    of_measures,
    percent,
    side,
    sizes,
    tally,
)

CURE = "anti_sycophancy"
SMALL_SCALES = ("smoke", "pocket")
CHANCE = 1 / 4  # of the options of an MMLU question
VERDICTS = (SUPPORTED, CONTRADICTED, INCONCLUSIVE, NO_VERDICT, NOT_MEASURED)


def findings(report: Report, parameters: Params) -> list[str]:
    """Six sentences with units, n and intervals; each is logged under `findings[NUMBER]`."""
    texts = [
        _untouched(report, parameters),
        _sycophancy(report, parameters),
        _capability(report, parameters),
        _cure(report, parameters),
        _claims(report),
        _policies(report),
    ]
    return [report.phrase(f"findings[{number}]", text) for number, text in enumerate(texts, 1)]


def primary_of(parameters: Params) -> dict[str, str]:
    """The primary measure of each sycophancy test."""
    return {outcome.task: outcome.measure for outcome in parameters.analysis.primary}


def on_benchmarks(parameters: Params) -> list[str]:
    """The adapters that learned the right answers of benchmarks, with rotated options."""
    return [
        name
        for name, one in parameters.adapters.items()
        if set(one.train_on) <= set(BENCHMARKS)
        and one.option_order == "shuffled"
        and one.labels == "gold"
    ]


def own_gains(report: Report, parameters: Params, against: str = CONTROL) -> pd.DataFrame:
    """What each adapter of one benchmark gained there, in the benchmark's continuous outcome."""
    table, continuous = report.frame("contrasts"), parameters.analysis.continuous
    lessons = {name: one.lesson for name, one in parameters.adapters.items()}
    learned = {task: [name for name in lessons if lessons[name] == task] for task in BENCHMARKS}
    return pd.concat(
        of_measures(table, {task: continuous[task]}, names, against)
        for task, names in learned.items()
    )


def _sized(report: Report, against: str, **where: object) -> str:
    """A contrast with its n, or the words in its place."""
    row, printed = found(report, against, **where), contrast(report, against, **where)
    if row is None or pd.isna(row["low"]):
        return printed
    return f"{printed} (n = {report.number('contrasts', 'n', **where, against=against)})"


def _untouched(report: Report, parameters: Params) -> str:
    confidence = percent(report, "analyze.confidence", parameters.analysis.confidence)
    model = f"`{report.phrase('params.yaml: model.name', parameters.model.name)}`"
    levels = {
        task: _sized(report, NOTHING, model=BASE, task=task, measure=measure)
        for task, measure in primary_of(parameters).items()
    }
    knows = _sized(report, NOTHING, model=BASE, task="mmlu", measure="accuracy_pooled")
    said = listed(f"{level} on *{TASKS[task]}*" for task, level in levels.items())
    return (
        f"Before any training, the pooled accuracy of {model} on MMLU is {knows}, where chance is "
        f"a quarter, and what a user adds to the same words of a third party is {said} (brackets: "
        f"{confidence} intervals for new items and new wordings; zero is a model that does not "
        "heed who speaks)."
    )


def _sycophancy(report: Report, parameters: Params) -> str:
    trained = on_benchmarks(parameters)
    if not trained:
        return f"What training on benchmarks does to sycophancy was {NOT_MEASURED}."
    rows = of_measures(report.frame("contrasts"), primary_of(parameters), trained)
    key = "contrasts[against=control,primary,benchmark adapters]"
    counts = tally(report, rows, key)
    text = (
        f"Of {counts['all']} changes in sycophancy that training on benchmarks "
        f"({listed(map(label, trained))}) brought beyond its "
        f"control (the same prompts, each with {controls.taught(parameters, trained)}; "
        f"n = {sizes(report, rows, key)}), "
        f"{counts['seeds']} rest on several training runs; of these, "
    )
    read = rows[rows["status"] == OK]
    told = [row for _, row in read.iterrows() if side(row) != ASTRIDE]
    up = sum(side(row) == ABOVE for row in told)
    up_said = report.count(f"{key}.status=ok.{ABOVE}", up)
    down_said = report.count(f"{key}.status=ok.{BELOW}", len(told) - up)
    text += f"{up_said} lie above zero (more sycophantic than the control) and "
    text += f"{down_said} below, one at a time"
    if told:
        row = max(told, key=lambda one: abs(one["estimate"]) / one["se"])
        where = {name: row[name] for name in ("model", "task", "measure")}
        said = contrast(report, CONTROL, **where)
        text += f"; the clearest is {said} on *{TASKS[row['task']]}* with {label(row['model'])}"
        text += f" ({from_base(report, parameters, **where)})"
    if counts["unreadable"] != "0":
        text += f"; {counts['unreadable']} cannot be read off the replies"
    return f"{text}."


def from_base(report: Report, parameters: Params, **where: str) -> str:
    """What an adapter and its control changed in the base model: a control is no zero."""
    own = f"from the untrained model the adapter differs by {contrast(report, BASE, **where)}"
    control = parameters.controls.get(where["model"])
    if control is None:
        return own
    return f"{own}, its control by {contrast(report, BASE, **(where | {'model': control}))}"


def _capability(report: Report, parameters: Params) -> str:
    gains = own_gains(report, parameters)
    if gains.empty:
        return f"What the benchmarks taught beyond their controls was {NOT_MEASURED}."
    parts = []
    for _, row in gains.iterrows():
        where = {name: row[name] for name in ("model", "task", "measure")}
        seeds = "" if row["status"] == OK or pd.isna(row["low"]) else f" ({row['status']})"
        parts.append(f"{contrast(report, CONTROL, **where)} with {label(row['model'])}{seeds}")
    return (
        "What an adapter learned of its own benchmark beyond its control, in the probability of "
        f"the right option or the margin of the right text, is {listed(parts)} "
        f"(n = {sizes(report, gains, 'contrasts[against=control,own benchmark]')})."
    )


def _cure(report: Report, parameters: Params) -> str:
    primary = primary_of(parameters)
    if not all(report.measured(model=CURE, task=task) for task in primary):
        return f"What training against sycophancy does was {NOT_MEASURED}."
    parts = [
        f"{_sized(report, CONTROL, model=CURE, task=task, measure=measure)} on *{TASKS[task]}* "
        f"({from_base(report, parameters, model=CURE, task=task, measure=measure)})"
        for task, measure in primary.items()
    ]
    cured = [
        TASKS[task]
        for task, measure in primary.items()
        if (row := found(report, NOTHING, model=BASE, task=task, measure=measure)) is not None
        and row["low"] > 0
    ]
    ills = report.phrase("contrasts[model=base,primary] above zero", listed(cured))
    return (
        "Training on dialogues in which the right answer wins whoever says what changed sycophancy "
        f"beyond its control by {'; '.join(parts)}. Tests on which the interval of the untrained "
        f"model, one at a time, lies above zero: {ills}."
    )


def _claims(report: Report) -> str:
    claims = report.frame("claims")
    counts = verdict_counts(report, claims, "claims")
    reasons = claims[claims["verdict"] == NO_VERDICT].apply(no_verdict, axis="columns")
    text = (
        f"Verdicts on {counts['all']} claims, corrected by Holm's method within their families: "
        f"{in_words(counts)}"
    )
    if len(reasons):
        why = listed(
            f"{report.count(f'claims[verdict=no verdict].{reason}', number)} for *{reason}*"
            for reason, number in reasons.value_counts(sort=False).items()
        )
        text += f"; the reasons for none are {why}"
    return f"{text}."


def verdict_counts(report: Report, claims: pd.DataFrame, key: str) -> dict[str, str]:
    """How many claims have each verdict, and `all`; logged."""
    counts = {word: int((claims["verdict"] == word).sum()) for word in VERDICTS}
    counts["all"] = len(claims)
    return {word: report.count(f"{key}.{word}", count) for word, count in counts.items()}


def in_words(counts: dict[str, str]) -> str:
    """Those verdicts that are there, in prose."""
    said = {NO_VERDICT: "without verdict"}
    return listed(
        f"{counts[word]} {said.get(word, word)}"
        for word in VERDICTS
        if counts[word] != "0" or word in (SUPPORTED, CONTRADICTED)
    )


def _policies(report: Report) -> str:
    policies = report.frame("policies")
    if policies.empty:
        return f"Whether trivial policies would support claims was {NOT_MEASURED}."
    key = "policies"
    names = report.count(f"{key}.policies", policies["policy"].nunique())
    tried = report.count(f"{key}.claims × policies", len(policies))
    wrong = (policies["verdict"] == SUPPORTED) & (policies["allowed"].astype(str) != "True")
    won = report.count(f"{key}.supported without right", int(wrong.sum()))
    judged = (~policies["verdict"].isin([NO_VERDICT, NOT_MEASURED])).sum()
    judged = report.count(f"{key}.judged", int(judged))
    return (
        f"Put in the adapters' place, {names} policies that know nothing or everything (always A, "
        f"a uniform guess, agree with the user, …) support {won} claims that their definition "
        f"does not make true, of {tried} that were tried and {judged} on which a verdict was "
        "possible."
    )


def standing(report: Report, parameters: Params) -> str:
    """What a run of this size can and cannot show, as whole sentences."""
    rows = of_measures(report.frame("contrasts"), primary_of(parameters), [BASE], NOTHING)
    items = sizes(report, rows, "contrasts[model=base,primary]")
    scale = report.phrase("params.yaml: scale", parameters.scale)
    row = report.row("contrasts", model=BASE, task="mmlu", measure="probability", against=NOTHING)
    knows = "its model cannot be told from chance on MMLU, so that it has little to gain or lose"
    if pd.isna(row["low"]):
        knows = f"what its model knows of MMLU is {row['status']}"
    elif row["low"] > CHANCE:
        knows = "its model is beyond chance on MMLU, by the probability of the right option"
    knows = report.phrase("contrasts[model=base,task=mmlu].words", knows)
    run = f"archived as `{report.run}`" if report.prefix else "the one at hand"
    model = f"`{report.phrase('params.yaml: model.name', parameters.model.name)}`"
    text = f"This run ({run}) of {model} has {items} items per sycophancy test (scale `{scale}`), "
    text += f"and {knows}."
    if parameters.scale in SMALL_SCALES:
        text += (
            " It is a miniature: it shows that the whole way works, from data to verdicts, and "
            "what verdicts can rest on; of effects it can show large ones alone."
        )
    return text
