"""Replies of the same model to the same items on both sides, compared item by item.

Both sides are scored by the measures of the code that runs this.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments import measures
from experiments.claims import AGAINST_BASE, CONTROL, NOTHING
from experiments.outcomes import ByTask, read_outcomes
from experiments.params import BASE
from experiments.stats.clusters import totals_of_means
from experiments.stats.differences import difference_bounds
from experiments.stats.values import item_means, value_kinds

REPLY = ("choice", "reply", "right")  # the first of these that a task has is its answer
ROW = ["seed", "id", "arm", "order", "frame"]
ITEM = ["model", "seed", "task", "measure", "id", "frame"]


def compare_outcomes(
    old: bytes, new: bytes, controls: Mapping[str, str | None], *, confidence: float
) -> tuple[tuple[dict, ...], tuple[dict, ...]]:
    """Replies per model and task in which something changed, and mean paired differences.

    Keys of the first: model, task, items (paired), items_changed, rows, rows_changed, unpaired
    (items that only one side has). Of the second: model, task, measure, against (as in contrasts:
    the difference of the differences from base or the control), estimate, low, high, n. A reply in
    another frame is another reply, and counts on neither side. OutcomeError if a side is no table
    of outcomes.
    """
    rows = [read_outcomes(side) for side in (old, new)]
    before, after = map(measures.values, rows)
    differences = item_differences(before, after)
    moved = differences[differences["value"].fillna(0) != 0]
    changed = set(zip(moved["model"], moved["task"], strict=True))
    replies = [
        line
        for line in compare_replies(*rows)
        if line["rows_changed"] or line["unpaired"] or (line["model"], line["task"]) in changed
    ]
    kinds = value_kinds(item_means(pd.concat([before, after]).drop_duplicates(ITEM)))
    # A difference of differences has no kind of its own: it is not bounded by 1.
    values = mean_differences(differences, kinds, NOTHING, confidence)
    for name, others in (
        (AGAINST_BASE, dict.fromkeys(differences["model"].unique(), BASE)),
        (CONTROL, controls),
    ):
        values += mean_differences(relative(differences, others), None, name, confidence)
    return tuple(replies), tuple(values)


def compare_replies(old: ByTask, new: ByTask) -> list[dict]:
    """Per model and task of both sides: how many items and rows were answered otherwise."""
    lines = []
    for task in (task for task in new if task in old):
        reply = next(name for name in REPLY if name in new[task] and name in old[task])
        models = dict.fromkeys(new[task]["model"])
        for model in models:
            was, now = (rows[rows["model"] == model] for rows in (old[task], new[task]))
            both = was[[*ROW, reply]].merge(now[[*ROW, reply]], on=ROW, suffixes=("_old", "_new"))
            one, other = both[f"{reply}_old"], both[f"{reply}_new"]
            changed = (one != other) & ~(one.isna() & other.isna())
            lines.append(
                {
                    "model": model,
                    "task": task,
                    "items": both["id"].nunique(),
                    "items_changed": both.loc[changed, "id"].nunique(),
                    "rows": len(both),
                    "rows_changed": int(changed.sum()),
                    "unpaired": len(set(was["id"]) ^ set(now["id"])),
                }
            )
    return sorted(lines, key=lambda line: line["model"] != BASE)


def item_differences(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The values frame of new - old, for items of both sides."""
    pairs = new.merge(old[[*ITEM, "value"]], on=ITEM, suffixes=("", "_old"), validate="1:1")
    return pairs.assign(value=pairs["value"] - pairs.pop("value_old"), unparsed=False)


def relative(differences: pd.DataFrame, others: Mapping[str, str | None]) -> pd.DataFrame:
    """What changed in an adapter's contrast: its difference minus that of its other model, by item.

    Seeds and frames are averaged first: base has no seeds.
    """
    means = item_means(differences)
    key = ["other", "task", "measure", "id"]
    adapters = means[means["model"] != BASE]
    pairs = adapters.assign(other=adapters["model"].map(others).astype(object)).merge(
        means.rename(columns={"model": "other"})[[*key, "value"]], on=key, suffixes=("", "_other")
    )
    value = pairs["value"] - pairs["value_other"]
    return pairs.assign(value=value, unparsed=False, seed=0, frame=0)


def mean_differences(
    differences: pd.DataFrame, kinds: pd.Series | None, against: str, confidence: float
) -> list[dict]:
    """Mean and interval per model, task and measure; see stats/differences.py."""
    if differences.empty:
        return []
    totals = totals_of_means(item_means(differences))
    cells = totals.cells.to_frame(index=False)
    names = pd.MultiIndex.from_frame(cells[["task", "measure"]])
    kind = np.full(len(cells), "continuous") if kinds is None else kinds.reindex(names).to_numpy()
    bounded = np.isin(kind, ("binary", "share", "ternary", "signed"))
    bounds = difference_bounds(totals, bounded, confidence=confidence)
    table = cells.assign(
        against=against,
        estimate=totals.means,
        low=bounds["low"].to_numpy(),
        high=bounds["high"].to_numpy(),
        n=totals.counts.sum(axis=0).astype(int),
    )
    return table.replace({np.nan: None}).to_dict("records")
