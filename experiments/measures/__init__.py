"""One file per task: from outcome rows to one value per item and measure.

Kept apart from the tasks so that a new measure needs no new evaluation.
"""

from types import ModuleType

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
