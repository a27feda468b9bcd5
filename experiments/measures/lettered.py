"""What the outcomes of a lettered benchmark (MMLU, TruthfulQA) say, item by item."""

import numpy as np
import pandas as pd

from experiments.measures.per_item import log_odds, nats, rate

FIELDS = ("log_likelihoods", "choice", "gold", "position", "gold_position")


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and log-odds of the right option, averaged over option orders.

    `accuracy` is the mean over orders, so a policy that ignores the content scores chance.
    `accuracy_pooled` chooses once per item, by the log-likelihoods averaged over its orders, which
    takes the liking for a letter out (cyclic permutation debiasing, Zheng et al. 2024, section 3).
    `accuracy_source_order` reads order 0 alone: the options as the source lists them.
    """
    right = rows["choice"] == rows["gold"]
    odds = pd.Series(
        [
            log_odds(scores, gold)
            for scores, gold in zip(rows["log_likelihoods"], rows["gold"], strict=True)
        ],
        index=rows.index,
    )
    source = rows["order"] == 0
    chosen = rows.groupby(["model", "seed", "id"])["log_likelihoods"].agg(
        lambda orders: int(np.argmax(np.mean(list(orders), axis=0)))
    )
    keys = pd.MultiIndex.from_frame(rows[["model", "seed", "id"]])
    pooled = pd.Series(chosen.loc[keys].to_numpy() == rows["gold"].to_numpy(), index=rows.index)
    return pd.concat(
        [
            rate(rows, "accuracy", right),
            rate(rows, "accuracy_pooled", pooled),
            nats(rows, "log_odds", odds),
            rate(rows[source], "accuracy_source_order", right[source]),
            rate(rows, "chose_first_letter", rows["position"] == 0),
        ]
    )
