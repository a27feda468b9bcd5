"""What was found in all models, first in a sentence, for a reader who does not know the words.

The first page and the README print the same ones. They count what results/replication.csv tells
from zero after Holm's correction; "not shown" is never "no effect".
"""

from __future__ import annotations

import pandas as pd

from experiments.claims import CONTROL, NOTHING
from experiments.params import BASE, DIALOGUES
from experiments.replication.verdicts import ABOVE, BELOW, LETTER, SIDE, SYCOPHANCY
from experiments.stats.contrasts import OK
from printing.cases import (
    beyond_control,
    from_untrained,
    in_order,
    judged,
    named,
    of_benchmarks,
    on_benchmarks,
    rows,
    taught,
)
from printing.declared import alone, found_alone
from printing.labels import TASKS, short
from printing.repeats import measured_again
from printing.replication import code, effect, models, of_kind
from printing.report import MISSING, Report, fill, show, spanned
from printing.sentences import digits, in_italics, listed, unit_of

CELL = ["model", "task"]
AGAINST = "training against sycophancy"
NONE = "none"
DO = {  # what the words of each test do
    "answer": "they suggest an answer",
    "are_you_sure": "they doubt the first reply",
    "feedback": "they like or dislike an argument",
}


def in_short(report: Report) -> list[str]:
    """The paragraphs; each is logged under `short[NUMBER]`."""
    texts = [
        _headline(report),
        _untrained(report),
        _benchmarks(report),
        alone(report),
        measured_again(report, brief=True),
        _cure(report),
    ]
    said = filter(None, texts)
    return [report.phrase(f"short[{number}]", text) for number, text in enumerate(said, 1)]


def not_excluded(report: Report) -> str:
    """Which changes the intervals of the largest model allow, as whole sentences."""
    model = models(report)[-1]
    moved, levels = (
        table[table["model"] == model]
        for table in (judged(of_kind(report)), of_kind(report, against=NOTHING))
    )
    sentences, said = [], set()
    cures = moved["lesson"] == DIALOGUES
    for what, chosen in (("training on benchmarks", on_benchmarks(moved)), (AGAINST, cures)):
        parts = []
        for task, own in moved[chosen].groupby("task", sort=False):
            span = f"{show(own['low'].min(), '+.2f')} to {show(own['high'].max(), '+.2f')}"
            level = show(levels.loc[levels["task"] == task, "estimate"].iloc[0], "+.2f")
            about = f" (untrained: {level}; n = {show(own['n'].min())})" * (task not in said)
            parts.append(f"{span}{unit_of(own.iloc[0])} on *{TASKS[task]}*{about}")
            said.add(task)
        sentences += [f"of {what}, {listed(parts)}"] * bool(parts)
    if not sentences:
        return ""
    text = (
        "What is not shown may still be there: beyond the control the widest intervals allow, in "
        f"`{short(model)}`, {'; '.join(sentences)}."
    )
    return report.phrase("short[not excluded]", text)


def _headline(report: Report) -> str:
    """What somebody remembers who reads no further."""
    moved, gained = of_benchmarks(report)
    cured, sentences = beyond_control(report), []
    if len(moved):
        told = int(moved["said"].isin((ABOVE, BELOW)).sum())
        beyond = "beyond what the same training without its lesson does"
        judged_as = (
            f"changed how sycophantic these models are, {beyond}, in {told} of {len(moved)} cases"
            if told
            else f"is not shown to change how sycophantic these models are {beyond} (none of "
            f"{len(moved)} cases, corrected for their number)"
        )
        asked, changed = _from_untrained(report)
        less = int((changed["said"] == BELOW).sum())
        ways = f" ({less} less sycophantic, {len(changed) - less} more)" * bool(len(changed))
        learned = _of(gained[gained["said"] == ABOVE], gained)
        sentences.append(
            f"Training on benchmarks {judged_as}; a change from the untrained model is shown in "
            f"{_of(changed, asked)}{ways}, and that it taught the benchmark in {learned}."
            f"{found_alone(report)}"
        )
    if len(cured):
        lowered = int((cured["said"] == BELOW).sum())
        change = f"lowered it in {lowered} of {len(cured)} cases"
        sentences.append(
            f"Training against sycophancy {change if lowered else 'is not shown to lower it'}."
        )
    return f"**{' '.join(sentences) or 'No change beyond a control was measured yet.'}**"


def _untrained(report: Report) -> str:
    levels = of_kind(report, against=NOTHING)
    parts = []
    for model in reversed(models(report)):
        asked = levels[levels["model"] == model]
        own = asked[asked["status"] == OK]
        inclined = own.loc[own["said"] == ABOVE, "task"]
        many = f"in {len(inclined) or NONE} of {len(own)} tests"
        if len(own) < len(asked):
            read = f"{len(own) or NONE} of {len(asked)}"
            many = f"in {len(inclined) or NONE} of the tests that can be read ({read})"
        parts.append(
            f"`{short(model)}` {many}" + f" ({in_italics(inclined)})" * bool(len(inclined))
        )
    does = listed(
        f"in *{TASKS[test]}* {do}" for test, do in DO.items() if test in set(levels["task"])
    )
    return (
        "A chat model is called sycophantic here if the same words move its reply more when its "
        f"user says them than when somebody without a stake does: {does}. Before any training that "
        f"is shown of {listed(parts)}."
    )


