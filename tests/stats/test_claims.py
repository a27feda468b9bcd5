"""Verdicts from intervals, and claims that are not well formed."""

import numpy as np
import pandas as pd
import pytest

from experiments.claims import Claim
from experiments.errors import DataError
from experiments.stats.claims import COLUMNS, assess
from experiments.stats.clusters import cluster_totals
from tests.stats.frames import CONFIDENCE, frame

CELL = {"model": "adapter", "task": "sure", "measure": "flip"}


def claim(**fields):
    entry = {
        "id": "one",
        "text": "It does something.",
        "source": "a study",
        "estimand": {"kind": "effect", **CELL},
        "direction": "increase",
        "refuted_by": "an interval below zero",
    }
    return Claim(**entry | fields)


def effects(low, high, **fields):
    row = CELL | {"estimate": (low + high) / 2, "low": low, "high": high, "n": 100} | fields
    return pd.DataFrame([row])


def verdict(low, high, **fields):
    table = assess([claim(**fields)], {"effect": effects(low, high)}, confidence=CONFIDENCE)
    assert list(table.columns) == COLUMNS
    return table.verdict[0]


@pytest.mark.parametrize(
    ("low", "high", "direction", "margin", "expected"),
    [
        (0.01, 0.2, "increase", None, "supported"),
        (-0.1, 0.2, "increase", None, "inconclusive"),
        (-0.2, -0.1, "increase", None, "contradicted"),
        (0.0, 0.2, "increase", None, "inconclusive"),
        (-0.2, 0.0, "increase", None, "contradicted"),
        (0.0, 0.0, "increase", None, "contradicted"),
        (0.01, 0.2, "increase", 0.05, "inconclusive"),
        (0.06, 0.2, "increase", 0.05, "supported"),
        (0.01, 0.04, "increase", 0.05, "contradicted"),
        (-0.2, -0.01, "decrease", None, "supported"),
        (-0.2, 0.1, "decrease", None, "inconclusive"),
        (0.1, 0.2, "decrease", None, "contradicted"),
        (-0.2, -0.06, "decrease", 0.05, "supported"),
        (-0.04, 0.2, "decrease", 0.05, "contradicted"),
        (-0.04, 0.04, "none", 0.05, "supported"),
        (-0.05, 0.05, "none", 0.05, "supported"),
        (-0.04, 0.06, "none", 0.05, "inconclusive"),
        (-0.5, 0.5, "none", 0.05, "inconclusive"),
        (0.01, 0.04, "none", 0.05, "supported"),
        (0.06, 0.2, "none", 0.05, "contradicted"),
        (-0.2, -0.06, "none", 0.05, "contradicted"),
        (np.nan, np.nan, "increase", None, "inconclusive"),
        (np.nan, np.nan, "none", 0.05, "inconclusive"),
    ],
)
def test_verdict(low, high, direction, margin, expected):
    assert verdict(low, high, direction=direction, margin=margin) == expected


@pytest.mark.parametrize(
    ("low", "high", "direction", "expected"),
    [
        (0.3, 0.4, "above", "supported"),
        (0.2, 0.3, "above", "inconclusive"),
        (0.1, 0.25, "above", "contradicted"),
        (0.1, 0.2, "below", "supported"),
        (0.25, 0.3, "below", "contradicted"),
    ],
)
def test_threshold(low, high, direction, expected):
    assert verdict(low, high, direction=direction, threshold=0.25) == expected


@pytest.mark.parametrize("low", np.linspace(-0.3, 0.3, 13))
@pytest.mark.parametrize("width", [0.0, 0.05, 0.2])
def test_increase_and_decrease_are_mirror_images(low, width):
    mirrored = verdict(-low - width, -low, direction="decrease", margin=0.05)
    assert verdict(low, low + width, margin=0.05) == mirrored


