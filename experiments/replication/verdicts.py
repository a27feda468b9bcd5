"""The effects of several models side by side, and what holds in all of them.

A model is a base model. Of each of its adapters the rows of contrasts (contrasts.py) are taken from
one run: that with the most training seeds, then the most items. Only what is "ok" there, readable
and of several training runs, is judged: above or below zero, by p after Holm's correction over the
models, adapters and tests of a kind; and only that is pooled (random_effects.py), models whose
control is of the same kind together. Whether adapters learned the benchmark that they were taught
is corrected by itself. A run may hold a second control of an adapter, shuffled answers beside the
base model's own: contrasts with that one are against OTHER, judged apart from those with the
declared control, and pooled with other models' of the same control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from experiments.claims import CONTROL, NOTHING
from experiments.params import BASE, Adapter
from experiments.replication.random_effects import LEAST_TO_PREDICT, random_effects
from experiments.stats.claims import NO_TEST, holm
from experiments.stats.contrasts import NO_CONTROL, NOT_READABLE, OK, paired

SYCOPHANCY, HALVES, CAPABILITY = "sycophancy", "harm and benefit", "capability"
LETTER, SIDE = "letter", "side"  # of paired choices: the liking for A, and for the author's answer
KNOWS, READABLE, LEVEL = "knows", "readable", "level"
EFFECTS = (SYCOPHANCY, HALVES, CAPABILITY, LETTER, SIDE)  # kinds that zero is a bound of
OTHER = "other control"
ABOVE, BELOW, ASTRIDE = "above zero", "below zero", "not told from zero"
IN_ALL, IN_SOME, IN_NONE, OPPOSITE = "in all", "in some", "in none", "opposite"
NO_MODEL, ONE_MODEL, TWO_MODELS = "no model", "one model", "two models"
ALIKE = ("train_on", "option_order", "epochs", "method", "learning_rate")
CELL = ["adapter", "task", "measure", "against", "control"]
Measured = tuple[str, str]


def chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one run for each model and adapter; `instead_of` names its other runs.

    `rows` are those of contrasts and estimates of all runs, with `model`, `run` and `adapter`.
    """
    size = rows.groupby(["model", "adapter", "run"], as_index=False)[["seeds", "n"]].max()
    size = size.sort_values(["seeds", "n", "run"], ascending=[False, False, True], kind="stable")
    grouped = size.groupby(["model", "adapter"])["run"]
    best = grouped.first().rename("best").reset_index()
    best["instead_of"] = grouped.agg(lambda runs: " ".join(sorted(runs.iloc[1:]))).to_numpy()
    kept = rows.merge(best, on=["model", "adapter"], how="left", validate="many_to_one")
    return kept[kept["run"] == kept["best"]].drop(columns="best").reset_index(drop=True)


def repeated(rows: pd.DataFrame) -> pd.DataFrame:
    """The effects beyond a control of one kind that several runs of a model measured, run by run.

    They are changes in sycophancy, and what an adapter learned of its own benchmark. `rows` are as
    in `chosen`.
    """
    own = (rows["kind"] == CAPABILITY) & taught(rows)
    asked = (rows["against"] == CONTROL) & ((rows["kind"] == SYCOPHANCY) | own)
    effects = rows[asked & rows["estimate"].notna()]
    runs = effects.groupby(["model", *CELL])["run"].transform("nunique")
    return effects[runs > 1].reset_index(drop=True)


def taught(rows: pd.DataFrame) -> pd.Series:
    """Whether the adapter learned the right answers of the benchmark tested, alone or in a mix."""
    lessons = rows["lesson"].fillna("").astype(str).str.split()
    pairs = zip(rows["task"], lessons, strict=True)
    return pd.Series([task in listed for task, listed in pairs], index=rows.index, dtype=bool)


