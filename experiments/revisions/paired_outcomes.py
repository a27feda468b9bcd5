"""Replies of the same model to the same items on both sides, compared item by item.

Outcomes are in DVC's cache, not in git, so either side may lack them; then nothing is compared and
the reason is given. Both sides are scored by the measures of the code that runs this.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc_data.index import DataIndexDirError

from experiments.measures import PROTOCOLS
from experiments.params import BASE
from experiments.revisions.revisions import Snapshot
from experiments.stats.clusters import totals_of_means
from experiments.stats.differences import difference_bounds
from experiments.stats.values import item_means, value_kinds

REPLY = ("choice", "text", "right")  # the first of these that a task has is its answer
ROW = ["seed", "id", "arm", "order"]
ITEM = ["model", "seed", "task", "measure", "id"]
ByTask = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class PairedOutcomes:
    """`replies`: per model and task how many changed. `values`: mean paired difference per measure.

    Columns of `replies`: model, task, items (paired), items_changed, rows, rows_changed, unpaired
    (items that only one side has). Columns of `values`: model, task, measure, relative_to ("" or
    "base": the difference of the differences from the base model), estimate, low, high, n.
    `missing` says which models could not be compared, and why.
    """

    replies: pd.DataFrame
    values: pd.DataFrame
    missing: dict[str, str]


def compare_outcomes(
    old: Snapshot, new: Snapshot, models: Iterable[str], *, confidence: float
) -> PairedOutcomes:
    """Compare the outcomes of `models`, those whose hash differs between the two sides."""
    sides = [Outcomes(old), Outcomes(new)]
    replies, differences, kinds, missing = [], [], [], {}
    for model in models:
        rows = [side.rows(model) for side in sides]
        absent = [side for side, found in zip((old, new), rows, strict=True) if found is None]
        if absent:
            missing[model] = "no outcomes of " + " or ".join(side.label for side in absent)
            continue
        try:
            values = [per_item_values(found) for found in rows]
            replies.append(changed_replies(model, *rows))
        except (KeyError, TypeError, ValueError, IndexError, StopIteration):
            missing[model] = "its outcomes have other fields than the measures of this code read"
            continue
        differences.append(item_differences(*values))
        kinds += values
    if not differences:
        return PairedOutcomes(pd.DataFrame(), pd.DataFrame(), missing)
    own = pd.concat(differences, ignore_index=True)
    kind = value_kinds(item_means(pd.concat(kinds).drop_duplicates(ITEM)))
    parts = [mean_differences(own, kind, confidence).assign(relative_to="")]
    relative = relative_to_base(own)
    if len(relative):
        # A difference of differences has no kind of its own: it is not bounded by 1.
        parts.append(mean_differences(relative, None, confidence).assign(relative_to=BASE))
    return PairedOutcomes(
        pd.concat(replies, ignore_index=True), pd.concat(parts, ignore_index=True), missing
    )


class Outcomes:
    """Outcome rows of one side: from disk for the working tree, else through DVC's cache."""

    def __init__(self, side: Snapshot) -> None:
        self.side = side
        self.files: DVCFileSystem | None = None

    def rows(self, model: str) -> ByTask | None:
        """A model's rows by task; None if they are not to be had here."""
        path = f"outcomes/{model}/outcomes.jsonl"
        try:
            if self.side.commit:
                if self.files is None:
                    self.files = DVCFileSystem(str(self.side.root), rev=self.side.commit)
                text = self.files.read_text(path, encoding="utf-8")
            else:
                text = (self.side.root / path).read_text(encoding="utf-8")
        except (OSError, DvcException, DataIndexDirError):
            return None
        by_task: dict[str, list[dict]] = {}
        for line in text.splitlines():
            row = json.loads(line)
            by_task.setdefault(row["task"], []).append(row)
        # A frame per task: in one frame, fields that only some tasks have would turn into floats.
        return {task: pd.DataFrame(rows) for task, rows in sorted(by_task.items())}


def per_item_values(rows: ByTask) -> pd.DataFrame:
    """The values frame of all tasks that have measures."""
    parts = []
    for task, frame in rows.items():
        # rows from before there were two protocols do not name theirs
        protocol = frame["protocol"].iloc[0] if "protocol" in frame else "controlled"
        measures = PROTOCOLS[protocol]
        if task in measures:
            parts.append(measures[task].measures(frame))
    return pd.concat(parts, ignore_index=True)


def changed_replies(model: str, old: ByTask, new: ByTask) -> pd.DataFrame:
    """Per task of both sides: how many items and rows were answered otherwise."""
    lines = []
    for task in (task for task in new if task in old):
        was, now = old[task], new[task]
        reply = next(name for name in REPLY if name in now and name in was)
        both = was[[*ROW, reply]].merge(now[[*ROW, reply]], on=ROW, suffixes=("_old", "_new"))
        changed = both[f"{reply}_old"] != both[f"{reply}_new"]
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
    return pd.DataFrame(lines)


def item_differences(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The values frame of new - old, for items of both sides."""
    pairs = new.merge(old[[*ITEM, "value"]], on=ITEM, suffixes=("", "_old"), validate="1:1")
    return pairs.assign(value=pairs["value"] - pairs.pop("value_old"), unparsed=False)


def relative_to_base(own: pd.DataFrame) -> pd.DataFrame:
    """What changed in an adapter's effect: its difference minus the base model's, by item.

    `own` holds no base rows where the base model's outcomes are the same on both sides; then the
    two are equal and there is nothing to add. Seeds are averaged first: base has none.
    """
    means = item_means(own)
    base = means[means["model"] == BASE]
    key = ["task", "measure", "id"]
    pairs = means[means["model"] != BASE].merge(
        base[[*key, "value"]], on=key, suffixes=("", "_base")
    )
    value = pairs["value"] - pairs.pop("value_base")
    return pairs.assign(value=value, unparsed=False, seed=0).drop(columns="excluded")


def mean_differences(
    differences: pd.DataFrame, kinds: pd.Series | None, confidence: float
) -> pd.DataFrame:
    """Mean and interval per model, task and measure; Bonett and Price for binary values, else t."""
    totals = totals_of_means(item_means(differences))
    cells = totals.cells.to_frame(index=False)
    names = pd.MultiIndex.from_frame(cells[["task", "measure"]])
    kind = np.full(len(cells), "continuous") if kinds is None else kinds.reindex(names).to_numpy()
    bounded = np.isin(kind, ("binary", "share", "ternary", "signed"))
    bounds = difference_bounds(totals, kind == "binary", bounded, confidence=confidence)
    return cells.assign(
        estimate=totals.means,
        low=bounds["low"].to_numpy(),
        high=bounds["high"].to_numpy(),
        n=totals.counts.sum(axis=0).astype(int),
    ).replace({np.nan: None})
