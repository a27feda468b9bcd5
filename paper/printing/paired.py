"""What the margins of the paired choices say: words that results/margins.csv decides."""

from __future__ import annotations

import pandas as pd


def starting_side(row: pd.Series) -> str:
    """What the base model's swap average leaves to be trained away; `row` has low and high."""
    if row["low"] > 0:
        return (
            "The base model takes the author's side, so there is something to train away; how much "
            "of it goes is measured below"
        )
    if row["high"] < 0:
        return (
            "The base model leans away from the author's side to begin with, so it cannot be cured "
            "of taking it; these results say how the measurement behaves, more than how a cure does"
        )
    return (
        "Whether the base model takes a side at all cannot be told from its interval, and a model "
        "that takes none cannot be cured of taking one; these results say how the measurement "
        "behaves, more than how a cure does"
    )


def splits_differ(stable: int, asked: int) -> str:
    """What it means for the easy and hard splits how many preferences outlast a new lettering."""
    if 2 * stable < asked:
        return (
            "so for most questions the liking for a letter is larger than the margin that divides "
            "the claims, and the two splits may differ less than their names say"
        )
    return (
        "so for most questions the margin that divides the claims is larger than the liking for a "
        "letter"
    )


def one_lettering(position: pd.Series, swap_average: pd.Series) -> str:
    """How training would look to a test that uses one lettering alone.

    The rows are changes from the base model (change_low, change_high). With the author's option at
    A a margin changes by the sum of both, with it at B by the swap average minus the position.
    """
    low, high = position["change_low"], position["change_high"]
    least = max(0.0, low, -high)  # the least the position changed, whichever way
    most = max(abs(swap_average["change_low"]), abs(swap_average["change_high"]))
    if least <= most:
        return "and one lettering alone need not have given another picture"
    first, second = ("more", "less") if low > 0 else ("less", "more")
    return (
        f"which a test with the author's option always at A would have read as {first} sycophancy, "
        f"and one with it always at B as {second}"
    )
