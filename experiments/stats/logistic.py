"""Do the arms of a test move an adapter otherwise than the base model? GEE logistic regression."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from experiments.errors import OutcomeError
from experiments.params import BASE
from experiments.stats.values import checked_values


def arm_interactions(
    values: pd.DataFrame,
    task: str,
    arms: Sequence[str],
    *,
    confidence: float,
) -> pd.DataFrame:
    """One row per adapter × arm after the first: the interaction of `outcome ~ model * arm`.

    `arms` names binary measures of `task`, the reference arm first. `estimate` is the difference of
    log odds ratios: how much more (or less) the arm moves the adapter than the base model. A
    separate fit per adapter keeps one that always answers alike from spoiling the others.

    Generalised estimating equations (Liang and Zeger 1986), clusters as groups, with the
    bias-reduced covariance of Mancl and DeRouen (2001) and t quantiles (clusters - parameters).
    With the independence structure the model is saturated and the estimate is exactly the one
    computed from the four rates; with several training seeds each is a further row of its cluster.

    A fit that cannot be made is a row with NaN whose `status` says why: "separation" (an arm in
    which all outcomes are equal has infinite log odds), "no value in some arm", "too few clusters"
    or "no convergence"; else "ok". OutcomeError if an arm is missing or a value is neither 0 nor 1.
    """
    frame = checked_values(values)
    frame = frame[(frame.task == task) & frame.measure.isin(arms)]
    check_arms(frame, task, arms)
    models = [name for name in frame.model.unique() if name != BASE]
    frame = frame.dropna(subset="value")
    rows = []
    for model in models:
        pair = frame[frame.model.isin((BASE, model))]
        fitted = fit(pair, model, arms, confidence)
        for arm, row in zip(arms[1:], fitted, strict=True):
            identity = {"model": model, "task": task, "arm": arm}
            sizes = {"n": pair.id.nunique(), "clusters": pair.cluster.nunique()}
            rows.append(identity | sizes | row)
    return pd.DataFrame(rows)


def check_arms(frame: pd.DataFrame, task: str, arms: Sequence[str]) -> None:
    """OutcomeError unless every model has every arm, and every value is 0 or 1."""
    for model in dict.fromkeys([BASE, *frame.model.unique()]):
        missing = set(arms) - set(frame.measure[frame.model == model])
        if missing:
            raise OutcomeError(
                f"model {model} has no value of {', '.join(sorted(missing))} in task {task}; "
                "mend the name of the arm or evaluate that model"
            )
    if not frame.value.dropna().isin((0, 1)).all():
        raise OutcomeError(
            f"the arms {', '.join(arms)} of task {task} hold values other than 0 and 1; a logistic "
            "model needs binary measures"
        )


def fit(pair: pd.DataFrame, model: str, arms: Sequence[str], confidence: float) -> list[dict]:
    """The interaction of every arm after the first, for one adapter and the base model."""
    rates = pair.groupby(["model", "measure"]).value.mean()
    parameters = 2 * len(arms)
    degrees = pair.cluster.nunique() - parameters
    failed = {"estimate": np.nan, "low": np.nan, "high": np.nan, "se": np.nan}
    failed |= {"odds_ratio": np.nan, "p": np.nan}
    if len(rates) < parameters:
        return [failed | {"status": "no value in some arm"}] * len(arms[1:])
    if rates.isin((0, 1)).any():
        name, arm = rates[rates.isin((0, 1))].index[0]
        return [failed | {"status": f"separation: {arm} is constant for {name}"}] * len(arms[1:])
    if degrees < 1:
        return [failed | {"status": "too few clusters"}] * len(arms[1:])
    design = design_matrix(pair, model, arms)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = sm.GEE(
            pair.value.to_numpy(),
            design,
            groups=pd.factorize(pair.cluster)[0],
            family=sm.families.Binomial(),
        ).fit(cov_type="bias_reduced")
    if any("converge" in str(warning.message).lower() for warning in caught):
        return [failed | {"status": "no convergence"}] * len(arms[1:])
    quantile = stats.t.ppf((1 + confidence) / 2, degrees)
    rows = []
    for column in range(len(arms) + 1, parameters):
        estimate, se = float(result.params[column]), float(result.bse[column])
        rows.append(
            {
                "estimate": estimate,
                "low": estimate - quantile * se,
                "high": estimate + quantile * se,
                "se": se,
                "odds_ratio": float(np.exp(estimate)),
                "p": float(2 * stats.t.sf(abs(estimate) / se, degrees)),
                "status": "ok",
            }
        )
    return rows


def design_matrix(pair: pd.DataFrame, model: str, arms: Sequence[str]) -> np.ndarray:
    """Columns: 1, the arms after the first, the adapter, adapter × each arm after the first."""
    adapter = (pair.model == model).to_numpy(float)[:, None]
    arm = np.stack([(pair.measure == name).to_numpy(float) for name in arms[1:]], axis=1)
    return np.hstack([np.ones_like(adapter), arm, adapter, adapter * arm])
