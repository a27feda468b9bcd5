"""The number that an estimand of paper/claims.yaml names, with what a test of it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from experiments.errors import DataError
from experiments.params import BASE

OK = "ok"
ONE_SEED = "one training seed"
ITEMS_ONLY = "the interval is not for new training runs"
NO_CONTROL = "no control"
FEW_ADAPTERS = "fewer than eight adapters or seeds of them"
LEAST_POINTS = 8  # adapters × seeds, below which a correlation gets no verdict


class NotMeasured(DataError):
    """A claim is about a model, task or measure that the results lack."""


@dataclass(frozen=True)
class Result:
    """An estimate, its bounds and n; its error, with Student's degrees of freedom.

    `status` is OK or why there is no verdict. `scale` turns estimates and margins into what the
    error is of.
    """

    estimate: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    se: float = np.nan
    degrees: float = np.nan
    status: str = OK
    scale: Callable[[float], float] = float


def result(estimand: Mapping[str, str], tables: Mapping[str, pd.DataFrame], confidence: float):
    """The Result of an estimand; `tables` holds a frame per kind.

    NotMeasured if no row has its keys, DataError if several have.
    """
    keys = dict(estimand)
    kind, other = keys.pop("kind"), keys.pop("minus", None)
    row = look_up(kind, keys, tables[kind])
    if row is None:
        return Result(status=NO_CONTROL)
    if kind == "correlation":
        return over_adapters(row, confidence)
    found = Result(**{key: row[key] for key in ("estimate", "low", "high", "n", "se")})
    if kind != "contrast":
        trained = keys["model"] != BASE
        status = ITEMS_ONLY if row["seeds"] > 1 else ONE_SEED
        return replace(found, degrees=row["clusters"] - 1, status=status if trained else OK)
    found = replace(found, degrees=row["degrees"], status=row["status"])
    if other is None:
        return found
    less = result({**keys, "kind": kind, "model": other}, tables, confidence)
    return difference(found, less, confidence)


def look_up(kind: str, keys: Mapping[str, str], table: pd.DataFrame) -> pd.Series | None:
    """The one row with these keys; None if there is one against something else only."""
    found = table
    for key, value in keys.items():
        before, found = found, found[found[key] == value]
        if found.empty and key == "against" and len(before):
            return None
        if found.empty:
            raise NotMeasured(
                f"no result of kind {kind} has {key} {value!r}; mend the claim or evaluate what it "
                "is about"
            )
    if len(found) > 1:
        raise DataError(f"{len(found)} results of kind {kind} fit one estimand; mend the tables")
    return found.iloc[0]


def difference(first: Result, second: Result, confidence: float) -> Result:
    """One contrast less another.

    Their standard errors add, which is the most that any covariance of them allows.
    """
    estimate, se = first.estimate - second.estimate, first.se + second.se
    degrees = min(first.degrees, second.degrees)
    reach = stats.t.ppf((1 + confidence) / 2, degrees) * se
    status = first.status if first.status != OK else second.status
    n = min(first.n, second.n)
    return Result(estimate, estimate - reach, estimate + reach, n, se, degrees, status)


def over_adapters(row: pd.Series, confidence: float) -> Result:
    """A correlation with Fisher's (1921) interval over the adapters themselves."""
    adapters, seeds = row["n"], row.get("seeds", 1)
    enough = adapters * seeds >= LEAST_POINTS and adapters > 3
    se = 1 / np.sqrt(adapters - 3) if adapters > 3 else np.nan
    with np.errstate(divide="ignore"):  # adapters in one line
        centre = np.arctanh(row["estimate"])
    low, high = np.tanh(centre + np.array([-1, 1]) * stats.norm.ppf((1 + confidence) / 2) * se)
    status = OK if enough else FEW_ADAPTERS
    return Result(row["estimate"], low, high, adapters, se, np.inf, status, np.arctanh)
