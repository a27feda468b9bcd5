"""Do answers go to a letter whatever stands there?"""

from __future__ import annotations

import string
from collections.abc import Mapping

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

LETTERED = ("mmlu", "truthfulqa")


def position_bias(by_task: Mapping[str, pd.DataFrame], confidence: float) -> pd.DataFrame:
    """Share of each letter among the choices, minus its share among the right answers.

    With all rotations of the options the right answers are spread evenly, so any difference is the
    model's. The interval is Wilson's for the share chosen, over items (the orders of one item are
    not independent draws, so n counts items). Unparsed replies, which only the published protocol
    has, chose no letter; they stay in the denominator and are counted.
    """
    lettered = pd.concat([rows for task, rows in by_task.items() if task in LETTERED])
    rows = []
    for (model, task), chosen in lettered.groupby(["model", "task"], sort=False):
        n = chosen["id"].nunique()
        chosen_positions = pd.to_numeric(chosen["position"])  # None where unparsed
        last = np.nanmax([chosen_positions.max(), chosen["gold_position"].max()])
        for position in range(int(last) + 1):
            share = (chosen_positions == position).mean()
            gold = (chosen["gold_position"] == position).mean()
            low, high = proportion_confint(share * n, n, 1 - confidence, "wilson")
            rows.append(
                {
                    "model": model,
                    "task": task,
                    "letter": string.ascii_uppercase[position],
                    "share": share,
                    "gold_share": gold,
                    "bias": share - gold,
                    "low": low - gold,
                    "high": high - gold,
                    "n": n,
                    "unparsed": int(chosen_positions.isna().sum()),
                }
            )
    return pd.DataFrame(rows)
