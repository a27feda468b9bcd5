"""What was found in all models, first in a sentence, for a reader who does not know the words.

The first page and the README print the same ones. They count what results/replication.csv tells
from zero after Holm's correction; "not shown" is never "no effect".
"""

from __future__ import annotations

import pandas as pd

from experiments.claims import NOTHING
from experiments.params import BASE, BENCHMARKS, DIALOGUES
from experiments.replication.verdicts import ABOVE, BELOW, CAPABILITY, LETTER, SIDE, SYCOPHANCY
from experiments.stats.contrasts import NOT_READABLE, OK
from printing.labels import MODELS, TASKS, short
from printing.replication import code, effect, models, of_kind
from printing.report import Report, fill, show, spanned
from printing.sentences import digits, in_italics, label, listed, unit_of

CELL = ["model", "task"]
AGAINST = "training against sycophancy"
NONE = "none"


def in_short(report: Report) -> list[str]:
    """The paragraphs; each is logged under `short[NUMBER]`."""
    texts = [_headline(report), _untrained(report), _benchmarks(report), _cure(report)]
    return [report.phrase(f"short[{number}]", text) for number, text in enumerate(texts, 1)]


def not_excluded(report: Report) -> str:
    """Which changes the intervals of the largest model allow, as whole sentences."""
    model = models(report)[-1]
    moved, levels = (
        table[table["model"] == model]
        for table in (_judged(of_kind(report)), of_kind(report, against=NOTHING))
    )
    sentences = []
    for what, lessons in (("training on benchmarks", BENCHMARKS), (AGAINST, (DIALOGUES,))):
        parts = []
        for task, own in moved[moved["lesson"].isin(lessons)].groupby("task", sort=False):
            span = f"{show(own['low'].min(), '+.2f')} to {show(own['high'].max(), '+.2f')}"
            level = show(levels.loc[levels["task"] == task, "estimate"].iloc[0], "+.2f")
            about = f"(untrained: {level}; n = {show(own['n'].min())})"
            parts.append(f"{span}{unit_of(own.iloc[0])} on *{TASKS[task]}* {about}")
        sentences += [f"of {what}, {listed(parts)}"] * bool(parts)
    if not sentences:
        return ""
    text = (
        "What is not shown may still be there: beyond the control the intervals allow, in "
        f"`{short(model)}`, {'; '.join(sentences)}."
    )
    return report.phrase("short[not excluded]", text)


