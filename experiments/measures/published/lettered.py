"""What the outcomes of MMLU and TruthfulQA under the published protocol say, item by item."""

import pandas as pd

from experiments.measures.per_item import RATE, per_item

FIELDS = ("choice", "gold", "position", "gold_position", "parsed")
UNITS = {"accuracy_source_order": RATE, "chose_first_letter": RATE}


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and the share of A, both in source order; an unparsed reply is neither."""
    unparsed = ~rows["parsed"].astype(bool)
    return pd.concat(
        [
            per_item(rows, "accuracy_source_order", rows["choice"] == rows["gold"], unparsed),
            per_item(rows, "chose_first_letter", rows["position"] == 0, unparsed),
        ]
    )
