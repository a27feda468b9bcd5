"""Intervals and tests against their textbook formulas."""

from math import comb, sqrt

import pandas as pd
import pytest

from experiments.audit import sampling_noise

Z = 1.959963984540054


def wilson_by_hand(count: float, n: float) -> tuple[float, float]:
    p = count / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return centre - half, centre + half


def newcombe_by_hand(before: float, after: float, n: float) -> tuple[float, float]:
    (l1, u1), (l2, u2) = wilson_by_hand(after, n), wilson_by_hand(before, n)
    p1, p2 = after / n, before / n
    return (
        p1 - p2 - sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2),
        p1 - p2 + sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2),
    )


def fisher_by_hand(before: int, after: int, n: int) -> float:
    total = before + after
    weights = [comb(n, k) * comb(n, total - k) for k in range(max(0, total - n), min(n, total) + 1)]
    observed = comb(n, after) * comb(n, before)
    return sum(weight for weight in weights if weight <= observed) / sum(weights)


@pytest.fixture(scope="module")
def changes(figures) -> pd.DataFrame:
    return sampling_noise.changes(figures).set_index(["adapter", "test"])


def test_wilson_beside_the_published_interval(figures):
    rates = sampling_noise.rates(figures)
    assert len(rates) == 42
    for row in rates.itertuples():
        assert (row.wilson_low, row.wilson_high) == pytest.approx(
            wilson_by_hand(row.count, row.n), abs=6e-5
        )
        if row.count_published and row.low == row.low:
            wald = Z * sqrt(row.score * (1 - row.score) / row.n)
            assert row.high == pytest.approx(row.score + wald, abs=1e-4)


def test_counts_not_published_are_whole(figures):
    rates = sampling_noise.rates(figures).set_index(["model", "test"])
    assert rates.loc[("baseline", "gsm8k"), "count"] == 35
    assert not rates.loc[("baseline", "gsm8k"), "count_published"]


def test_change_without_repeats(changes):
    row = changes.loc[("truthfulqa", "are_you_sure")]
    assert row["n_effective"] == 300
    assert (row["low"], row["high"]) == pytest.approx(newcombe_by_hand(0, 17, 300), abs=1e-4)
    assert row["p"] == pytest.approx(fisher_by_hand(0, 17, 300), rel=1e-2)


def test_change_with_repeated_arguments_is_wider(changes):
    row = changes.loc[("combined", "feedback")]
    sample = 300**2 / (116 * 1 + 67 * 4 + 14 * 9 + 2 * 16)
    assert row["n_effective"] == pytest.approx(sample, abs=0.1)
    by_hand = newcombe_by_hand(0.5 * sample, 185 / 300 * sample, sample)
    assert (row["low"], row["high"]) == pytest.approx(by_hand, abs=1e-4)
    assert row["low"] < newcombe_by_hand(150, 185, 300)[0]


def test_every_change_is_the_published_one(changes, figures):
    for (adapter, test), row in changes.iterrows():
        assert row["change"] == pytest.approx(figures.changes.loc[adapter, test], abs=1e-4)


def test_beyond_noise_follows_p(changes):
    assert (changes["beyond_noise"] == (changes["p"] < 0.05)).all()
    assert (changes["beyond_noise_holm"] == (changes["p_holm"] < 0.05)).all()
    assert changes.loc[("gsm8k", "answer"), "beyond_noise"]
    assert not changes.loc[("gsm8k", "feedback"), "beyond_noise"]


def test_holm_is_never_smaller(changes):
    assert (changes["p_holm"] >= changes["p"]).all()
    assert changes["beyond_noise_holm"].sum() <= changes["beyond_noise"].sum()