def judged(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The rows with `p_adjusted` and `said`: the side of zero, or the status in its place."""
    tested = (rows["status"] == OK) & rows["kind"].isin(EFFECTS) & rows["p"].notna()
    own = taught(rows).map({True: " of the own benchmark", False: ""})
    families = rows["kind"] + rows["against"] + own
    adjusted = pd.Series(holm(rows["p"].where(tested, NO_TEST), families), index=rows.index)
    sides = np.where(rows["estimate"] > 0, ABOVE, BELOW)
    told = adjusted <= 1 - confidence
    said = pd.Series(np.where(told, sides, ASTRIDE), index=rows.index).where(tested)
    said = said.fillna(rows["status"].where(rows["status"] != OK, ""))
    return rows.assign(p_adjusted=adjusted.where(tested), said=said)


def summaries(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """One row per adapter, task, measure, comparison and control: the mean over models, and how
    many models say what.

    `verdict` is of the models' own verdicts: a side "in all", "in some" or, of both sides,
    "opposite"; else "in none"; "one model" and "no model" have none.
    """
    effects = rows[rows["kind"].isin(EFFECTS)].replace({"against": {OTHER: CONTROL}})
    found = []
    for cell, part in effects.groupby(CELL, sort=False, dropna=False):
        tested = part[part["status"] == OK]
        pooled = asdict(random_effects(tested["estimate"], tested["se"], confidence))
        counts = {side: int((tested["said"] == side).sum()) for side in (ABOVE, BELOW)}
        found.append(
            dict(zip(CELL, cell, strict=True))
            | pooled
            | {"kind": part["kind"].iloc[0], "unit": part["unit"].iloc[0]}
            | {"above": counts[ABOVE], "below": counts[BELOW], "models": len(part)}
            | {"unread": int((part["status"] == NOT_READABLE).sum())}
            | {"verdict": verdict(pooled["k"], counts), "status": standing(pooled["k"])}
        )
    table = pd.DataFrame(found)
    families = table["kind"] + table["against"]
    adjusted = pd.Series(holm(table["p"].fillna(NO_TEST), families), index=table.index)
    return table.assign(p_adjusted=adjusted.where(table["p"].notna()))


def verdict(k: int, counts: Mapping[str, int]) -> str:
    """What the models' verdicts come to, in a word or two."""
    if k < 2:
        return standing(k)
    if counts[ABOVE] and counts[BELOW]:
        return OPPOSITE
    side = ABOVE if counts[ABOVE] else BELOW
    if not counts[side]:
        return IN_NONE
    return f"{side} {IN_ALL if counts[side] == k else IN_SOME}"


def standing(k: int) -> str:
    """Whether so many models make a summary that can be read."""
    return {0: NO_MODEL, 1: ONE_MODEL, LEAST_TO_PREDICT - 1: TWO_MODELS}.get(k, OK)


def other_controls(adapters: Mapping[str, Adapter]) -> dict[str, str]:
    """Adapter -> an adapter of the same prompts, with labels of another kind than its control."""
    return {
        name: other
        for name, one in adapters.items()
        if one.control
        for other, twin in adapters.items()
        if all(getattr(twin, key) == getattr(one, key) for key in ALIKE)
        and twin.labels not in (one.labels, adapters[one.control].labels)
    }


def by_seed(
    values: pd.DataFrame, controls: Mapping[str, str], cells: Sequence[Measured]
) -> pd.DataFrame:
    """What each training run changed beyond the same seed of its control: a row per adapter, task,
    measure and seed with `value`, the mean over items (frames averaged within them), and `n`.

    `cells` are the (task, measure) wanted.
    """
    wanted = values[[pair in set(cells) for pair in zip(values.task, values.measure, strict=True)]]
    parts = dict(tuple(wanted.groupby(["model", "task", "measure"], sort=False)))
    rows = []
    for (adapter, task, measure), mine in parts.items():
        theirs = parts.get((controls.get(adapter), task, measure))
        if theirs is None:
            continue
        known = paired(mine, theirs, CONTROL).dropna(subset="value")
        items = known.groupby(["seed", "id"])["value"].mean().groupby("seed")
        named = {"adapter": adapter, "task": task, "measure": measure}
        rows += [named | {"seed": seed, "value": one.mean(), "n": len(one)} for seed, one in items]
    return pd.DataFrame(rows, columns=["adapter", "task", "measure", "seed", "value", "n"])


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Contrasts of adapters with base and control, and levels of all; with `kind`, which levels of
    adapters have as their own and in the primary measures alone.
    """
    trained = (table["model"] != BASE) & (table["against"] == NOTHING)
    left_out = trained & (table["kind"] != SYCOPHANCY) | (table["status"] == NO_CONTROL)
    kinds = table["kind"].mask(trained, LEVEL)
    return table.assign(kind=kinds)[~left_out]
