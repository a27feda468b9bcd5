"""Verdicts from estimates and their errors, by family, and the states without one."""

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter
from scipy import stats

from experiments.claims import Claim
from experiments.errors import DataError
from experiments.stats.claims import COLUMNS, assess
from experiments.stats.estimands import FEW_ADAPTERS, ITEMS_ONLY, NO_CONTROL, ONE_SEED
from tests.claims import claim as entry
from tests.claims import contrast

CONFIDENCE, DEGREES = 0.95, 20
REACH = stats.t.ppf(0.975, DEGREES)


def row(model: str = "mmlu", low: float = 0.1, high: float = 0.2, **fields) -> dict:
    """A row of contrasts with this interval."""
    cell = {key: value for key, value in contrast(model).items() if key != "kind"}
    error = {"se": (high - low) / 2 / REACH, "degrees": DEGREES, "n": 100, "status": "ok"}
    return cell | {"estimate": (low + high) / 2, "low": low, "high": high} | error | fields


def part(model: str = "mmlu", direction: str = "increase", **fields) -> dict:
    return {"estimand": contrast(model), "direction": direction, "because": "why"} | fields


def claim(*parts: dict, **fields) -> Claim:
    text = json.dumps(entry(parts=list(parts) or [part()], **fields))
    return TypeAdapter(Claim).validate_json(text)


def judged(claims: list[Claim], rows: list[dict], **options) -> pd.DataFrame:
    table = assess(claims, {"contrast": pd.DataFrame(rows)}, confidence=CONFIDENCE, **options)
    assert list(table.columns) == COLUMNS
    assert not table.reason.str.contains(r"\d").any()
    return table


def verdict(low: float, high: float, direction: str, **number) -> str:
    return judged([claim(part(direction=direction, **number))], [row(low=low, high=high)]).verdict[
        0
    ]


@pytest.mark.parametrize(
    ("low", "high", "direction", "number", "expected"),
    [
        (0.01, 0.2, "increase", {}, "supported"),
        (-0.1, 0.2, "increase", {}, "inconclusive"),
        (-0.2, -0.01, "increase", {}, "contradicted"),
        (0.01, 0.2, "increase", {"margin": 0.05}, "inconclusive"),
        (0.06, 0.2, "increase", {"margin": 0.05}, "supported"),
        (0.01, 0.04, "increase", {"margin": 0.05}, "contradicted"),
        (-0.2, -0.01, "decrease", {}, "supported"),
        (0.01, 0.2, "decrease", {}, "contradicted"),
        (-0.2, -0.06, "decrease", {"margin": 0.05}, "supported"),
        (-0.04, 0.04, "none", {"margin": 0.05}, "supported"),
        (-0.04, 0.06, "none", {"margin": 0.05}, "inconclusive"),
        (-0.5, 0.5, "none", {"margin": 0.05}, "inconclusive"),
        (0.06, 0.08, "none", {"margin": 0.05}, "contradicted"),
        (-0.2, -0.16, "none", {"margin": 0.05}, "contradicted"),
        (0.3, 0.4, "above", {"threshold": 0.25}, "supported"),
        (0.2, 0.3, "above", {"threshold": 0.25}, "inconclusive"),
        (0.1, 0.2, "above", {"threshold": 0.25}, "contradicted"),
        (0.1, 0.2, "below", {"threshold": 0.25}, "supported"),
        (0.3, 0.4, "below", {"threshold": 0.25}, "contradicted"),
    ],
)
def test_a_verdict_agrees_with_the_interval(low, high, direction, number, expected) -> None:
    assert verdict(low, high, direction, **number) == expected


def test_p_is_one_sided_and_of_the_distance_from_the_margin() -> None:
    found = judged([claim(part(margin=0.05))], [row(low=0.0, high=0.4)]).iloc[0]
    expected = stats.t.sf((0.2 - 0.05) / (0.2 / REACH), DEGREES)
    assert found.p == pytest.approx(expected) == found.p_adjusted


