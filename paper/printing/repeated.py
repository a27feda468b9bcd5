"""What an archived run with several training seeds says of the pre-declared effects.

The run at hand may have trained every adapter once. A run on the same corpus, protocol and model
that trained them several times has intervals for new items and new training runs.
"""

from __future__ import annotations

import pandas as pd

from experiments.params import Params
from printing.comparison import KEY, Run, heading, primary_effects, runs
from printing.report import Report
from printing.sentences import UNDETECTED, coarsest, direction, label

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
    wide = table[["model"]].drop_duplicates().set_index("model")
    columns = {"Adapter": "{label}"}
    for task, measure in run.outcomes:
        chosen = table[(table["task"] == task) & (table["measure"] == measure)].set_index("model")
        for part in ("estimate", *BOTH):
            wide[f"{task}_{part}"] = chosen[part]
        wide[f"{task}_bold"] = chosen["told"].map({True: "**", False: ""})
        format = f"+{coarsest(chosen)}"
        bounds = ", ".join(f"{{{task}_{bound}:{format}}}" for bound in BOTH)
        number = f"{{{task}_bold}}{{{task}_estimate:{format}}}{{{task}_bold}}"
        columns[heading((task, measure))] = f"{number} [{bounds}]"
    wide = wide.reset_index()
    wide["label"] = wide["model"].map(label)
    wide = wide.fillna({f"{task}_bold": "" for task, _ in run.outcomes})
    return report.of_run(run.name).table(wide, columns, "effects and seeds", ["model"])


def repeated_in_words(report: Report, run: Run) -> str:
    """How many effects outlast new items and training, and whether the run at hand agrees."""
    table = effects_of(report, run)
    at_hand = report.frame("effects").set_index(KEY)
    shared = [row for _, row in table.iterrows() if tuple(row[KEY]) in at_hand.index]
    pairs = [(direction(row), direction(at_hand.loc[tuple(row[KEY])])) for row in shared]
    alike = sum(one == other for one, other in pairs)
    opposite = sum(UNDETECTED not in pair and len(set(pair)) == 2 for pair in pairs)

    def count(key: str, value: int) -> str:
        return report.count(f"runs.{run.name}.{key}", value)

    items = table["n"].agg(["min", "max"])
    asked = report.phrase(f"runs.{run.name}.items", f"{items['min']:.0f} to {items['max']:.0f}")
    return (
        f"The archived run `{run.name}` trained each of its "
        f"{count('adapters', table['model'].nunique())} adapters with "
        f"{count('seeds', len(run.seeds))} seeds and asked {asked} items per test. Of its "
        f"{count('effects', len(table))} pre-declared effects "
        f"{count('told', int(table['told'].sum()))} have an interval for new items and new "
        f"training runs that leaves out zero ({count('told up', _up(table))} up, "
        f"{count('told down', int(table['told'].sum()) - _up(table))} down; no correction for the "
        f"number of tests). After each run's own correction for new items alone, "
        f"{count('alike', alike)} of the {count('shared', len(pairs))} effects that the run at "
        f"hand has too say the same there, and {count('opposite', opposite)} say the opposite. "
        "Both runs draw from the same pool of items, so they are not independent."
    )


def in_brief(report: Report, run: Run) -> str:
    """The same in one sentence."""
    table = effects_of(report, run)
    told = report.count(f"runs.{run.name}.told", int(table["told"].sum()))
    seeds = report.count(f"runs.{run.name}.seeds", len(run.seeds))
    every = report.count(f"runs.{run.name}.effects", len(table))
    return (
        f"With more items and {seeds} training seeds, {told} of {every} effects, those of controls "
        "among them, have an interval for new items and new training runs that leaves out zero."
    )


def _up(table: pd.DataFrame) -> int:
    return int((table["told"] & (table["estimate"] > 0)).sum())
