"""The one frame everything here reads: a value per model × seed × task × measure × item.

`unit` is the measure's own (experiments/measures): what its values can be, whatever they are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.errors import OutcomeError
from experiments.measures.per_item import DIFFERENCE, RATE
from experiments.params import BASE

COLUMNS = ("model", "seed", "task", "measure", "id", "cluster", "value", "unparsed", "unit")
CELL = ["model", "task", "measure"]


def checked_values(values: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns in order and its rows sorted, base first.

    `value` is a float, or NaN where the item is not eligible or its reply did not parse;
    `unparsed` says which. Sorting makes every later sum, and so every printed digit, independent
    of the order in which outcomes were written. Raises OutcomeError for a missing column, no
    rows, an infinite value, an item measured twice, or an item with two clusters in one task.
    """
    missing = [column for column in COLUMNS if column not in values.columns]
    if missing:
        raise OutcomeError(
            f"per-item values lack the column {', '.join(missing)}; "
            "compute them with the tasks' own measures"
        )
    if values.empty:
        raise OutcomeError("there are no per-item values; run evaluate first")
    frame = values.loc[:, list(COLUMNS)].astype({"value": float, "unparsed": bool})
    frame = frame.sort_values(
        list(COLUMNS[:5]), key=lambda column: column.astype(str), kind="stable"
    )
    frame = pd.concat([frame[frame.model == BASE], frame[frame.model != BASE]], ignore_index=True)
    if np.isinf(frame.value).any():
        row = frame[np.isinf(frame.value)].iloc[0]
        raise OutcomeError(
            f"{describe(row)} has an infinite value for item {row.id!r}; evaluate it again"
        )
    repeated = frame.duplicated(list(COLUMNS[:5]))
    if repeated.any():
        row = frame[repeated].iloc[0]
        raise OutcomeError(
            f"{describe(row)} measures item {row.id!r} twice; remove the outcomes of that model "
            "and evaluate it again"
        )
    homes = frame[["task", "id", "cluster"]].drop_duplicates()
    torn = homes.duplicated(["task", "id"])
    if torn.any():
        row = homes[torn].iloc[0]
        raise OutcomeError(
            f"item {row.id!r} of task {row.task} is in two clusters; its outcomes come from "
            "different preparations, so evaluate all models again"
        )
    return frame


def describe(cell: pd.Series) -> str:
    """A cell in words, for messages."""
    return f"model {cell.model}, task {cell.task}, measure {cell.measure}"


def item_means(values: pd.DataFrame) -> pd.DataFrame:
    """One row per model × task × measure × id: the mean of `value` over training seeds.

    Items are the sampling unit, so seeds are averaged within an item instead of counting as more
    items; what seeds add to the uncertainty is in seeds.py. `value` is NaN where no seed has a
    value; `unparsed` counts the seeds whose reply did not parse; `excluded` is True where there
    is neither a value nor an unparsed reply: the item was not eligible.
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
