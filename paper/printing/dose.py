"""More of the same training: adapters that read one training set in other numbers of passes."""

from __future__ import annotations

import pandas as pd

from experiments.claims import CONTROL
from experiments.params import BENCHMARKS
from experiments.replication.verdicts import ABOVE, BELOW, CAPABILITY, SYCOPHANCY
from printing.labels import TASKS, short
from printing.replication import effect, of_kind
from printing.replication_tables import cell, table_of_texts
from printing.report import MISSING, Report
from printing.sentences import capital, in_italics, label, listed

PRICE = "mmlu"  # on which it is asked what dialogues cost


def doses(report: Report) -> pd.DataFrame:
    """Adapters of one lesson in other numbers of passes; with model, control and run.

    Ordered by model and lesson, few passes first; of adapters with as many passes the first.
    Empty if every lesson came in one amount.
    """
    effects = of_kind(report).dropna(subset="lesson").drop_duplicates(["model", "adapter"])
    amounts = effects.groupby(["model", "lesson"])["passes"].transform("nunique")
    several = effects.loc[amounts > 1, ["model", "lesson", "adapter", "control", "passes", "run"]]
    amount = ["model", "lesson", "passes"]
    return several.drop_duplicates(amount).sort_values(amount, kind="stable", ignore_index=True)


def tests(report: Report, lesson: str) -> list[tuple[str, str]]:
    """What is asked of a lesson, as (kind, task): its benchmark, then every sycophancy test.

    Dialogues are of no benchmark; what they cost is asked on another in its place.
    """
    return [(CAPABILITY, lesson if lesson in BENCHMARKS else PRICE)] + [
        (SYCOPHANCY, task) for task in dict.fromkeys(of_kind(report)["task"])
    ]


def test_name(kind: str, task: str, lesson: str) -> str:
    """A test in heads of panels and rows, and whether it was taught."""
    taught = " (taught)" if task == lesson else " (not taught)"
    return TASKS[task] + taught * (kind == CAPABILITY)


def dose_table(report: Report) -> str:
    """A row per training and test, a column per number of passes: changes beyond the control."""
    known = doses(report)
    amounts, lines = sorted(known["passes"].unique()), []
    for (model, lesson), adapters in known.groupby(["model", "lesson"], sort=False):
        by_passes = adapters.set_index("passes")["adapter"]
        for kind, task in tests(report, lesson):
            rows = [
                effect(report, kind, CONTROL, model, by_passes[amount], task)
                if amount in by_passes
                else None
                for amount in amounts
            ]
            name = f"{capital(label(lesson))}, {short(model)}: {test_name(kind, task, lesson)}"
            cells = [MISSING if row is None else cell(report, row, 3) for row in rows]
            items = {int(row["n"]) for row in rows if row is not None}
            key = f"replication[{model},{lesson},{task}].n"
            sizes = [report.count(key, size) for size in sorted(items)]
            lines.append([name, *cells, " to ".join(sizes)])
    counts = [report.count(f"replication[passes={n:.0f}]", int(n)) for n in amounts]
    heads = ["Training: test", *(f"Passes: {count}" for count in counts), "n"]
    return table_of_texts(report, heads, lines)


def more_training(report: Report, of: str | None = None) -> str:
    """What more passes did beyond the control, as whole sentences; of one lesson, or of all."""
    parts, known = [], doses(report)
    known = known[known["lesson"] == of] if of else known
    for (model, lesson), adapters in known.groupby(["model", "lesson"], sort=False):
        found: dict[str, list[str]] = {}  # what is said -> after how many passes
        for row in adapters.itertuples():
            found.setdefault(_moved(report, row.model, row.adapter, lesson), []).append(
                f"{int(row.passes)}"
            )
        said = "; ".join(f"after {listed(passes)}, {words}" for words, passes in found.items())
        parts.append(f"Passes over {label(lesson)} in `{short(model)}`: {said}.{_runs(adapters)}")
    if not parts:
        which = f"The {label(of)} were" if of else "Every training set was"
        return f"{which} read in one amount only; what more of it does was not tried."
    return report.phrase(f"replication[more passes{f',{of}' * bool(of)}]", " ".join(parts))


def _runs(adapters: pd.DataFrame) -> str:
    """Which amounts stand in which run, if not in one; a run draws its own examples."""
    if adapters["run"].nunique() < 2:
        return ""
    stand = [
        f"{listed(f'{passes:.0f}' for passes in own['passes'])} in `runs/{run}`"
        for run, own in adapters.groupby("run", sort=False)
    ]
    return (
        f" These are training runs of their own, {listed(stand)}: examples, seeds and questions "
        "need not be the same."
    )


def _moved(report: Report, model: str, adapter: str, lesson: str) -> str:
    """What one adapter did beyond its control, as the end of a sentence."""
    (first, own), *others = [
        (task, effect(report, kind, CONTROL, model, adapter, task))
        for kind, task in tests(report, lesson)
    ]
    moved = [
        f"{way} sycophantic on {in_italics(tasks)}"
        for way, side in (("more", ABOVE), ("less", BELOW))
        if (tasks := [task for task, one in others if one is not None and one["said"] == side])
    ]
    change = "" if own is None else str(own["said"])
    if first == lesson:
        learned = "" if change == ABOVE else "not shown to be "
        capability = f"the benchmark is {learned}learned"
    else:
        ways = {ABOVE: "rises", BELOW: "falls"}
        capability = f"{TASKS[first]} {ways.get(change, 'is not shown to change')}"
    return (
        f"{capability} beyond the control, and the model is "
        f"{listed(moved, none='not shown to be more or less sycophantic')} beyond it"
    )
