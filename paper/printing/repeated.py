"""What an archived run with several training seeds says of the pre-declared effects.

The run at hand may have trained every adapter once. A run on the same corpus, protocol and model
that trained them several times has intervals for new items and new training runs.
"""

from __future__ import annotations

import pandas as pd

from experiments.params import Params
from printing.report import Report
from printing.runs import KEY, Run, primary_effects, runs
from printing.sentences import UNDETECTED, direction, heading
from printing.tables import by_test

BOTH = ("both_low", "both_high")
NONE = (
    "No archived run of this model on these items has several training seeds, so how much another "
    "training run would differ is not known here."
)


def most_seeds(report: Report, parameters: Params) -> Run | None:
    """The archived run like the one at hand with most training seeds; None if all have one."""
    alike = [
        run
        for run in runs(report)
        if (run.corpus, run.protocol) == (parameters.corpus, parameters.protocol)
        and run.params["model"]["name"] == parameters.model.name
        and len(run.seeds) > 1
    ]
    return max(alike, key=lambda run: len(run.seeds), default=None)


def effects_of(report: Report, run: Run) -> pd.DataFrame:
    """The run's effects with `told`: the interval for new items and training leaves out zero."""
    table = primary_effects(report, run)
    low, high = (table[bound] for bound in BOTH)
    return table.assign(told=(low > 0) | (high < 0))


def repeated_table(report: Report, run: Run) -> str:
    """One row per adapter, one column per test: changes for new items and new training runs."""
    table = effects_of(report, run)
    outcomes = {heading(outcome): outcome for outcome in run.outcomes}
    door = report.of_run(run.name)
    return by_test(door, table, outcomes, "effects and seeds", bold="told", bounds=BOTH)


def _counted(report: Report, run: Run) -> dict[str, str]:
    """What both sentences count, logged: effects told from zero, all effects, seeds and items."""
    table = effects_of(report, run)
    up = int((table["told"] & (table["estimate"] > 0)).sum())
    numbers = {
        "adapters": table["model"].nunique(),
        "seeds": len(run.seeds),
        "effects": len(table),
        "told": int(table["told"].sum()),
        "told up": up,
        "told down": int(table["told"].sum()) - up,
    }
    least, most = table["n"].agg(["min", "max"])
    counted = {key: report.count(f"runs.{run.name}.{key}", one) for key, one in numbers.items()}
    items = report.phrase(f"runs.{run.name}.items", f"{least:.0f} to {most:.0f}")
    return counted | {"items": items}


def repeated_in_words(report: Report, run: Run) -> str:
    """How many effects outlast new items and training, and whether the run at hand agrees."""
    counted = _counted(report, run)
    at_hand = report.frame("effects").set_index(KEY)
    pairs = [
        (direction(row), direction(at_hand.loc[key]))
        for key, row in primary_effects(report, run).set_index(KEY).iterrows()
        if key in at_hand.index
    ]
    alike = sum(one == other for one, other in pairs)
    opposite = sum(UNDETECTED not in pair and len(set(pair)) == 2 for pair in pairs)
    numbers = {"alike": alike, "shared": len(pairs), "opposite": opposite}
    counted |= {key: report.count(f"runs.{run.name}.{key}", one) for key, one in numbers.items()}
    return (
        f"The archived run `{run.name}` trained each of its {counted['adapters']} adapters with "
        f"{counted['seeds']} seeds and asked {counted['items']} items per test. Of its "
        f"{counted['effects']} pre-declared effects {counted['told']} have an interval for new "
        f"items and new training runs that leaves out zero ({counted['told up']} up, "
        f"{counted['told down']} down; no correction for the number of tests). After each run's "
        f"own correction for new items alone, {counted['alike']} of the {counted['shared']} "
        "effects that the run at hand has too say the same there, and "
        f"{counted['opposite']} say the opposite. Both runs draw from the same pool of items, so "
        "they are not independent."
    )


def in_brief(report: Report, run: Run) -> str:
    """The same in one sentence."""
    counted = _counted(report, run)
    return (
        f"With more items ({counted['items']} per test) and {counted['seeds']} training seeds "
        f"(archived run `{run.name}`), {counted['told']} of {counted['effects']} effects, those of "
        "controls among them, have an interval for new items and new training runs that leaves "
        "out zero."
    )
