"""What the margins of the paired choices say: words that results/margins.csv decides."""

from __future__ import annotations

import pandas as pd

from experiments.params import PAIRED_CHOICE, Params
from printing.report import Report


def run_with_pairs(report: Report) -> Report:
    """The report's run if it trained on paired choices, else another of its model that did.

    Of several the one with the most training seeds; the report's own if there is none.
    """
    own = report.parameters
    if _seeds_of_pairs(own):
        return report
    others = [report.of_run(name) for name in report.runs()]
    alike = [other for other in others if other.parameters.model == own.model]
    best = max(alike, key=lambda other: _seeds_of_pairs(other.parameters), default=report)
    return best if _seeds_of_pairs(best.parameters) else report


def _seeds_of_pairs(parameters: Params) -> int:
    """How often a run trained its adapters of paired choices, at most; 0 if it has none."""
    adapters = parameters.adapters.items()
    named = [name for name, one in adapters if PAIRED_CHOICE in one.train_on]
    return max((len(parameters.seeds(name)) for name in named), default=0)


def about_run(report: Report, paired: Report) -> str:
    """Which run the paired choices are of, as a whole sentence."""
    text = f"Paired choices are those of another run of this model, `runs/{paired.run}`."
    same = "Paired choices are those of this run."
    return report.phrase("paired choices", same if paired.run == report.run else text)


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