ROWS = [
    row("up"), row("up again"), row("unclear", -0.1, 0.2), row("down", -0.2, -0.1),
    row("one seed", status=ONE_SEED), row("still", 0.0, 0.0, se=0.0, degrees=np.nan),
]  # fmt: skip


@pytest.mark.parametrize(
    ("combine", "models", "expected", "shown"),
    [
        ("all", ("up", "up again"), "supported", "up"),
        ("all", ("up", "unclear"), "inconclusive", "unclear"),
        ("all", ("up", "unclear", "down"), "contradicted", "down"),
        ("all", ("up", "one seed"), "no verdict", "one seed"),
        ("all", ("one seed", "down"), "no verdict", "one seed"),
        ("all", ("up", "still"), "inconclusive", "still"),
        ("any", ("down", "up"), "supported", "up"),
        ("any", ("down", "unclear"), "inconclusive", "unclear"),
        ("any", ("down", "down"), "contradicted", "down"),
        ("any", ("one seed", "up"), "supported", "up"),
        ("any", ("one seed", "down"), "no verdict", "one seed"),
        ("all", ("one seed", "nobody"), "not measured", "nobody"),
        ("any", ("nobody", "up"), "supported", "up"),
        ("any", ("nobody", "down"), "not measured", "nobody"),
    ],
)
def test_parts_are_combined(combine, models, expected, shown) -> None:
    combined = claim(*map(part, models), combine=combine)
    found = judged([combined], ROWS, allow_unmeasured=True).iloc[0]
    assert found.verdict == expected
    assert found.reason.startswith(f"{shown}, feedback, sycophancy, control: ")


def test_a_part_holds_only_with_those_beside_it() -> None:
    rows = [row("up"), row("down", -0.2, -0.1), row("base", -0.2, -0.1, against="nothing")]
    level = {"estimand": contrast("base", "nothing"), "direction": "above", "threshold": 0.0}
    beside = part("up", also=[level])
    assert judged([claim(beside, part("down"), combine="any")], rows).verdict[0] == "contradicted"
    level["direction"] = "below"
    beside = part("up", also=[level])
    assert judged([claim(beside, part("down"), combine="any")], rows).verdict[0] == "supported"


def test_any_pays_for_its_parts_and_all_for_what_contradicts_it() -> None:
    barely = [row("up", 0.001, 0.2), row("unclear", -0.1, 0.2)]
    several = claim(part("up"), part("unclear"), combine="any")
    found = judged([several], barely).iloc[0]
    alone = judged([claim(part("up"))], barely).iloc[0]
    assert (alone.verdict, found.verdict) == ("supported", "inconclusive")
    assert found.p == pytest.approx(2 * alone.p)
    barely = [row("down", -0.2, -0.001), row("unclear", -0.1, 0.2)]
    assert judged([claim(part("down"), part("unclear"))], barely).verdict[0] == "inconclusive"


def test_holm_is_over_the_claims_of_a_family_that_have_a_test() -> None:
    rows = [row("sure", 0.1, 0.12), row("barely", 0.001, 0.2), row("one seed", status=ONE_SEED)]
    names = ("barely", "sure", "one seed")

    def verdicts(*families: str) -> list[str]:
        claims = [
            claim(part(name), id=name, family=of) for name, of in zip(names, families, strict=True)
        ]
        return judged(claims, rows).verdict.tolist()

    assert verdicts("one", "one", "one") == ["supported", "supported", "no verdict"]  # step down
    rows[0] = row("sure", -0.1, 0.12)
    assert verdicts("one", "one", "one") == ["inconclusive", "inconclusive", "no verdict"]
    assert verdicts("one", "other", "one") == ["supported", "inconclusive", "no verdict"]
    assert (
        "not beside the other claims"
        in judged([claim(part(name), id=name) for name in names], rows).reason[0]
    )


