"""The one table that supports verdicts: every measure against nothing, base and the control.

Against base and the control, an adapter's value and the other's are subtracted item by item and
frame by frame, each training seed from the same seed of the control. Intervals are for new items,
new frames and new training runs (components.py), from LEAST_SEEDS seeds on; with fewer they are for
these training runs, and the status says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from experiments.claims import AGAINST_BASE, CONTROL, NOTHING
from experiments.measures.per_item import DIFFERENCE, RATE
from experiments.params import BASE
from experiments.stats.components import components
from experiments.stats.values import checked_values

OK, ONE_SEED, TWO_SEEDS = "ok", "one training seed", "two training seeds"
FEW_SEEDS = (ONE_SEED, TWO_SEEDS)
NOT_READABLE, NO_CONTROL, NO_INTERVAL = "not readable", "no control", "no interval"
ASKED = ["id", "frame"]
COLUMNS = [
    "model", "task", "measure", "against", "control", "estimate", "low", "high", "se", "degrees",
    "p", "item_se", "frame_sd", "seed_sd", "seeds", "frames", "n", "clusters", "excluded",
    "unparsed", "readable", "status", "unit",
]  # fmt: skip
COUNTS = ["seeds", "frames", "n", "clusters", "excluded", "unparsed"]
# The values that a measure can take, and a difference of two of them.
RANGES = {
    RATE: {True: (0.0, 1.0), False: (-1.0, 1.0)},
    DIFFERENCE: {True: (-1.0, 1.0), False: (-2.0, 2.0)},
}
UNBOUNDED = (-np.inf, np.inf)
Readable = Callable[[str, str, str], bool]


def contrasts(
    values: pd.DataFrame,
    controls: Mapping[str, str | None],
    *,
    readable: Readable,
    confidence: float,
) -> pd.DataFrame:
    """One row per model × task × measure × what it is compared with, base against nothing only.

    `controls` names an adapter's control, if it has one; `readable` says of a model, task and
    measure whether its replies may be read. `status` is "ok"; "one training seed" or "two training
    seeds" (the interval is not for new training runs); "not readable", of one of the models
    compared (no interval and no p); "no control": there is none, or it did not take the test; "no
    interval": too few clusters, or nothing varies. `n` is items with a value on both sides,
    `excluded` items of which one has none, `unparsed` replies, of either side, that did not parse.
    """
    cells = {
        cell: part.reset_index(drop=True)
        for cell, part in checked_values(values).groupby(["model", "task", "measure"], sort=False)
    }
    rows = []
    for (model, task, measure), mine in cells.items():
        for against, other in compared(model, controls.get(model)):
            row = {"model": model, "task": task, "measure": measure, "against": against}
            row |= {"control": other or "" if against == CONTROL else "", "unit": mine.unit[0]}
            theirs = cells.get((other, task, measure)) if other else None
            both = (model,) if other is None or theirs is None else (model, other)
            row["readable"] = all(readable(one, task, measure) for one in both)
            if theirs is None and against != NOTHING:
                rows.append(row | {"status": NO_CONTROL})
                continue
            rows.append(row | of_rows(paired(mine, theirs, against), row, confidence))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.fillna(dict.fromkeys(COUNTS, 0)).astype(dict.fromkeys(COUNTS, int))


def compared(model: str, control: str | None) -> Iterator[tuple[str, str | None]]:
    """What a model is compared with: the name of the comparison and the other model."""
    yield NOTHING, None
    if model != BASE:
        yield AGAINST_BASE, BASE
        yield CONTROL, control


def paired(mine: pd.DataFrame, theirs: pd.DataFrame | None, against: str) -> pd.DataFrame:
    """Rows of one cell with the other model's value, of the same seed, item and frame, taken off.

    The base model's values hold for every seed. Items, frames and seeds that only one side has are
    left out.
    """
    if theirs is None:
        return mine
    on = ASKED
    if against == CONTROL:
        on = ["seed", *ASKED]
    else:
        theirs = theirs.groupby(ASKED, as_index=False).agg(
            value=("value", "mean"), unparsed=("unparsed", "max")
        )
    both = mine.merge(theirs[[*on, "value", "unparsed"]], on=on, suffixes=("", "_other"))
    value = both["value"] - both["value_other"]
    return both.assign(value=value, unparsed=both["unparsed"] | both["unparsed_other"])


def of_rows(rows: pd.DataFrame, named: Mapping, confidence: float) -> dict:
    """Estimate, interval, counts and status of one row of the table."""
    known = rows.dropna(subset="value")
    trained = named["model"] != BASE
    found = {
        "estimate": np.nan,
        "seeds": known["seed"].nunique() if trained else 0,
        "frames": known["frame"].nunique(),
        "n": known["id"].nunique(),
        "clusters": known["cluster"].nunique(),
        "excluded": rows["id"].nunique() - known["id"].nunique(),
        "unparsed": int(rows["unparsed"].sum()),
        "status": NO_INTERVAL,
    }
    if known.empty:
        return found
    low, high = RANGES.get(named["unit"], {}).get(named["against"] == NOTHING, UNBOUNDED)
    parts = components(*arrays(known), largest=1.0 if np.isfinite(high) else np.nan)
    (se, degrees, half), estimate = parts.interval(confidence), float(parts.estimate)
    found |= {
        "estimate": estimate,
        "se": float(se),
        "item_se": float(np.sqrt(parts.item)),
        "frame_sd": float(parts.frame.sd) if found["frames"] > 1 else np.nan,
        "seed_sd": float(parts.seed.sd) if found["seeds"] > 1 else np.nan,
    }
    if not named["readable"]:
        return found | {"status": NOT_READABLE}
    if not half > 0:
        return found
    fewer = {1: ONE_SEED, 2: TWO_SEEDS} if trained else {}
    return found | {
        "low": max(estimate - half, low),
        "high": min(estimate + half, high),
        "degrees": float(degrees),
        "p": float(2 * stats.t.sf(abs(estimate) / se, degrees)),
        "status": fewer.get(found["seeds"], OK),
    }


def arrays(known: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Weighted values and weights per cluster × frame × seed; every item weighs 1 in all."""
    codes = [pd.factorize(known[name], sort=True) for name in ("cluster", "frame", "seed")]
    shape = tuple(len(levels) for _, levels in codes)
    if shape[2] == 2:  # two seeds do not tell how far others differ
        codes[2], shape = (np.zeros(len(known), int), None), (*shape[:2], 1)
    flat = np.ravel_multi_index([code for code, _ in codes], shape)
    weight = 1 / known.groupby("id")["id"].transform("size").to_numpy()
    size = int(np.prod(shape))
    sums = np.bincount(flat, weights=weight * known["value"].to_numpy(), minlength=size)
    weights = np.bincount(flat, weights=weight, minlength=size)
    return sums.reshape(shape), weights.reshape(shape)
