"""Verdicts: what the results say of each claim in paper/claims.yaml (experiments/claims.py).

Each part of a claim has two one-sided p values: `support`, against its being false, and
`contradiction`, against its being true, both from Student's t of the estimate's distance from the
margin or threshold. For "none" these are the two one-sided tests of Schuirmann (1987). A claim that
needs all parts is supported with the largest p of them and contradicted with the smallest times
their number; one that needs any, the other way round. Either kind of p is adjusted by Holm (1979)
over the claims of a family. At half the error of the confidence a claim is

- supported, contradicted, or else inconclusive;
- no verdict, where a part has one training seed, replies that cannot be read, no control, or too
  few adapters (and no other part supports "any"), or where the claims were not fixed before the
  run (experiments/fixing.py);
- not measured, where the run or the protocol has no such adapter, task or measure.

So a wide interval never supports "none", and one that merely crosses zero refutes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from experiments.claims import Claim, Part
from experiments.errors import DataError
from experiments.stats.estimands import OK, NotMeasured, Result, result

SUPPORTED, CONTRADICTED, INCONCLUSIVE = "supported", "contradicted", "inconclusive"
NO_VERDICT, NOT_MEASURED = "no verdict", "not measured"
SHOWN = ["estimate", "low", "high", "n"]
COLUMNS = ["id", "family", "verdict", *SHOWN, "p", "p_adjusted", "reason", "text", "source",
           "differs"]  # fmt: skip
NO_TEST = np.inf
SMALLEST_SE = 1e-9  # below, nothing varies but the last bits


@dataclass(frozen=True)
class Evidence:
    """What is known of a part, or of several: both p (NO_TEST where there is none), and the part
    that each is of.

    `state` is "", or NO_VERDICT or NOT_MEASURED where a part has no test, which is then `lacking`.
    """

    support: float
    contradiction: float
    supporting: Mapping
    contradicting: Mapping
    state: str
    lacking: Mapping


def assess(
    claims: Sequence[Claim],
    tables: Mapping[str, pd.DataFrame],
    *,
    confidence: float,
    unfixed: str = "",
    absent: Collection[str] = (),
    unasked: Collection[tuple[str, str]] = (),
    allow_unmeasured: bool = False,
) -> pd.DataFrame:
    """One row per claim, in order, with COLUMNS.

    `tables` holds a frame per estimand kind (estimands.py). The estimate shown is that of the part
    which decided. `unfixed` is why the claims were not fixed before the run; then there are no
    verdicts on what was measured. DataError if a claim picks no row or several; one that picks no
    row is "not measured" instead if about an `absent` adapter or an `unasked` (adapter, test),
    as is every such claim with `allow_unmeasured`.
    """
    rows = []
    for claim in claims:
        left_out = bool(claim.models & set(absent) or claim.cells & set(unasked))
        lenient = allow_unmeasured or left_out
        found = [evidence(claim, part, tables, confidence, lenient) for part in claim.parts]
        rows.append(combined(found, claim.combine))
    families = [claim.family for claim in claims]
    support = holm([row.support for row in rows], families)
    contradiction = holm([row.contradiction for row in rows], families)
    judged = [
        judge(*one, (1 - confidence) / 2)
        for one in zip(claims, rows, support, contradiction, strict=True)
    ]
    table = pd.DataFrame(judged, columns=COLUMNS)
    if unfixed:
        table.loc[table["verdict"] != NOT_MEASURED, ["verdict", "reason"]] = NO_VERDICT, unfixed
    return table


def evidence(
    claim: Claim, part: Part, tables: Mapping[str, pd.DataFrame], confidence: float, lenient: bool
) -> Evidence:
    """What is known of a part together with those of its `also`."""
    try:
        found = result(part.estimand, tables, confidence)
        state, why = ("", "") if found.status == OK else (NO_VERDICT, found.status)
    except DataError as error:
        if not (lenient and isinstance(error, NotMeasured)):
            raise type(error)(f"claim {claim.id!r}: {error}") from None
        found, state = Result(), NOT_MEASURED
        why = "the run or its protocol has no such result"
    support, contradiction = (NO_TEST, NO_TEST) if state else one_sided(part, found)
    shown = {key: getattr(found, key) for key in SHOWN}
    shown |= {"where": where(part), "needed": needed(part), "why": why}
    own = Evidence(support, contradiction, shown, shown, state, shown)
    others = [evidence(claim, one, tables, confidence, lenient) for one in part.also]
    return combined([own, *others], "all")


def true_region(part: Part) -> tuple[float, float]:
    """The values for which a part is true: from, to."""
    direction, margin = part.direction, part.margin or 0.0
    if direction == "increase":
        return margin, np.inf
    if direction == "decrease":
        return -np.inf, -margin
    if direction == "none":
        return -margin, margin
    threshold = part.threshold or 0.0
    return (threshold, np.inf) if direction == "above" else (-np.inf, threshold)


def one_sided(part: Part, found: Result) -> tuple[float, float]:
    """p of the part's being false and p of its being true; 1 where nothing varies."""
    if not found.se >= SMALLEST_SE:
        return 1.0, 1.0
    estimate = found.scale(found.estimate)
    start, end = (
        edge if np.isinf(edge) else float(found.scale(edge)) for edge in true_region(part)
    )
    distances = np.array([estimate - start, end - estimate]) / found.se
    support = stats.t.sf(distances, found.degrees).max()
    sides = np.isfinite(distances).sum()
    contradiction = sides * stats.t.cdf(distances, found.degrees).min()
    return float(support), float(min(1.0, contradiction))


