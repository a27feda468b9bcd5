"""One file per task: from outcome rows to one value per item and measure.

Kept apart from the tasks so that a new measure needs no new evaluation.
"""

from collections.abc import Mapping
from types import ModuleType

import pandas as pd

from experiments.errors import OutcomeError
from experiments.measures import (
    answer,
    are_you_sure,
    feedback,
    gsm8k,
    hellaswag,
    lettered,
    paired_choice,
    published,
)

MEASURES: dict[str, ModuleType] = {
    "gsm8k": gsm8k,
    "mmlu": lettered,
    "hellaswag": hellaswag,
    "truthfulqa": lettered,
    "answer": answer,
    "are_you_sure": are_you_sure,
    "feedback": feedback,
    "paired_choice": paired_choice,
}
PROTOCOLS = {"controlled": MEASURES, "published": MEASURES | published.MEASURES}


def values(outcomes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Per-item values of every task, from a frame of outcome rows per task.

    Columns: model, seed, task, measure, id, cluster, value, unparsed, unit. OutcomeError if a task
    lacks a field or an arm that its measures read.
    """
    parts = []
    for task, rows in outcomes.items():
        try:
            parts.append(PROTOCOLS[rows["protocol"].iloc[0]][task].measures(rows))
        except KeyError as error:
            raise OutcomeError(
                f"the outcomes of {task} lack {error}, which its measures read; evaluate again"
            ) from None
    return pd.concat(parts, ignore_index=True)
