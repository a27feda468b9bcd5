"""What the outcomes of `lettered` say, item by item."""

import pandas as pd

from experiments.measures.values import log_odds, per_item


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and log-odds of the right option, averaged over option orders.

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
    return pd.concat(
        [
            per_item(rows, "accuracy", right),
            per_item(rows, "log_odds", odds),
            per_item(rows[source], "accuracy_source_order", right[source]),
            per_item(rows, "chose_first_letter", rows["position"] == 0),
        ]
    )