def test_claims_that_were_not_fixed_get_no_verdict_but_keep_their_numbers() -> None:
    found = judged([claim()], [row()], unfixed="the claims are not fixed").iloc[0]
    assert (found.verdict, found.reason) == ("no verdict", "the claims are not fixed")
    assert found.low == 0.1


def test_a_comparison_that_there_is_not_has_no_control() -> None:
    nothing = judged([claim()], [row(against="nothing")]).iloc[0]
    assert (nothing.verdict, nothing.reason, nothing.n) == ("no verdict", NO_CONTROL, 0)


def test_two_contrasts_are_compared_with_the_sum_of_their_errors() -> None:
    compared = part() | {"estimand": contrast("up", minus="down")}
    found = judged([claim(compared)], ROWS).iloc[0]
    assert (found.verdict, found.estimate) == ("supported", pytest.approx(0.3))
    assert (found.low, found.high) == (pytest.approx(0.2), pytest.approx(0.4))
    untested = part() | {"estimand": contrast("up", minus="one seed")}
    assert judged([claim(untested)], ROWS).reason[0] == ONE_SEED


@pytest.mark.parametrize(
    ("correlation", "n", "seeds", "expected"),
    [
        (0.95, 5, 1, "no verdict"),
        (0.99, 3, 3, "no verdict"),
        (0.95, 8, 1, "supported"),
        (0.5, 8, 1, "inconclusive"),
        (-0.95, 5, 3, "contradicted"),
    ],
)
def test_a_correlation_is_over_adapters(correlation, n, seeds, expected) -> None:
    keys = {"coefficient": "pearson", "benchmark": "mmlu", "sycophancy_dataset": "feedback"}
    table = pd.DataFrame([keys | {"estimate": correlation, "n": n, "seeds": seeds}])
    of = part() | {"estimand": {"kind": "correlation", **keys}}
    found = assess([claim(of)], {"correlation": table}, confidence=CONFIDENCE).iloc[0]
    assert found.verdict == expected
    if expected == "no verdict":
        assert found.reason == FEW_ADAPTERS
    else:
        error = stats.norm.ppf(0.975) / np.sqrt(n - 3)
        assert found.high == pytest.approx(np.tanh(np.arctanh(correlation) + error))


@pytest.mark.parametrize(
    ("model", "seeds", "expected"),
    [("base", 1, "supported"), ("mmlu", 1, ONE_SEED), ("mmlu", 3, ITEMS_ONLY)],
)
def test_margins_of_adapters_have_no_interval_for_training_runs(model, seeds, expected) -> None:
    keys = {"model": model, "split": "all", "quantity": "position"}
    numbers = {"estimate": 0.2, "low": 0.1, "high": 0.3, "se": 0.05, "clusters": 20, "n": 30}
    table = pd.DataFrame([keys | numbers | {"seeds": seeds}])
    of = part() | {"estimand": {"kind": "margin", **keys}}
    found = assess([claim(of)], {"margin": table}, confidence=CONFIDENCE).iloc[0]
    assert expected in (found.verdict, found.reason)


def test_only_claims_on_adapters_that_the_run_leaves_out_are_not_measured() -> None:
    left_out = claim(part("elsewhere"))
    assert judged([claim(), left_out], [row()], absent={"elsewhere"}).verdict.tolist() == [
        "supported",
        "not measured",
    ]
    unasked = {(contrast()["model"], "are_you_sure")}
    doubted = claim(part() | {"estimand": contrast(task="are_you_sure")})
    assert judged([claim(), doubted], [row()], unasked=unasked).verdict.tolist() == [
        "supported",
        "not measured",
    ]
    wrong = part() | {"estimand": contrast(task="feedbakc")}
    with pytest.raises(DataError, match=r"claim 'one': no result .* task 'feedbakc'"):
        judged([claim(wrong)], [row()], absent={"elsewhere"})
    assert judged([claim(wrong)], [row()], allow_unmeasured=True).verdict[0] == "not measured"
    with pytest.raises(DataError, match="claim 'one': 2 results"):
        judged([claim()], [row(), row()])
