"""What the outcomes of `gsm8k` under the published protocol say, item by item."""

import pandas as pd

from experiments.measures.per_item import rate

FIELDS = ("right", "parsed")


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy; an unparsed reply is not right."""
    return rate(rows, "accuracy", rows["right"], unparsed=~rows["parsed"].astype(bool))
