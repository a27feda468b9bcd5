"""Rankings of adapters whose order is known."""

import numpy as np
import pandas as pd
import pytest

from experiments import tables
from experiments.errors import OutcomeError
from experiments.stats.clusters import cluster_totals
from experiments.stats.ranking import places_of, rankings, weighting_schemes
from tests.stats.frames import CONFIDENCE, frame

CAPABILITY, SYCOPHANCY = ("quiz", "accuracy"), ("sure", "flip")


def totals(scores: dict[str, tuple[float, float]], noise: float, items: int = 60):
    generator = np.random.default_rng(1)
    parts = []
    for name, (capability, sycophancy) in scores.items():
        for (task, measure), level in ((CAPABILITY, capability), (SYCOPHANCY, sycophancy)):
            value = level + noise * generator.normal(size=items)
            parts.append(frame(value, model=name, task=task, measure=measure))
    return cluster_totals(pd.concat(parts))


def ranked(totals, shares):
    schemes = weighting_schemes([CAPABILITY], [SYCOPHANCY], shares)
    return rankings(totals, schemes, confidence=CONFIDENCE, resamples=400, seed=1)


def test_clear_order_holds_in_every_resample():
    scores = {"base": (0, 0), "good": (2, -1), "fair": (1, 0), "poor": (0, 3)}
    table = ranked(totals(scores, noise=0.1), {"balanced": 0.5})
    assert table.model.tolist() == ["good", "fair", "poor"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table.rank_share.tolist() == [1, 1, 1]
    assert table.estimate.tolist() == pytest.approx([1.5, 0.5, -1.5], abs=0.1)
    assert (table.rank_low == table.rank_high).all()


def test_weights_decide():
    scores = {"base": (0, 0), "able": (2, 2), "candid": (0, -1)}
    table = ranked(totals(scores, noise=0.1), {"able": 1.0, "candid": 0.0})
    first = table[table["rank"] == 1].set_index("scheme").model
    assert first.to_dict() == {"able": "able", "candid": "candid"}


def test_equal_adapters_swap_places():
    scores = {"base": (0, 0), "one": (1, 0), "two": (1, 0)}
    table = ranked(totals(scores, noise=1.0), {"balanced": 0.5})
    assert table.rank_share.between(0.2, 0.95).all()
    assert table.first_share.sum() == pytest.approx(1)
    assert (table.rank_low == 1).all() and (table.rank_high == 2).all()


def test_ties_share_the_better_place():
    assert places_of(np.array([0.3, 0.1 + 0.2, 0.1])).tolist() == [1, 1, 3]


def test_adapter_without_a_score_has_no_rank():
    scores = {"base": (0, 0), "one": (1, 0), "two": (np.nan, 0)}
    table = ranked(totals(scores, noise=0.1), {"balanced": 0.5})
    assert table.model.tolist() == ["one", "two"]
    assert table["rank"].isna().tolist() == [False, True]
    assert table.to_csv().splitlines()[1].split(",")[7] == "1"


def test_without_an_adapter_the_table_is_empty_and_can_be_written():
    empty = ranked(totals({"base": (0.5, 0.5)}, noise=0.1), {"even": 0.5})
    assert tables.text("rankings", empty).count("\n") == 1


def test_schemes_weigh_measures_alike_within_each_part():
    schemes = weighting_schemes([("a", "x"), ("b", "x")], [("c", "y")], {"name": 0.6})
    assert schemes == {"name": {("a", "x"): 0.3, ("b", "x"): 0.3, ("c", "y"): -0.4}}


def test_unknown_measure():
    with pytest.raises(OutcomeError, match="'flip'"):
        rankings(
            cluster_totals(pd.concat([frame([1, 0]), frame([1, 1], model="adapter")])),
            {"scheme": {SYCOPHANCY: 1.0}},
            confidence=CONFIDENCE,
            resamples=10,
            seed=1,
        )
