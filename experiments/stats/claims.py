"""Verdicts: what the interval says of each claim in paper/claims.yaml (experiments/claims.py).

supported: the whole interval is among the values that make the claim true; contradicted: none of it
is; else inconclusive, or not measured where the chosen protocol has no such measure or the run no
such adapter. So a wide interval never supports "none", and an interval that merely crosses zero
never refutes anything. For "none" this is the two one-sided tests of Schuirmann (1987) at half the
usual error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.claims import Claim
from experiments.errors import DataError, OutcomeError
from experiments.stats.clusters import ClusterTotals
from experiments.stats.weighted_sums import difference_of_effects, weighted_sums

SUPPORTED, CONTRADICTED, INCONCLUSIVE = "supported", "contradicted", "inconclusive"
NOT_MEASURED = "not measured"
COLUMNS = ["id", "verdict", "estimate", "low", "high", "n", "reason", "text", "source"]
DIFFERENCE = "difference_of_effects"


class NotMeasured(DataError):
    """A claim is about a model, task or measure that the results lack."""


def assess(
    claims: Sequence[Claim],
    tables: Mapping[str, pd.DataFrame],
    *,
    confidence: float,
    totals: ClusterTotals | None = None,
    absent: Collection[str] = (),
    allow_unmeasured: bool = False,
) -> pd.DataFrame:
    """One row per claim, in order: id, verdict, estimate, low, high, n, reason, text, source.

    `tables` holds a frame per estimand kind, each with estimate, low, high, n and key columns.
    `totals` is needed for `difference_of_effects`. A combined claim shows the part that decided its
    verdict. DataError if a claim names an unknown kind or key, or picks no row or several; one that
    picks no row is "not measured" instead if it is about an `absent` adapter, as is every such
    claim with `allow_unmeasured`.
    """
    rows = []
    for claim in claims:
        parts = []
        for estimand in claim.parts:
            try:
                row = look_up(claim, estimand, tables, totals, confidence)
                parts.append(judged(claim, estimand, row))
            except NotMeasured:
                if not (allow_unmeasured or claim.models & set(absent)):
                    raise
                parts.append(unmeasured())
        deciding = combine(parts, claim.combine or "all")
        rows.append({"id": claim.id, "text": claim.text, "source": claim.source} | deciding)
    return pd.DataFrame(rows, columns=COLUMNS)


def look_up(
    claim: Claim,
    estimand: Mapping,
    tables: Mapping[str, pd.DataFrame],
    totals: ClusterTotals | None,
    confidence: float,
) -> pd.Series:
    """The one row that an estimand names."""
    name = f"claim {claim.id!r}"
    kind = estimand["kind"]
    keys = {key: value for key, value in estimand.items() if key != "kind"}
    if kind == DIFFERENCE:
        return difference(name, keys, totals, confidence)
    if kind not in tables:
        known = ", ".join([*tables, DIFFERENCE])
        raise DataError(f"{name} has the estimand kind {kind!r}; known kinds are {known}")
    table = tables[kind]
    unknown = sorted(set(keys) - set(table.columns))
    if unknown:
        raise DataError(f"{name}: the results of kind {kind} have no column {', '.join(unknown)}")
    found = table
    for key, value in keys.items():
        found = found[found[key] == value]
        if found.empty:
            raise NotMeasured(
                f"{name}: no result of kind {kind} has {key} {value!r}; mend the claim or "
                "evaluate what it is about"
            )
    if len(found) > 1:
        raise DataError(
            f"{name} fits {len(found)} results of kind {kind}; add keys until it fits one"
        )
    return found.iloc[0]


def difference(
    name: str, keys: Mapping, totals: ClusterTotals | None, confidence: float
) -> pd.Series:
    """The effect of one cell minus that of another, both against base, paired over clusters."""
    if totals is None:
        raise DataError(f"{name} compares two effects, which needs the per-item values")
    cell_keys = ("model", "task", "measure")
    minus = keys.get("minus")
    if set(keys) != {*cell_keys, "minus"} or not isinstance(minus, Mapping):
        raise DataError(f"{name}: difference_of_effects takes model, task, measure and minus")
    if set(minus) != set(cell_keys):
        raise DataError(f"{name}: minus takes model, task and measure")
    first, second = (tuple(part[key] for key in cell_keys) for part in (keys, minus))
    try:
        wanted = [difference_of_effects(first, second)]
        return weighted_sums(totals, wanted, confidence=confidence).iloc[0]
    except OutcomeError as error:
        raise NotMeasured(f"{name}: {error}") from None


def judged(claim: Claim, estimand: Mapping, row: pd.Series) -> dict:
    """Verdict and reason for one estimand."""
    estimate, low, high = (
        np.nan if pd.isna(row[key]) else float(row[key]) for key in ("estimate", "low", "high")
    )
    region = true_region(claim)
    verdict = verdict_of(low, high, region)
    return {
        "verdict": verdict,
        "estimate": estimate,
        "low": low,
        "high": high,
        "n": int(row["n"]),
        "reason": reason(verdict, claim, estimand, low, high),
    }


def unmeasured() -> dict:
    """The verdict on an estimand that the results lack."""
    return {
        "verdict": NOT_MEASURED,
        "estimate": np.nan,
        "low": np.nan,
        "high": np.nan,
        "n": 0,
        "reason": "the protocol has no such measure",
    }


def true_region(claim: Claim) -> tuple[float, float, bool]:
    """The values for which the claim is true: from, to, and whether the ends belong to it."""
    direction, margin = claim.direction, claim.margin or 0.0
    if direction == "increase":
        return margin, np.inf, False
    if direction == "decrease":
        return -np.inf, -margin, False
    if direction == "none":
        return -margin, margin, True
    ends = (claim.threshold, np.inf) if direction == "above" else (-np.inf, claim.threshold)
    return (*ends, False)


def verdict_of(low: float, high: float, region: tuple[float, float, bool]) -> str:
    """Compare a closed interval with the region in which the claim is true."""
    start, end, closed = region
    if np.isnan(low) or np.isnan(high):
        return INCONCLUSIVE
    if closed:
        inside, outside = start <= low and high <= end, high < start or low > end
    else:
        inside, outside = start < low and high < end, high <= start or low >= end
    return SUPPORTED if inside else CONTRADICTED if outside else INCONCLUSIVE


def reason(verdict: str, claim: Claim, estimand: Mapping, low: float, high: float) -> str:
    """Why, in a few words without numbers, so that prose never repeats a rounded figure."""
    if np.isnan(low) or np.isnan(high):
        return "no interval could be computed"
    needed = {
        "increase": "above the margin" if claim.margin else "above zero",
        "decrease": "below the negative margin" if claim.margin else "below zero",
        "none": "within the margin",
        "above": "above the threshold",
        "below": "below the threshold",
    }[claim.direction]
    how = {
        SUPPORTED: "the whole interval is",
        CONTRADICTED: "no part of the interval is",
        INCONCLUSIVE: "only part of the interval is",
    }[verdict]
    where = ", ".join(str(estimand[key]) for key in ("model", "task", "measure") if key in estimand)
    return f"{where}: {how} {needed}" if where and claim.estimands else f"{how} {needed}"


def combine(parts: Sequence[dict], how: str) -> dict:
    """The part that decides: all needs every part, any needs one.

    For "all", a contradicted part decides, then one that was not measured, then an inconclusive
    one; for "any", a supported part, then the same. Among equals the first is shown. Intervals are
    not widened for the number of parts: that is cautious in supporting "all", but a long list
    contradicts "all" (and supports "any") by chance more easily than one claim would.
    """
    order = [CONTRADICTED, NOT_MEASURED, INCONCLUSIVE, SUPPORTED]
    if how == "any":
        order = [SUPPORTED, NOT_MEASURED, INCONCLUSIVE, CONTRADICTED]
    return min(parts, key=lambda part: order.index(part["verdict"]))