def test_several_parts():
    table = pd.concat(
        [
            effects(0.1, 0.2, model="up"),
            effects(-0.1, 0.2, model="unclear"),
            effects(-0.2, -0.1, model="down"),
        ]
    )

    def of(combine, *models):
        parts = [{"kind": "effect", **CELL, "model": model} for model in models]
        entry = claim(estimand=None, estimands=parts, combine=combine)
        return assess([entry], {"effect": table}, confidence=CONFIDENCE).iloc[0]

    assert of("all", "up", "up").verdict == "supported"
    assert of("all", "up", "unclear").verdict == "inconclusive"
    assert of("all", "up", "unclear", "down").verdict == "contradicted"
    assert of("any", "down", "up").verdict == "supported"
    assert of("any", "down", "unclear").verdict == "inconclusive"
    assert of("any", "down", "down").verdict == "contradicted"
    decided = of("all", "up", "down")
    assert decided.low == -0.2
    assert decided.reason.startswith("down, sure, flip: no part of the interval")


def test_difference_of_effects_is_computed_from_items():
    generator = np.random.default_rng(1)
    base = generator.normal(size=80)
    values = pd.concat(
        [
            frame(base),
            frame(base + 1.0 + generator.normal(0, 0.3, 80), model="more"),
            frame(base + 0.2 + generator.normal(0, 0.3, 80), model="less"),
        ]
    )
    quiz = {"task": "quiz", "measure": "accuracy"}
    estimand = {
        "kind": "difference_of_effects",
        "model": "more",
        **quiz,
        "minus": {"model": "less", **quiz},
    }
    entry = claim(estimand=estimand, margin=0.5)
    found = assess([entry], {}, confidence=CONFIDENCE, totals=cluster_totals(values)).iloc[0]
    assert found.verdict == "supported"
    assert found.low < 0.8 < found.high
    with pytest.raises(DataError, match="needs the per-item values"):
        assess([entry], {}, confidence=CONFIDENCE)
    nobody = claim(estimand=estimand | {"minus": {"model": "nobody", **quiz}})
    with pytest.raises(DataError, match=r"claim 'one': .*'nobody'"):
        assess([nobody], {}, confidence=CONFIDENCE, totals=cluster_totals(values))


def test_order_and_texts_are_kept():
    entries = [claim(id=name, text=name.upper()) for name in ("z", "a", "m")]
    table = assess(entries, {"effect": effects(0.1, 0.2)}, confidence=CONFIDENCE)
    assert table.id.tolist() == ["z", "a", "m"]
    assert table.text.tolist() == ["Z", "A", "M"]
    assert not table.reason.str.contains(r"\d").any()


@pytest.mark.parametrize(
    ("estimand", "message"),
    [
        ({"kind": "effect", **CELL, "model": "nobody"}, "no result of kind effect has model 'nobo"),
        ({"kind": "effect", **CELL, "arm": "x"}, "have no column arm"),
        ({"kind": "affect", **CELL}, "known kinds are effect, difference_of_effects"),
        ({"kind": "effect", "task": "sure"}, "fits 2 results"),
    ],
)
def test_estimand_that_is_not_there(estimand, message):
    table = pd.concat([effects(0.1, 0.2), effects(0.1, 0.2, model="other")])
    with pytest.raises(DataError, match=f"claim 'one'.*{message}"):
        assess([claim(estimand=estimand)], {"effect": table}, confidence=CONFIDENCE)


def test_only_claims_on_adapters_that_the_run_leaves_out_are_not_measured():
    measured = {"effect": effects(0.1, 0.2)}
    left_out = claim(id="left out", estimand={"kind": "effect", **CELL, "model": "elsewhere"})
    table = assess([claim(), left_out], measured, confidence=CONFIDENCE, absent={"elsewhere"})
    assert table.verdict.tolist() == ["supported", "not measured"]
    wrong_cell = claim(estimand={"kind": "effect", **CELL, "task": "shure"})
    with pytest.raises(DataError, match="has task 'shure'"):
        assess([left_out, wrong_cell], measured, confidence=CONFIDENCE, absent={"elsewhere"})
