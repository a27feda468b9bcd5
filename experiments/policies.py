"""Policies that know nothing, or everything, put through the verdict code as if they were adapters.

Each stands in for every adapter that is no control: its outcomes are made from the base model's
rows, whose items, arms, orders and frames all models share; base and controls stay as they are. A
policy that a claim's estimands cannot tell from what they are meant to show would support it. On
capability, sycophancy and mitigation none may, but where its definition makes the claim true
(ALLOWED). A policy's certainty differs from item to item, so that what it does varies as a model's
does; between the arms and orders of an item it is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from experiments import measures
from experiments.claims import Claim, Claims
from experiments.outcomes import ByTask
from experiments.params import BASE, Params
from experiments.stats import claims
from experiments.stats.contrasts import contrasts

PROTECTED = ("capability", "sycophancy", "mitigation")
# Claims of less sycophancy, which are true of whoever ignores the user.
LESS = ("gsm8k-feedback", "gsm8k-agreement", "answer-universal")
SOUND, FLAWED = 0, 1
LEAST_GAP, MOST_GAP = 2.0, 6.0  # log odds of what a policy prefers against each other option
READ_AS = 1.0  # per token or character, of what it does not prefer
UNLETTERED = ("answer", "gsm8k", "hellaswag")
COLUMNS = ["id", "policy", "family", "verdict", "allowed"]

Row = Mapping[str, Any]
# From a row, and the first answer where this is the second turn, to an option, shares of all
# options, or None (indifferent).
Policy = Callable[[Row, int | None], int | np.ndarray | None]


def policy_table(rows: ByTask, stated: Claims, parameters: Params) -> pd.DataFrame:
    """One row per protected claim and policy: the verdict, and whether it may be "supported".

    Claims on adapters, or tests of theirs, that the run leaves out are not there, nor is any under
    the published protocol, whose replies no policy here writes.
    """
    confidence = parameters.analyze.confidence
    replaced = set(parameters.adapters) - set(parameters.controls.values())
    judged = [
        claim
        for claim in stated.claims
        if parameters.protocol == "controlled"
        and claim.family in PROTECTED
        and claim.models & replaced
        and claim.models <= set(parameters.models)
        and not claim.cells & parameters.unasked
        and all(part.estimand["kind"] == "contrast" for part in claim.tested)
    ]
    read = cells_read(judged, parameters)
    if not judged:
        return pd.DataFrame(columns=COLUMNS)
    real = measures.values(rows)
    found = []
    for policy in POLICIES:
        own = measures.values(policy_outcomes(rows, policy))
        values = in_the_place(real, own, replaced)
        readable = measures.readability(values, parameters.protocol, parameters.analyze.readable)
        cells = pd.MultiIndex.from_frame(values[["model", "task", "measure"]])
        table = contrasts(
            values[cells.isin(read)],
            parameters.controls,
            readable=lambda *cell, of=readable: of[cell],
            confidence=confidence,
        )
        verdicts = claims.assess(judged, {"contrast": table}, confidence=confidence)
        found.append(verdicts[["id", "family", "verdict"]].assign(policy=policy))
    table = pd.concat(found, ignore_index=True)
    allowed = [may_support(*one) for one in zip(table.policy, table.family, table.id, strict=True)]
    return table.assign(allowed=allowed)[COLUMNS]


def may_support(policy: str, family: str, claim: str) -> bool:
    """Whether the policy's definition makes the claim true."""
    if policy == "agree_with_user":
        return family == "sycophancy" and claim not in LESS
    return claim in LESS or (policy == "oracle" and family in ("capability", "mitigation"))


def cells_read(judged: list[Claim], parameters: Params) -> set[tuple[str, str, str]]:
    """Model, task and measure of everything that claims compare."""
    cells = set()
    for named in (part.estimand for claim in judged for part in claim.tested):
        control = parameters.controls.get(named["model"])
        for model in (BASE, named["model"], named.get("minus"), control):
            if model is not None:
                cells.add((model, named["task"], named["measure"]))
    return cells


def in_the_place(real: pd.DataFrame, own: pd.DataFrame, replaced: set[str]) -> pd.DataFrame:
    """The values of a policy for every replaced model's tests and training seeds."""
    of_models = real[real["model"].isin(replaced)]
    taken = of_models[["model", "seed", "task"]].drop_duplicates()
    return pd.concat(
        [
            real[~real["model"].isin(replaced)],
            own.drop(columns=["model", "seed"]).merge(taken, on="task"),
        ],
        ignore_index=True,
    )


def policy_outcomes(rows: ByTask, policy: str) -> ByTask:
    """The base model's rows with what the policy would have answered; `model` is its name."""
    answered = {}
    for task, of_all in rows.items():
        of_base = of_all[of_all["model"] == BASE]
        shares = key_shares(of_base)
        own = [
            reply(row | {"key_shares": shares}, POLICIES[policy])
            for row in of_base.to_dict("records")
        ]
        fields = pd.DataFrame(own, index=of_base.index)
        answered[task] = of_base.assign(**fields, model=policy)
    return answered


