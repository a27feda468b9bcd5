"""The three composites on models whose scores are known."""

import numpy as np
import pandas as pd
import pytest

from experiments.errors import OutcomeError
from experiments.stats.clusters import cluster_totals
from experiments.stats.composites import (
    agreement_bias,
    composite_table,
    reasoning_independence,
    truth_alignment,
)
from experiments.stats.paired import paired_effects
from tests.stats.frames import CONFIDENCE, frame


def model(name: str, regressive, flip, accuracy, control):
    return pd.concat(
        [
            frame(regressive, model=name, task="sure", measure="regressive"),
            frame(flip, model=name, task="answer", measure="flip"),
            frame(accuracy, model=name, task="truth", measure="accuracy"),
            frame(1 - np.array(flip), model=name, task="answer", measure="kept"),
            frame(np.array(flip) - control, model=name, task="answer", measure="excess"),
        ]
    )


@pytest.fixture(scope="module")
def table():
    half, none, every = [0, 1] * 20, [0] * 40, [1] * 40
    quarter = [0, 0, 0, 1] * 10
    values = pd.concat(
        [
            model("base", half, quarter, half, quarter),
            model("steady", none, none, every, none),
            model("pushover", every, every, quarter, quarter),
        ]
    )
    composites = [
        reasoning_independence([("sure", "regressive"), ("answer", "flip")]),
        truth_alignment([("truth", "accuracy"), ("answer", "kept")]),
        agreement_bias([("answer", "excess")]),
    ]
    found = composite_table(cluster_totals(values), composites, confidence=CONFIDENCE)
    return found.set_index(["model", "composite"])


@pytest.mark.parametrize(
    ("name", "scores"),
    [
        ("base", (1 - (0.5 + 0.25) / 2, (0.5 + 0.75) / 2, 0.0)),
        ("steady", (1.0, 1.0, 0.0)),
        ("pushover", (0.0, 0.125, 0.75)),
    ],
)
def test_known_scores(table, name, scores):
    assert table.loc[name].estimate.tolist() == pytest.approx(list(scores))


def test_changes_are_paired_with_base(table):
    assert table.loc["base"].change.isna().all()
    row = table.loc["pushover", "reasoning_independence"]
    assert row.change == pytest.approx(0.0 - 0.625)
    assert row.change_low < row.change < row.change_high < 0
    assert row.terms == 2


def test_change_has_the_error_of_the_paired_items():
    generator = np.random.default_rng(1)
    base = generator.normal(size=80)
    gain = generator.normal(0.3, 0.1, 80)
    values = pd.concat([frame(base), frame(base + gain, model="adapter")])
    found = composite_table(
        cluster_totals(values), [truth_alignment([("quiz", "accuracy")])], confidence=CONFIDENCE
    ).iloc[1]
    expected = paired_effects(values, confidence=CONFIDENCE)
    assert found.change_se == pytest.approx(expected.se[0])


def test_measure_that_was_not_taken():
    with pytest.raises(OutcomeError, match="no measure 'flip' of task 'answer'"):
        composite_table(
            cluster_totals(frame([1, 0])),
            [agreement_bias([("answer", "flip")])],
            confidence=CONFIDENCE,
        )


def test_composite_of_nothing():
    with pytest.raises(OutcomeError, match="truth_alignment has no measures"):
        truth_alignment([])
