"""The audit's correlations against a recomputation by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest

from experiments.audit import correlations
from tests.audit.conftest import REPORTED

CHANGES = {
    "feedback": "feedback_sycophancy_change",
    "are_you_sure": "are_you_sure_change",
    "answer": "answer_change",
}


@pytest.fixture(scope="module")
def table(figures) -> pd.DataFrame:
    return correlations.recompute(figures, resamples=500, seed=3)


def r_by_hand(x: np.ndarray, y: np.ndarray) -> float:
    dx, dy = x - x.mean(), y - y.mean()
    return float((dx * dy).sum() / np.sqrt((dx**2).sum() * (dy**2).sum()))


def test_published_cells_are_over_six_models_of_scores(table):
    scores = pd.read_csv(REPORTED / "complete_results.csv")
    published = pd.read_csv(REPORTED / "correlation_analysis.csv")
    assert len(published) == 12
    for cell in published.itertuples():
        y = scores[f"{cell.sycophancy_dataset}_score"].to_numpy()
        by_hand = r_by_hand(scores[cell.benchmark].to_numpy(), y)
        assert by_hand == pytest.approx(cell.correlation, abs=1e-12)
    assert table.groupby("rows")["reproduced"].sum().to_dict() == {
        correlations.MODELS: 12,
        correlations.ADAPTERS: 0,
    }


def test_five_adapters_are_the_correlations_of_changes(table):
    changes = pd.read_csv(REPORTED / "performance_changes.csv")
    for row in table[table["rows"] == correlations.ADAPTERS].itertuples():
        x = changes[f"{row.benchmark}_change"].to_numpy()
        assert row.pearson == pytest.approx(r_by_hand(x, changes[CHANGES[row.test]].to_numpy()))


def test_permutation_p_by_counting(table):
    scores = pd.read_csv(REPORTED / "complete_results.csv")
    for row in table[table["rows"] == correlations.MODELS].itertuples():
        x = scores[row.benchmark].to_numpy()
        y = scores[f"{row.test}_score"].to_numpy()
        reached = [round(r_by_hand(x, np.array(order)), 9) for order in itertools.permutations(y)]
        observed = round(r_by_hand(x, y), 9)
        above = sum(value >= observed for value in reached)
        below = sum(value <= observed for value in reached)
        assert row.p == pytest.approx(min(1, 2 * min(above, below) / len(reached)))
        fewest = min(reached.count(max(reached)), reached.count(min(reached)))
        assert row.p_smallest == pytest.approx(2 * fewest / len(reached))


def test_five_adapters_cannot_pass_holm(table):
    """Two of 120 orders at the least, times twelve cells."""
    smallest = table.loc[table["rows"] == correlations.ADAPTERS, "p_smallest"]
    assert smallest.min() == pytest.approx(2 / 120)
    assert 12 * smallest.min() > 0.05


def test_nothing_is_left_after_holm(table):
    for _, cells in table.groupby("rows"):
        smallest = cells["p"].min()
        assert cells["p_holm"].min() == pytest.approx(min(1.0, 12 * smallest))
        assert (cells["p_holm"] > 0.05).all()


def test_a_relation_among_many_models_would_count(figures):
    """The verdict is a rule, not a constant: with a real relation the evidence is confirmed."""
    rng = np.random.default_rng(0)
    table = correlations.recompute(figures, resamples=100, seed=1)
    strong = table.assign(p_holm=rng.uniform(0, 0.01, len(table)))
    assert correlations.evidence(figures, strong).verdict == "confirmed"
    assert correlations.evidence(figures, table).verdict == "not supported"


def test_bootstrap_interval_holds_the_estimate_and_repeats(figures, table):
    again = correlations.recompute(figures, resamples=500, seed=3)
    pd.testing.assert_frame_equal(table, again)
    assert (table["low"] <= table["high"]).all()
    assert table[["low", "high"]].abs().to_numpy().max() <= 1