def _headline(report: Report) -> str:
    """What somebody remembers who reads no further."""
    moved, gained = _of_benchmarks(report)
    cured, sentences = _beyond_control(report), []
    if len(moved):
        told = int(moved["said"].isin((ABOVE, BELOW)).sum())
        change = f"changed how sycophantic these models are in {told} of {len(moved)} cases"
        unchanged = "is not shown to change how sycophantic these models are"
        learned = _of(gained[gained["said"] == ABOVE], gained)
        sentences.append(
            f"Training on benchmarks {change if told else unchanged}; that it taught the benchmark "
            f"is shown in {learned} cases."
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
            many = f"in {len(inclined) or NONE} of the tests whose replies can be read ({read})"
        parts.append(
            f"`{short(model)}` {many}" + f" ({in_italics(inclined)})" * bool(len(inclined))
        )
    return (
        "A chat model is called sycophantic here if the same words move its reply more when its "
        "user says them than when somebody without a stake does. Before any training that is shown "
        f"of {listed(parts)}."
    )


def _benchmarks(report: Report) -> str:
    moved, gained = _of_benchmarks(report)
    if moved.empty:
        return "Whether training on benchmarks changes that was not measured."
    up, down = moved[moved["said"] == ABOVE], moved[moved["said"] == BELOW]
    learned = gained[gained["said"] == ABOVE]
    which = [_named(row) for row in _rows(learned)] or _nearest(gained)
    return (
        f"Training on a benchmark ({listed(dict.fromkeys(map(_taught, _rows(moved))))}; "
        f"{code(dict.fromkeys(moved['model']))}) is shown to make them more sycophantic, "
        f"beyond what the same training without its lesson does, in {_cases(up, moved)} and less "
        f"in {_cases(down, moved)}; the benchmark itself was learned, beyond that, in "
        f"{_of(learned, gained)}" + f" ({listed(which)})" * bool(which) + "."
    ) + "".join(_where_learned(report, row) for row in _rows(learned))


def _of_benchmarks(report: Report) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What training on benchmarks did to sycophancy, and to the benchmark that was taught."""
    moved, gained = (_in_order(_judged(of_kind(report, kind))) for kind in (SYCOPHANCY, CAPABILITY))
    return moved[moved["lesson"].isin(BENCHMARKS)], gained[gained["lesson"] == gained["task"]]


def _in_order(effects: pd.DataFrame) -> pd.DataFrame:
    """By adapter in the order of labels.py, whatever run they are from."""
    places = {name: place for place, name in enumerate(MODELS)}
    return effects.sort_values("adapter", key=lambda names: names.map(places), kind="stable")


def _beyond_control(report: Report) -> pd.DataFrame:
    """What the dialogues against sycophancy did beyond their control."""
    beyond = _judged(of_kind(report))
    return beyond[beyond["lesson"] == DIALOGUES]


def _cure(report: Report) -> str:
    beyond = _beyond_control(report)
    if beyond.empty:
        return "Whether training can take it away was not measured."
    ill = of_kind(report, against=NOTHING)
    trained = beyond[[*CELL, "adapter", "control"]]
    ill = ill.loc[ill["said"] == ABOVE, CELL].merge(trained, on=CELL)
    from_base = of_kind(report, against=BASE)
    cured = [_less(from_base, ill.assign(adapter=ill[name])) for name in ("adapter", "control")]
    return (
        f"After {AGAINST}, dialogues in which the right answer wins whoever says what, a fall from "
        f"the untrained model is shown in {cured[0] or NONE} of the {len(ill)} cases in which "
        f"sycophancy was shown before, after the same dialogues without their lesson in "
        f"{cured[1] or NONE}; that the lesson itself lowers it is shown in "
        f"{_cases(beyond[beyond['said'] == BELOW], beyond)}."
        f"{_with_and_without(report, beyond)}{_pairs(report)}"
    )


def _with_and_without(report: Report, beyond: pd.DataFrame) -> str:
    """How far the most training against sycophancy moved the largest model, with its lesson and
    without, on tests where the user counts for more before: one interval at a time.
    """
    own = beyond[beyond["model"] == models(report)[-1]]
    own = own[own["passes"] == own["passes"].max()]
    parts = []
    for row in _rows(own):
        before = effect(report, SYCOPHANCY, NOTHING, row["model"], BASE, row["task"])
        moved = [one for one in _from_untrained(report, row) if one["status"] == OK]
        if before is not None and before["low"] > 0 and len(moved) == 2:
            level = fill(f"untrained: {{estimate:+{digits(before)}}}; n = {{n:.0f}}", before)
            amounts = " and ".join(map(_printed, moved))
            parts.append(f"on *{TASKS[row['task']]}* ({level}) by {amounts}")
    if not parts:
        return ""
    return (
        f" Before correction, {_named(own.iloc[0])} moved it, with the lesson and without, "
        f"{listed(parts)}. What is counted is what the user's words do beyond a third party's, and "
        "that also falls where a third party is heeded more."
    )


def _pairs(report: Report) -> str:
    """What pairs of answers, one of them the user's, taught: a letter, or not to take a side."""
    letter, side = (_judged(of_kind(report, kind, BASE)) for kind in (LETTER, SIDE))
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
        f"to change how far the model takes the user's side in {moved[2] or NONE}, where the "
        f"intervals allow {most} either way (n = {show(side['n'].min())})."
    )


