"""Variance between training seeds, planted and recovered."""

import numpy as np
import pandas as pd
import pytest

from experiments.stats.seeds import for_new_training, seed_variation
from tests.stats.frames import CONFIDENCE, frame


def runs(item_sd, seed_sd, noise_sd, items, seeds, generator, task="quiz"):
    """`seeds` training runs on the same items: item + seed + noise."""
    item = generator.normal(0, item_sd, items)
    return pd.concat(
        [
            frame(
                item + generator.normal(0, seed_sd) + generator.normal(0, noise_sd, items),
                model="adapter",
                seed=seed,
                task=task,
            )
            for seed in range(seeds)
        ]
    )


def studies(number, *spreads, items, seeds, generator):
    """Independent studies, one per task: a table with a row for each."""
    parts = [
        runs(*spreads, items, seeds, generator, task=f"task {study}") for study in range(number)
    ]
    return seed_variation(pd.concat(parts), confidence=CONFIDENCE)


def varied(values):
    return seed_variation(values, confidence=CONFIDENCE).iloc[0]


def test_one_seed_is_not_estimable():
    row = varied(frame([0.2, 0.5, 0.1]))
    assert row.status == "not estimable: one seed"
    assert row.seeds == 1 and row.item_se > 0
    assert np.isnan([row.se, row.low, row.high, row.seed_sd, row.lowest, row.highest]).all()


def test_planted_seed_variance_is_recovered():
    row = varied(runs(2.0, 0.5, 1.0, items=100, seeds=300, generator=np.random.default_rng(1)))
    assert row.seed_sd == pytest.approx(0.5, rel=0.12)
    assert row.status == "ok"


def test_item_noise_is_not_mistaken_for_seed_variance():
    table = studies(300, 2.0, 0.0, 1.0, items=40, seeds=3, generator=np.random.default_rng(2))
    observed = (table.seed_sd_observed**2).mean()
    assert observed == pytest.approx(1 / 40, rel=0.15)
    # The estimate is cut off at 0, so a little is left on average.
    assert (table.seed_sd**2).mean() < observed / 2


def test_interval_covers_new_runs_and_new_items():
    table = studies(500, 1.0, 0.3, 0.5, items=50, seeds=5, generator=np.random.default_rng(3))
    covered = ((table.low <= 0) & (table.high >= 0)).mean()
    assert covered == pytest.approx(0.95, abs=0.03)
    # An interval for new items alone does not cover new training runs.
    assert (table.estimate.abs() <= 2.01 * table.item_se).mean() < 0.90


def test_same_outcomes_in_all_seeds():
    values = pd.concat([frame([1, 0, 1, 1, 0], seed=seed) for seed in (1, 2, 3)])
    row = varied(values)
    assert (row.seed_sd, row.seed_sd_observed) == (0, 0)
    assert row.se == pytest.approx(row.item_se)
    assert (row.lowest, row.highest, row.n) == (0.6, 0.6, 5)


def test_one_row_per_cell_whatever_its_seeds():
    values = pd.concat(
        [frame([1, 0, 1, 1])]
        + [frame([1, 0, number, 0], model="adapter", seed=number) for number in (0, 1)]
    )
    table = seed_variation(values, confidence=CONFIDENCE)
    assert table.seeds.tolist() == [1, 2]
    assert table.status.tolist() == ["not estimable: one seed", "ok"]


def one_effect(seeds: int, seed_sd: float) -> pd.DataFrame:
    return pd.DataFrame({"estimate": [1.0], "clusters": 9, "seeds": seeds, "seed_sd": seed_sd})


def test_one_seed_has_no_interval_for_new_training() -> None:
    found = for_new_training(one_effect(1, np.nan), pd.Series([0.1]), 0.95)
    assert found.isna().all(axis=None)


def test_no_spread_between_seeds_leaves_the_items() -> None:
    found = for_new_training(one_effect(3, 0.0), pd.Series([0.1]), 0.95)
    # t with 8 degrees of freedom
    assert (found["high"] - found["low"])[0] == pytest.approx(2 * 2.306 * 0.1, rel=1e-3)
