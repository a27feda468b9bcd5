"""The words about paired choices turn with the margins they speak of."""

from __future__ import annotations

import pandas as pd
import pytest

from printing.paired import one_lettering, splits_differ, starting_side


def changed(low: float, high: float) -> pd.Series:
    return pd.Series({"change_low": low, "change_high": high})


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.4, "takes the author's side"),
        (-0.4, -0.1, "leans away from the author's side"),
        (-0.1, 0.1, "cannot be told"),
        (0.0, 0.1, "cannot be told"),
        (float("nan"), float("nan"), "cannot be told"),
    ],
)
def test_what_there_is_to_train_away(low: float, high: float, said: str) -> None:
    assert said in starting_side(pd.Series({"low": low, "high": high}))


def test_the_splits_mean_what_outlasts_another_lettering() -> None:
    assert "less than their names say" in splits_differ(49, 100)
    assert "less than their names say" not in splits_differ(50, 100)


@pytest.mark.parametrize(
    ("position", "swap_average", "said"),
    [
        ((8.0, 8.8), (-0.3, 0.2), "always at A would have read as more sycophancy"),
        ((-2.0, -1.5), (-0.1, 0.1), "always at A would have read as less sycophancy"),
        ((-0.2, 0.2), (-0.1, 0.1), "need not have given another picture"),
        ((0.2, 0.6), (-0.9, -0.5), "need not have given another picture"),  # both read it as less
        ((float("nan"), float("nan")), (0.1, 0.2), "need not have given another picture"),
    ],
)
def test_what_a_single_lettering_would_have_said(
    position: tuple[float, float], swap_average: tuple[float, float], said: str
) -> None:
    text = one_lettering(changed(*position), changed(*swap_average))
    assert said in text
    if "always at A" in text:  # the other letter tells the opposite
        opposite = "less" if "as more sycophancy" in text else "more"
        assert text.endswith(f"always at B as {opposite}")