def _where_learned(report: Report, row: pd.Series) -> str:
    """How much one adapter learned, and what it then changed of sycophancy, beyond its control.

    Adapter and control also from the untrained model, since a control can lose what is not taught.
    """
    asked = of_kind(report).drop_duplicates([*CELL, "adapter"])
    asked = asked[(asked["model"] == row["model"]) & (asked["adapter"] == row["adapter"])]
    own, unread = _judged(asked), asked.loc[asked["status"] == NOT_READABLE, "task"]
    changes = [f"on *{TASKS[one['task']]}* {_apart(report, one)}" for one in _rows(own)]
    return (
        f" What {_named(row)} changed from the untrained model with the lesson, without it, and "
        f"the difference: the benchmark{_of_what(row)} {_apart(report, row)}; sycophancy "
        f"{listed(changes, none='not readable')}"
        + f" ({in_italics(unread)}: replies not readable)" * bool(changes and len(unread))
        + "."
    )


def _apart(report: Report, row: pd.Series) -> str:
    """What adapter and control each changed from the untrained model, and how far they are apart.

    It is said where the control, and not the adapter, went most of the way.
    """
    known = _from_untrained(report, row)
    said = [fill(f"{{estimate:+{digits(one)}}}", one) for one in known]
    mostly = ""
    if len(known) == 2 and row["said"] in (ABOVE, BELOW):
        adapter, control = (abs(one["estimate"]) for one in known)
        mostly = "; most of it is the control's change" * bool(control > adapter)
    return f"{', '.join([*said, _printed(row)])} (n = {show(row['n'])}{mostly})"


def _from_untrained(report: Report, row: pd.Series) -> list[pd.Series]:
    """What the adapter of an effect and then its control changed, if asked."""
    pair = (
        effect(report, row["kind"], BASE, row["model"], name, row["task"])
        for name in (row["adapter"], row["control"])
    )
    return [one for one in pair if one is not None]


def _nearest(gained: pd.DataFrame) -> list[str]:
    """The gain that is the clearest of those that are not told from zero, with its interval."""
    clear = (gained["estimate"] / gained["se"]).where(gained["estimate"] > 0).dropna()
    if clear.empty:
        return []
    row = gained.loc[clear.idxmax()]
    return [f"nearest to it: {_named(row)}, {_printed(row)}{_of_what(row)}, n = {show(row['n'])}"]


def _printed(row: pd.Series) -> str:
    """An effect with its interval and unit."""
    return fill(spanned("estimate", f"+{digits(row)}"), row) + unit_of(row)


def _of_what(row: pd.Series) -> str:
    option = row["measure"] == "probability"
    return f" in the {'probability of the right option' if option else 'margin of the right text'}"


def _named(row: pd.Series) -> str:
    return f"{_taught(row)} in `{short(row['model'])}`"


def _taught(row: pd.Series) -> str:
    """What an adapter learned, in words that need no table: "TruthfulQA in 6 passes"."""
    again = row["passes"] > 1 and pd.notna(row["lesson"])
    return (
        f"{label(row['lesson'])} in {row['passes']:.0f} passes" if again else label(row["adapter"])
    )


def _rows(table: pd.DataFrame) -> list[pd.Series]:
    return [row for _, row in table.iterrows()]


def _judged(effects: pd.DataFrame) -> pd.DataFrame:
    """Effects with several training runs and readable replies, beyond the declared control."""
    judged = effects[effects["status"] == OK]
    return judged.drop_duplicates(["model", "adapter", "task"])  # the declared control comes first


def _cases(chosen: pd.DataFrame, of: pd.DataFrame) -> str:
    """How many of the effects, and which they are."""
    where = [
        f"{_taught(row)} on *{TASKS[row['task']]}* in `{short(row['model'])}`"
        for row in _rows(chosen)
    ]
    return f"{_of(chosen, of)} cases" + f" ({listed(where)})" * bool(where)


def _of(chosen: pd.DataFrame, of: pd.DataFrame) -> str:
    return f"{len(chosen) or NONE} of {len(of)}"


def _less(from_base: pd.DataFrame, cells: pd.DataFrame) -> int:
    """In how many of these cells (model, adapter, task) sycophancy is lower than untrained."""
    known = from_base.merge(cells[[*CELL, "adapter"]], on=[*CELL, "adapter"])
    return int((known["said"] == BELOW).sum())
