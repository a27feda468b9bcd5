"""The one frame everything here reads: a value per model × seed × task × measure × item × frame.

A frame is a wording in which the item was asked, 0 where there is one wording.
`unit` is the measure's own (experiments/measures): what its values can be, whatever they are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.errors import OutcomeError
from experiments.measures.per_item import DIFFERENCE, RATE
from experiments.params import BASE

KEY = ["model", "seed", "task", "measure", "id", "frame"]
COLUMNS = [*KEY, "cluster", "value", "unparsed", "unit"]
CELL = ["model", "task", "measure"]


def checked_values(values: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns in order and its rows sorted, base first.

    `value` is a float, or NaN where the item is not eligible or its reply did not parse;
    `unparsed` says which. Sorting makes every later sum, and so every printed digit, independent
    of the order in which outcomes were written. OutcomeError if a frame of an item is there twice.
    """
    frame = values.loc[:, COLUMNS].astype({"value": float, "unparsed": bool})
    frame = frame.sort_values(KEY, key=lambda column: column.astype(str), kind="stable")
    frame = pd.concat([frame[frame.model == BASE], frame[frame.model != BASE]], ignore_index=True)
    repeated = frame[frame.duplicated(KEY)]
    if len(repeated):
        row = repeated.iloc[0]
        raise OutcomeError(
            f"model {row.model}, task {row.task}, measure {row.measure}, measures item {row.id!r} "
            "twice; evaluate that model again"
        )
    return frame


def item_means(values: pd.DataFrame) -> pd.DataFrame:
    """One row per model × task × measure × id: the mean of `value` over training seeds and frames.

    Items are the sampling unit, so seeds and frames are averaged within an item instead of counting
    as more items; what they add to the uncertainty is in contrasts.py. `value` is NaN where there
    is none; `unparsed` counts the replies that did not parse; `excluded` is True where there is
    neither a value nor an unparsed reply: the item was not eligible.
    """
    frame = checked_values(values)
    grouped = frame.groupby([*CELL, "id", "cluster", "unit"], sort=False)
    means = grouped.agg(value=("value", "mean"), unparsed=("unparsed", "sum")).reset_index()
    means["excluded"] = means["value"].isna() & (means["unparsed"] == 0)
    return means


def value_kinds(means: pd.DataFrame) -> pd.Series:
    """What kind of number each measure is, indexed by task and measure.

    "binary" (0 or 1), "share" (within [0, 1]), "ternary" (-1, 0 or 1), "signed" (within [-1, 1]) or
    "continuous": by its unit, and whether all its values are whole. Judged over all models
    together, so that a measure is treated alike in every row.
    """
    known = means.dropna(subset="value")
    cells = known.assign(whole=known["value"] % 1 == 0).groupby(["task", "measure"])
    table = cells.agg(unit=("unit", "first"), whole=("whole", "all"))
    rate, difference = table["unit"] == RATE, table["unit"] == DIFFERENCE
    kinds = np.select(
        [rate & table["whole"], rate, difference & table["whole"], difference],
        ["binary", "share", "ternary", "signed"],
        "continuous",
    )
    return pd.Series(kinds, index=table.index, name="kind")
