"""What the outcomes of `hellaswag` say, item by item."""

import pandas as pd

from experiments.measures.per_item import NATS_PER_CHARACTER, per_item, rate

FIELDS = ("log_likelihoods", "choice", "gold")
READS: dict[str, tuple[str, ...]] = {}  # endings are scored, and no reply is read


def measures(rows: pd.DataFrame, unit: str = NATS_PER_CHARACTER) -> pd.DataFrame:
    """`accuracy`: whether the right ending has the highest log-likelihood per character.

    `margin`: that of the right ending minus the mean of the wrong ones'; 0 if they are told apart
    no better than by chance.
    """
    margin = pd.Series(
        [
            scores[gold] - (sum(scores) - scores[gold]) / (len(scores) - 1)
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
