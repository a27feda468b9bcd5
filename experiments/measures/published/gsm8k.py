"""What the outcomes of `gsm8k` under the published protocol say, item by item."""

import pandas as pd

from experiments.measures.per_item import RATE, per_item

FIELDS = ("right", "parsed")
UNITS = {"accuracy": RATE}


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy; an unparsed reply is not right."""
    return per_item(rows, "accuracy", rows["right"], unparsed=~rows["parsed"].astype(bool))
