"""The table of margins on samples whose level, spread and overlap are known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments import measures
from experiments.stats.margins import item_margins, margin_table, overlap, silverman, spread

SETTINGS = SimpleNamespace(confidence=0.95, resamples=400)


def outcomes(model: str, at_a: np.ndarray, at_b: np.ndarray) -> pd.DataFrame:
    """Outcome rows with these margins per item, the author's option at A and at B.

    Even items are easy, two to a claim; the source puts the author's option at A in every third.
    """
    rows = []
    for number, margins in enumerate(zip(at_a, at_b, strict=True)):
        first = 0 if number % 3 == 0 else 1
        for position, margin in enumerate(margins):
            rows.append(
                {
                    "protocol": "controlled",
                    "model": model,
                    "seed": 0 if model == "base" else 1,
                    "task": "paired_choice",
                    "id": f"paired_choice/{number}",
                    "cluster": f"claim-{number // 4}-{number % 2}",
                    "split": "hard" if number % 2 else "easy",
                    "order": int(position != first),
                    "authors_position": position,
                    "log_likelihoods": [-3.0, -3.0 + margin],
                }
            )
    return pd.DataFrame(rows)


def made(**models: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    rows = pd.concat([outcomes(name, *margins) for name, margins in models.items()])
    return measures.values({"paired_choice": rows.reset_index(drop=True)})


def table_of(**models: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    table = margin_table(made(**models), SETTINGS, seed=1)
    return table.set_index(["model", "split", "quantity"]).sort_index()


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(5)


def test_a_model_that_loses_its_letter_moves_raw_margins_and_nothing_else(draw) -> None:
    """The artefact at issue: a large raw shift without any change of sycophancy."""
    content = draw.normal(0.3, 0.1, 24)
    base = (content + 2.0, content - 2.0)
    table = table_of(base=base, plain=(content, content))
    for split in ("easy", "hard", "all"):
        cell = table.loc["plain", split]
        assert cell.loc["swap_average", "change"] == pytest.approx(0.0, abs=1e-9)
        assert cell.loc["position", "change"] == pytest.approx(-2.0)
        assert cell.loc["raw_margin_movement", "estimate"] == pytest.approx(2.0)
        assert cell.loc["swap_average_movement", "estimate"] == pytest.approx(0.0, abs=1e-9)
        assert cell.loc["movement_by_position", "estimate"] == pytest.approx(2.0)
        assert cell.loc["raw_margin_spread", "estimate"] < 0.2
        assert cell.loc["swap_average_spread", "change"] == pytest.approx(0.0, abs=1e-9)
        assert cell.loc["swap_average_overlap", "estimate"] == pytest.approx(1.0, abs=0.01)
        assert cell.loc["raw_margin_overlap", "estimate"] < 0.6
        assert cell.loc["sycophantic", "estimate"] == 1.0


def test_a_model_that_changes_its_mind_moves_both(draw) -> None:
    content = draw.normal(1.0, 0.1, 24)
    table = table_of(base=(content + 1, content - 1), turned=(1 - content, -1 - content))
    cell = table.loc["turned", "all"]
    assert cell.loc["swap_average", "change"] == pytest.approx(-2 * content.mean())
    assert cell.loc["swap_average", "change_high"] < 0
    assert cell.loc["position", "change"] == pytest.approx(0.0)
    assert cell.loc["movement_by_position", "estimate"] == pytest.approx(0.0, abs=1e-9)
    assert cell.loc["swap_average_overlap", "estimate"] < 0.01


def test_raw_means_follow_from_the_parts(draw) -> None:
    values = made(base=(draw.normal(size=30), draw.normal(size=30)))
    items = item_margins(values)
    sign = np.where(items["id"].str.split("/").str[1].astype(int) % 3 == 0, 1, -1)
    residual = items["raw_margin"] - items["swap_average"] - sign * items["position"]
    assert residual.abs().max() < 1e-9
    assert set(items.loc[items["split"] == "hard", "id"].str[-1].astype(int) % 2) == {1}


def test_the_base_model_has_no_change_and_alone_is_enough(draw) -> None:
    table = table_of(base=(draw.normal(size=20), draw.normal(size=20)))
    assert table["change"].isna().all()
    assert not [name for name in table.index.get_level_values("quantity") if "overlap" in name]
    assert (table.loc["base", "all"]["n"] == 20).all()
    assert (table.loc["base", "hard"]["n"] == 10).all()


def test_splits_are_counted_by_claims(draw) -> None:
    table = table_of(base=(draw.normal(size=24), draw.normal(size=24)))
    assert table.loc[("base", "all", "swap_average"), "clusters"] == 12
    assert table.loc[("base", "easy", "swap_average_spread"), "clusters"] == 6


def test_the_table_repeats_and_does_not_depend_on_the_order_of_rows(draw) -> None:
    values = made(
        base=(draw.normal(size=20), draw.normal(size=20)),
        other=(draw.normal(size=20), draw.normal(size=20)),
    )
    shuffled = values.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        margin_table(values, SETTINGS, seed=1), margin_table(shuffled, SETTINGS, seed=1)
    )


def test_training_seeds_are_averaged_within_items(draw) -> None:
    base, one = draw.normal(size=20), draw.normal(size=20)
    first = measures.values({"paired_choice": outcomes("base", base, base)})
    tuned = measures.values({"paired_choice": outcomes("tuned", one, one)})
    again = tuned.assign(seed=2, value=-tuned["value"])
    items = item_margins(pd.concat([first, tuned, again]))
    assert items.loc[items["model"] == "tuned", "swap_average"].abs().max() < 1e-9


def test_spread_is_the_standard_deviation_with_the_error_of_normal_values(draw) -> None:
    sample = draw.normal(0, 2, 4000)
    found, influence = spread(sample, np.arange(4000))
    assert found == pytest.approx(sample.std(ddof=1))
    assert np.sqrt((influence**2).sum()) == pytest.approx(2 / np.sqrt(8000), rel=0.05)


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0, 6.0])
def test_overlap_of_large_normal_samples_is_that_of_their_distributions(distance: float) -> None:
    """Two unit normals at this distance share 2 Φ(-d / 2) (Inman and Bradley 1989)."""
    quantiles = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    shared = overlap(quantiles, quantiles + distance, np.ones((1, 4000)))[0]
    assert shared == pytest.approx(2 * stats.norm.cdf(-distance / 2), abs=0.02)


def test_overlap_is_symmetric_and_bounded(draw) -> None:
    first, second = draw.normal(size=12), draw.normal(1, 3, size=12)
    weights = draw.integers(0, 3, size=(50, 12)).astype(float) + 0.1
    forward, backward = overlap(first, second, weights), overlap(second, first, weights)
    assert np.allclose(forward, backward)
    assert ((forward >= 0) & (forward <= 1)).all()


def test_samples_without_spread() -> None:
    weights = np.ones((1, 5))
    still = np.zeros(5)
    assert overlap(still, still, weights)[0] == 1.0
    assert overlap(still, still + 1.0, weights)[0] < 0.01
    assert overlap(still, np.linspace(-5, 5, 5), weights)[0] < 0.1
    assert silverman(np.array([1.0])) == 0.0