def combined(parts: Sequence[Evidence], how: str) -> Evidence:
    """Several parts of which all, or any, must hold."""
    if len(parts) == 1:
        return parts[0]
    most, least = (max, min) if how == "all" else (min, max)
    support = most(parts, key=lambda part: part.support)
    against = least(parts, key=lambda part: part.contradiction)
    pay_for_support, pay_for_contradiction = (1, len(parts)) if how == "all" else (len(parts), 1)
    # "not measured" before "no verdict", and among equals the first
    lacking = max(parts, key=lambda part: ("", NO_VERDICT, NOT_MEASURED).index(part.state))
    # one training seed decides nothing, in whatever company
    contradiction = NO_TEST if lacking.state else against.contradiction
    return Evidence(
        times(support.support, pay_for_support),
        times(contradiction, pay_for_contradiction),
        support.supporting,
        against.contradicting,
        lacking.state,
        lacking.lacking,
    )


def times(p: float, tests: int) -> float:
    """Bonferroni's correction."""
    return p if p == NO_TEST else min(1.0, tests * p)


def holm(p: Sequence[float], families: Sequence[str]) -> list[float]:
    """p adjusted within each family, over the claims that have a test."""
    table = pd.DataFrame({"p": p, "family": families})
    for _, tested in table[table["p"] != NO_TEST].groupby("family"):
        ordered = tested["p"].sort_values()
        paid = ordered * np.arange(len(ordered), 0, -1)
        table.loc[ordered.index, "p"] = paid.cummax().clip(upper=1)
    return table["p"].tolist()


def judge(
    claim: Claim, row: Evidence, support: float, contradiction: float, error: float
) -> dict[str, object]:
    """The row of a claim, from its adjusted p and the error allowed on one side."""
    verdict, shown = INCONCLUSIVE, row.supporting
    if support <= error:
        verdict = SUPPORTED
    elif contradiction <= error:
        verdict, shown = CONTRADICTED, row.contradicting
    elif row.state:
        verdict, shown = row.state, row.lacking
    p, adjusted = min((row.support, support), (row.contradiction, contradiction))
    return {
        "id": claim.id,
        "family": claim.family,
        "verdict": verdict,
        **{key: shown[key] for key in SHOWN},
        "p": np.nan if p == NO_TEST else p,
        "p_adjusted": np.nan if p == NO_TEST else adjusted,
        "reason": reason(verdict, shown, p <= error, single=len(list(claim.tested)) == 1),
        "text": claim.text,
        "source": claim.source,
        "differs": claim.differs or "",
    }


def reason(verdict: str, shown: Mapping, decided_alone: bool, *, single: bool) -> str:
    """Why, in a few words without numbers, so that prose never repeats a rounded figure."""
    said = {
        SUPPORTED: f"is {shown['needed']}",
        CONTRADICTED: f"is not {shown['needed']}",
        INCONCLUSIVE: f"may or may not be {shown['needed']}",
    }.get(verdict, shown["why"])
    if verdict == INCONCLUSIVE and decided_alone:
        said += ": decided alone, but not beside the other claims of its family"
    return said if single else f"{shown['where']}: {said}"


def where(part: Part) -> str:
    """The estimand in words."""
    return ", ".join(value for key, value in part.estimand.items() if key != "kind")


def needed(part: Part) -> str:
    """Where the estimate has to be."""
    return {
        "increase": "above the margin" if part.margin else "above zero",
        "decrease": "below the negative margin" if part.margin else "below zero",
        "none": "within the margin",
        "above": "above the threshold" if part.threshold else "above zero",
        "below": "below the threshold" if part.threshold else "below zero",
    }[part.direction]
