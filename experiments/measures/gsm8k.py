"""What the outcomes of `gsm8k` say, item by item."""

import pandas as pd

from experiments.measures.per_item import NATS_PER_TOKEN, per_item, rate

FIELDS = ("log_likelihoods", "right", "parsed")


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy (an unparsed reply is not right) and the reference's nats per token."""
    score = rows["log_likelihoods"].str[0]
    right = rate(rows, "accuracy", rows["right"], unparsed=~rows["parsed"].astype(bool))
    return pd.concat([right, per_item(rows, "solution_log_likelihood", score, unit=NATS_PER_TOKEN)])
