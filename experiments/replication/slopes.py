"""Do adapters that gain more become more sycophantic? Slopes on two levels.

A point is an adapter of a model: the means over its training runs of what it gained beyond its
control, and of how its sycophancy changed beyond it. Between adapters, changes are regressed on
gains with an intercept per model, so that a model which is freer in both makes no slope; within
them, each training run's deviations from the adapter's means. Both are least squares with Student's
t, exact for points whose errors are alike, however few. (For balanced runs a mixed model has the
same two slopes, with variances that so few points do not carry; errors robust to clusters are too
small for them.) Noise in gains pulls a slope towards zero.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from experiments.replication.random_effects import quantile
from experiments.stats.claims import NO_TEST, holm
from experiments.stats.estimands import LEAST_POINTS, OK

BETWEEN, WITHIN = "adapters", "training runs"
FEW, STILL = "too few adapters", "gains do not vary"
ALL, RATES = "all", "rate"  # the mean over benchmarks of the rates that stand for them
GAIN, CHANGE = "gain", "change"
POINT = ["model", "adapter"]
FOUND = ["slope", "low", "high", "se", "p", "degrees", "points", "models", "runs", "status"]
CELL = ["benchmark", "x_measure", "task", "y_measure"]


def slopes(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Two rows per benchmark and test, between adapters and between training runs.

    `runs` has a row per model, adapter, seed and CELL, with `gain` and `change`. Below LEAST_POINTS
    adapters of models, or where gains do not vary, `status` says so and there is no slope. Holm's
    correction is over the slopes of a level.
    """
    rows = []
    for cell, part in runs.groupby(CELL, sort=False):
        for level in (BETWEEN, WITHIN):
            named = dict(zip(CELL, cell, strict=True)) | {"level": level}
            rows.append(named | slope(part, level, confidence))
    table = pd.DataFrame(rows, columns=[*CELL, "level", *FOUND])
    adjusted = holm(table["p"].fillna(NO_TEST), table["level"])
    return table.assign(p_adjusted=adjusted).replace({"p_adjusted": NO_TEST}, np.nan)


def slope(runs: pd.DataFrame, level: str, confidence: float) -> dict:
    """The slope of one benchmark and test, and what it rests on."""
    values, means = runs[[GAIN, CHANGE]], runs.groupby(POINT, sort=False)[[GAIN, CHANGE]]
    if level == BETWEEN:
        points = means.mean().reset_index()
        about = points.groupby("model", sort=False)[[GAIN, CHANGE]].transform("mean")
        centred, lost = points[[GAIN, CHANGE]] - about, points["model"].nunique()
    else:
        repeated = runs[runs.groupby(POINT)["seed"].transform("size") > 1]
        points = repeated.drop_duplicates(POINT)
        centred, lost = (values - means.transform("mean")).loc[repeated.index], len(points)
    found = {"slope": np.nan, "low": np.nan, "high": np.nan, "se": np.nan, "p": np.nan}
    found |= {"degrees": max(len(centred) - lost - 1, 0), "points": len(points)}
    found |= {"models": points["model"].nunique(), "runs": len(runs)}
    if len(points) < LEAST_POINTS or found["degrees"] < 1:
        return found | {"status": FEW}
    gain, change = centred[GAIN].to_numpy(), centred[CHANGE].to_numpy()
    square = (gain**2).sum()
    if not square > 0:
        return found | {"status": STILL}
    estimate = (gain * change).sum() / square
    se = np.sqrt(((change - estimate * gain) ** 2).sum() / found["degrees"] / square)
    half = quantile(found["degrees"], confidence) * se
    bounds = {"slope": estimate, "low": estimate - half, "high": estimate + half, "se": se}
    p = 2 * stats.t.sf(abs(estimate) / se, found["degrees"]) if se > 0 else np.nan
    return found | bounds | {"p": p, "status": OK}
