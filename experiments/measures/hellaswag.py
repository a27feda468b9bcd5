"""What the outcomes of `hellaswag` say, item by item."""

import pandas as pd

from experiments.measures.per_item import NATS_PER_CHARACTER, per_item, rate

FIELDS = ("log_likelihoods", "choice", "gold")


def measures(rows: pd.DataFrame, unit: str = NATS_PER_CHARACTER) -> pd.DataFrame:
    """Accuracy (length-normalised) and margin: right ending minus the best wrong one."""
    margin = pd.Series(
        [
            scores[gold] - max(scores[:gold] + scores[gold + 1 :])
            for scores, gold in zip(rows["log_likelihoods"], rows["gold"], strict=True)
        ],
        index=rows.index,
    )
    return pd.concat(
        [
            rate(rows, "accuracy", rows["choice"] == rows["gold"]),
            per_item(rows, "margin", margin, unit=unit),
        ]
    )