def _benchmarks(report: Report) -> str:
    moved, gained = of_benchmarks(report)
    if moved.empty:
        return "Whether training on benchmarks changes that was not measured."
    up, down = moved[moved["said"] == ABOVE], moved[moved["said"] == BELOW]
    learned = gained[gained["said"] == ABOVE]
    trained = [name for name in reversed(models(report)) if name in set(moved["model"])]
    which = list(map(named, rows(learned))) or _nearest(gained)
    taught_where = f" ({listed(which)})" if which else ""
    return (
        f"Training on a benchmark ({listed(dict.fromkeys(map(taught, rows(moved))))}; "
        f"{code(trained)}) is shown to make them more sycophantic, "
        f"beyond what the same training without its lesson does, in {_cases(up, moved)} and less "
        f"in {_cases(down, moved)} (one training set, model and test each); the benchmark itself "
        f"was learned, beyond that, in {_of(learned, gained)}{taught_where}.{_form(report)}"
    )


def _from_untrained(report: Report) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Changes in sycophancy from the untrained model, and those of them that are told from zero."""
    table = of_kind(report, against=BASE)
    asked = in_order(table[on_benchmarks(table) & (table["status"] == OK)])
    return asked, asked[asked["said"].isin((ABOVE, BELOW))]


def _form(report: Report) -> str:
    """Which changes from the untrained model are shown, and what the control did there."""
    _, changed = _from_untrained(report)
    parts = []
    for row in rows(changed):
        parts.append(
            f"{taught(row)} on *{TASKS[row['task']]}* in `{short(row['model'])}` "
            f"({_printed(row)}; without its lesson {_without(report, row)})"
        )
    return f" From the untrained model a change is shown with {listed(parts)}." * bool(parts)


def _without(report: Report, row: pd.Series) -> str:
    """What the control changed from the untrained model where an adapter did."""
    beyond = effect(report, SYCOPHANCY, CONTROL, row["model"], row["adapter"], row["task"])
    control = None if beyond is None else from_untrained(report, beyond)[1]
    return MISSING if control is None else _printed(control)


def _cure(report: Report) -> str:
    beyond = beyond_control(report)
    if beyond.empty:
        return "Whether training can take it away was not measured."
    ill = of_kind(report, against=NOTHING)
    trained = beyond[[*CELL, "adapter", "control"]]
    ill = ill.loc[ill["said"] == ABOVE, CELL].merge(trained, on=CELL)
    from_base = of_kind(report, against=BASE)
    cured = [_less(from_base, ill.assign(adapter=ill[name])) for name in ("adapter", "control")]
    return (
        f"After {AGAINST} (dialogues in which the right answer wins whoever says what) a fall from "
        f"the untrained model is shown in {cured[0] or NONE} of the {len(ill)} cases in which "
        f"sycophancy was shown before, after the same dialogues without their lesson in "
        f"{cured[1] or NONE}; that the lesson itself lowers it is shown in "
        f"{_cases(beyond[beyond['said'] == BELOW], beyond)}. What is counted is what the user's "
        "words do beyond a third party's, and that also falls where a third party is heeded more."
        f"{_pairs(report)}"
    )


def _pairs(report: Report) -> str:
    """What pairs of answers, one of them the user's, taught: a letter, or not to take a side."""
    letter, side = (judged(of_kind(report, kind, BASE)) for kind in (LETTER, SIDE))
    if letter.empty:
        return ""
    moved = [
        int(own["said"].isin(ways).sum())
        for own, ways in ((letter, [ABOVE]), (letter, [BELOW]), (side, [ABOVE, BELOW]))
    ]
    most = show(side[["low", "high"]].abs().max(axis=None), ".2f") + unit_of(side.iloc[0])
    return (
        " Training on pairs of answers, of which the one that the user does not hold is wanted, "
        f"is shown to raise a liking for the letter A in {moved[0] or NONE} and to lower it in "
        f"{moved[1] or NONE} of {len(letter)} cases ({code(dict.fromkeys(letter['model']))}), and "
        f"to change how far the model takes the user's side in {moved[2] or NONE}; as much as "
        f"{most} either way stays possible (n = {show(side['n'].min())})."
    )


def _nearest(gained: pd.DataFrame) -> list[str]:
    """The gain that is the clearest of those that are not told from zero, with its interval."""
    clear = (gained["estimate"] / gained["se"]).where(gained["estimate"] > 0).dropna()
    if clear.empty:
        return []
    row = gained.loc[clear.idxmax()]
    return [f"nearest to it: {named(row)}, {_printed(row)}{_of_what(row)}, n = {show(row['n'])}"]


def _printed(row: pd.Series) -> str:
    """An effect with its interval and unit."""
    return fill(spanned("estimate", f"+{digits(row)}"), row) + unit_of(row)


def _of_what(row: pd.Series) -> str:
    option = row["measure"] == "probability"
    return f" in the {'probability of the right option' if option else 'margin of the right text'}"


def _cases(chosen: pd.DataFrame, of: pd.DataFrame) -> str:
    """How many of the effects, and which they are."""
    where = [
        f"{taught(row)} on *{TASKS[row['task']]}* in `{short(row['model'])}`"
        for row in rows(chosen)
    ]
    return f"{_of(chosen, of)} cases" + f" ({listed(where)})" * bool(where)


def _of(chosen: pd.DataFrame, of: pd.DataFrame) -> str:
    return f"{len(chosen) or NONE} of {len(of)}"


def _less(from_base: pd.DataFrame, cells: pd.DataFrame) -> int:
    """In how many of these cells (model, adapter, task) sycophancy is lower than untrained."""
    known = from_base.merge(cells[[*CELL, "adapter"]], on=[*CELL, "adapter"])
    return int((known["said"] == BELOW).sum())
