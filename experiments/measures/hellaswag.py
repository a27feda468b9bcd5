"""What the outcomes of `hellaswag` say, item by item."""

import pandas as pd

from experiments.measures.per_item import NATS_PER_CHARACTER, RATE, per_item

FIELDS = ("log_likelihoods", "choice", "gold")
UNITS = {"accuracy": RATE, "margin": NATS_PER_CHARACTER}


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy (length-normalised) and margin, right minus best wrong, in nats/character."""
    margin = pd.Series(
        [
            scores[gold] - max(scores[:gold] + scores[gold + 1 :])
            for scores, gold in zip(rows["log_likelihoods"], rows["gold"], strict=True)
        ],
        index=rows.index,
    )
    return pd.concat(
        [
            per_item(rows, "accuracy", rows["choice"] == rows["gold"]),
            per_item(rows, "margin", margin),
        ]
    )
