"""Intervals for new training runs from archived tables."""

import numpy as np
import pandas as pd
import pytest

from experiments.stats.seeds import for_new_training


def one_effect(seeds: int, seed_sd: float) -> pd.DataFrame:
    return pd.DataFrame({"estimate": [1.0], "clusters": 9, "seeds": seeds, "seed_sd": seed_sd})


def test_one_seed_has_no_interval_for_new_training() -> None:
    found = for_new_training(one_effect(1, np.nan), pd.Series([0.1]), 0.95)
    assert found.isna().all(axis=None)


def test_no_spread_between_seeds_leaves_the_items() -> None:
    found = for_new_training(one_effect(3, 0.0), pd.Series([0.1]), 0.95)
    # t with 8 degrees of freedom
    assert (found["high"] - found["low"])[0] == pytest.approx(2 * 2.306 * 0.1, rel=1e-3)
