"""What the outcomes of a lettered benchmark (MMLU, TruthfulQA) say, item by item."""

import numpy as np
import pandas as pd

from experiments.measures.per_item import masses, rate, share

FIELDS = ("log_likelihoods", "mass", "choice", "gold", "position", "gold_position")
READS = dict.fromkeys(
    ("accuracy", "accuracy_pooled", "probability", "accuracy_source_order", "chose_first_letter"),
    ("neutral",),
)


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and probability of the right option, over the option orders of an item.

    `accuracy`: share of orders in which the likeliest letter is the right one.
    `probability`: probability of the right option among those offered, mean over orders.
    `accuracy_pooled`: whether the right option has the highest such mean of all (cyclic
    permutation, Zheng et al. 2024, section 3). Orders are all rotations, so each option stands
    under each letter once, and whoever ignores the content scores 1 over the number of options in
    each of the three; of equal means, each counts as its part of one.
    `accuracy_source_order`: order 0 alone, the options as the source lists them.
    `chose_first_letter`: share of orders in which the likeliest letter is A.
    `mass_neutral`: probability of all offered letters together.
    """
    right = rows["choice"] == rows["gold"]
    shares = rows["log_likelihoods"].map(
        lambda scores: np.array([share(scores, option) for option in range(len(scores))])
    )
    own = pd.Series(
        [of[gold] for of, gold in zip(shares, rows["gold"], strict=True)], index=rows.index
    )
    keys = ["model", "seed", "id"]
    best = rows[keys].assign(shares=shares).groupby(keys)["shares"].agg(likeliest)
    pooled = [
        (gold in options) / len(options)
        for options, gold in zip(
            best.loc[pd.MultiIndex.from_frame(rows[keys])], rows["gold"], strict=True
        )
    ]
    source = rows["order"] == 0
    return pd.concat(
        [
            rate(rows, "accuracy", right),
            rate(rows, "accuracy_pooled", pd.Series(pooled, index=rows.index)),
            rate(rows, "probability", own),
            rate(rows[source], "accuracy_source_order", right[source]),
            rate(rows, "chose_first_letter", rows["position"] == 0),
            masses(rows),
        ]
    )


def likeliest(orders: pd.Series) -> list[int]:
    """The options with the highest mean probability; equal in exact arithmetic, equal here."""
    means = np.round(np.mean(list(orders), axis=0), 9)
    return np.flatnonzero(means == means.max()).tolist()