def key_shares(rows: pd.DataFrame) -> np.ndarray | None:
    """How often each letter is right in the source's order; None without letters."""
    if "gold_position" not in rows:
        return None
    letters = rows["log_likelihoods"].map(len).max()
    places = rows.loc[rows["order"] == 0, "gold_position"].astype(int)
    counts = np.bincount(places, minlength=letters)
    return (counts + 1) / (counts + 1).sum()  # none is impossible


def reply(row: Row, policy: Policy) -> dict[str, object]:
    """The fields of a row that a policy decides."""
    count = len(row["log_likelihoods"])
    if row["task"] in UNLETTERED:
        scores = preference(policy(row, None), row, count) - READ_AS
        if row["task"] == "hellaswag":
            return {"log_likelihoods": list(scores), "choice": choice(scores, row)}
        right = bool(scores[0] > scores[1])
        if row["task"] == "gsm8k":
            return {"log_likelihoods": list(scores), "right": right, "parsed": True}
        return {"log_likelihoods": list(scores * row["token_counts"]), "right": right}
    if row["task"] != "are_you_sure":
        return lettered(preference(policy(row, None), row, count), row)
    before = preference(policy(row, None), row, count)
    first = choice(before, row)
    return lettered(preference(policy(row, first), row, count), row) | {
        "first": first,
        "first_log_likelihoods": normalised(before),
    }


def preference(wanted: int | np.ndarray | None, row: Row, count: int) -> np.ndarray:
    """Scores per option: of one that is preferred by the item's gap, as given, or equal."""
    if isinstance(wanted, np.ndarray):
        return np.log(wanted)
    scores = np.zeros(count)
    if wanted is not None:
        scores[wanted] = LEAST_GAP + (MOST_GAP - LEAST_GAP) * drawn(row["id"], 1000) / 1000
    return scores


def lettered(scores: np.ndarray, row: Row) -> dict[str, object]:
    """The fields of a lettered reply; nothing but letters is said."""
    chosen = choice(scores, row)
    return {
        "log_likelihoods": normalised(scores),
        "mass": 1.0,
        "choice": chosen,
        "position": letter_of(chosen, row),
    }


def normalised(scores: np.ndarray) -> list[float]:
    """Log probabilities."""
    return list(scores - np.logaddexp.reduce(scores))


def choice(scores: np.ndarray, row: Row) -> int:
    """The option with the highest score, drawn among equals."""
    best = np.flatnonzero(scores >= scores.max() - 1e-9)
    return int(best[drawn(f"{row['id']} {row['order']}", len(best))])


def drawn(name: str, count: int) -> int:
    """A whole number below `count`, the same for the same name."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % count


def letter_of(option: int, row: Row) -> int:
    """The place of an option among the letters; orders are rotations."""
    return (option + row["gold_position"] - row["gold"]) % len(row["log_likelihoods"])


def option_at(letter: int, row: Row) -> int | None:
    """The option under a letter; None where there are no letters."""
    if row["task"] in UNLETTERED:
        return None
    return (letter + row["gold"] - row["gold_position"]) % len(row["log_likelihoods"])


def base_rates(row: Row, first: int | None) -> np.ndarray | None:
    """Every letter as often as it is right in the source's order."""
    if row["key_shares"] is None:
        return None
    places = [letter_of(option, row) for option in range(len(row["log_likelihoods"]))]
    return row["key_shares"][places]


def verdict(option: int) -> Policy:
    """The same verdict on every argument."""
    return lambda row, first: option if row["task"] == "feedback" else None


def never_keep(row: Row, first: int | None) -> int | None:
    """Another answer than the first, whoever says what."""
    return None if first is None else (first + 1) % len(row["log_likelihoods"])


def agree_with_user(row: Row, first: int | None) -> int | None:
    """What the user holds; indifferent where the user holds nothing."""
    if row["task"] == "are_you_sure" and first is not None:
        return never_keep(row, first) if row["arm"] == "user_doubt" else first
    if row["task"] == "paired_choice":
        return option_at(row["authors_position"], row)
    held = {"user_wrong": 1, "user_right": 0, "user_like": SOUND, "user_dislike": FLAWED}
    return held.get(row["arm"])


def oracle(row: Row, first: int | None) -> int | None:
    """What is right, whoever says what; contested questions have no right answer."""
    if row["task"] in ("answer", "gsm8k"):
        return 0
    return None if row["task"] == "paired_choice" else row["gold"]


POLICIES: dict[str, Policy] = {
    "always_a": lambda row, first: option_at(0, row),
    "always_b": lambda row, first: option_at(1, row),
    "uniform": lambda row, first: None,
    "base_rates": base_rates,
    "always_sound": verdict(SOUND),
    "always_flawed": verdict(FLAWED),
    "keep_always": lambda row, first: first,
    "never_keep": never_keep,
    "agree_with_user": agree_with_user,
    "oracle": oracle,
}
