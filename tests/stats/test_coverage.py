"""The cases of `python -m experiments.simulate` with fewer studies, and the committed tables."""

from pathlib import Path

import numpy as np
import pytest

from experiments import tables
from experiments.simulation.cases import CASES
from experiments.simulation.coverage import coverage
from experiments.simulation.familywise import familywise
from experiments.stats.paired import cluster_t_test, sign_flip_exact
from tests.stats.frames import CONFIDENCE, simulated_totals

RESULTS = Path(__file__).resolve().parents[2] / "results"
STUDIES = 2000
FEW = 400
# No interval that was tried covers as often, or surely so: few and unequal changes, long tails.
SHORT = {
    ("lognormal values", 16),
    ("lognormal values", 24),
    ("shares of 4 orders, 2 of 40 change", 40),
    ("shares, mostly a quarter, 5 of 40 change", 40),
    ("shares, mostly a quarter, 8 of 40 change", 40),
    ("spread, t margins", 24),
    ("spread, t margins", 40),
    ("spread 2 times as large, t margins", 24),
    ("spread 2 times as large, t margins", 40),
}


@pytest.fixture(scope="module")
def simulated():
    return coverage(FEW, confidence=CONFIDENCE, seed=1)


def test_intervals_in_use_cover_enough(simulated):
    used = simulated[simulated.in_use]
    slack = 3 * np.sqrt(0.05 * 0.95 / FEW)
    known = [pair in SHORT for pair in zip(used.case, used.n, strict=True)]
    assert (used.coverage[~np.array(known)] > 0.935 - slack).all()


def test_the_committed_table_is_of_these_cases():
    found = tables.read(RESULTS / "coverage.csv", "coverage")
    assert list(found.case) == [case.name for case in CASES for _ in case.methods]
    short = found[found.in_use & ~found.enough]
    assert set(zip(short.case, short.n, strict=True)) <= SHORT


@pytest.mark.parametrize(("confidence", "bound"), [(0.95, 0.05), (0.8, 0.2)])
def test_a_family_errs_less_often_than_stated(confidence, bound):
    sizes = {"items": 40, "frames": 4, "seeds": 3}
    table = familywise(200, sizes, [1.0] * 20, confidence=confidence, seed=1)
    error = table.set_index(["rule", "correction"]).error
    assert error["items, frames and seeds", "holm"] <= bound
    assert error["items, one seed", "holm"] > 2 * bound


@pytest.mark.parametrize("clusters", [40, 60])
def test_null_margins_reject_in_five_percent(clusters):
    generator = np.random.default_rng(12)
    counts = generator.integers(1, 4, (STUDIES, clusters)).astype(float)
    sums = generator.normal(0, 1, counts.shape) * counts
    totals = simulated_totals(sums, counts)
    p = cluster_t_test(totals.means, totals.se, totals.sizes)
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.015)
    assert (p <= 0.5).mean() == pytest.approx(0.5, abs=0.04)


def test_null_binary_outcomes_reject_at_most_in_five_percent():
    generator = np.random.default_rng(13)
    counts = generator.integers(1, 4, (STUDIES, 60))
    rises = generator.binomial(counts, 0.4)
    sums = rises - generator.binomial(counts - rises, 0.4 / 0.6)
    p = np.array([sign_flip_exact(row) for row in sums.astype(float)])
    assert 0.025 < (p <= 0.05).mean() <= 0.0575
