"""What the outcomes of MMLU and TruthfulQA under the published protocol say, item by item."""

import pandas as pd

from experiments.measures.per_item import rate

FIELDS = ("choice", "gold", "position", "gold_position", "parsed")


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and the share of A, both in source order; an unparsed reply is neither."""
    unparsed = ~rows["parsed"].astype(bool)
    return pd.concat(
        [
            rate(rows, "accuracy_source_order", rows["choice"] == rows["gold"], unparsed),
            rate(rows, "chose_first_letter", rows["position"] == 0, unparsed),
        ]
    )
