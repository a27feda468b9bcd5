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
MASS = "mass_"
PROTOCOLS = {"controlled": MEASURES, "published": MEASURES | published.MEASURES}


def values(outcomes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Per-item values of every task, from a frame of outcome rows per task.

    Columns: model, seed, task, id, cluster, frame, measure, value, unparsed, unit; a row per item
    and frame. OutcomeError if a task lacks a field or an arm that its measures read.
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


def arms_read(protocol: str, task: str, measure: str) -> tuple[str, ...]:
    """The arms whose replies a measure reads; none where texts are scored or replies generated."""
    return getattr(PROTOCOLS[protocol][task], "READS", {}).get(measure, ())


def readability(values: pd.DataFrame, protocol: str, least: float) -> dict[tuple, bool]:
    """Whether (model, task, measure) may be read: enough mass on the replies in every arm it reads.

    The mean over items of the probability of the offered replies must be at least `least`.
    """
    masses = values[values["measure"].str.startswith(MASS)]
    means = masses.groupby(["model", "task", "measure"])["value"].mean().to_dict()
    cells = values[["model", "task", "measure"]].drop_duplicates()
    return {
        (model, task, measure): all(
            means[model, task, f"{MASS}{arm}"] >= least
            for arm in arms_read(protocol, task, measure)
        )
        for model, task, measure in cells.itertuples(index=False)
    }
