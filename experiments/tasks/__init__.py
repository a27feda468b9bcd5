"""One file per benchmark and per sycophancy test: how an item is asked, how a reply is scored.

Every task module has `protocol(item, settings)`, a generator of requests that returns outcome
rows; a benchmark also has `example(item, order)`, what an adapter is trained on. What the rows
mean is in experiments/measures/. How the source study asked is in experiments/tasks/published/.
"""

from types import ModuleType

from experiments.tasks import (
    answer,
    are_you_sure,
    feedback,
    gsm8k,
    hellaswag,
    mmlu,
    paired_choice,
    published,
    truthfulqa,
)

TASKS: dict[str, ModuleType] = {
    "gsm8k": gsm8k,
    "mmlu": mmlu,
    "hellaswag": hellaswag,
    "truthfulqa": truthfulqa,
    "answer": answer,
    "are_you_sure": are_you_sure,
    "feedback": feedback,
    "paired_choice": paired_choice,
}
PROTOCOLS = {"controlled": TASKS, "published": TASKS | published.TASKS}
