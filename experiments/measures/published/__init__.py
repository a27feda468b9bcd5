"""What outcomes under the published protocol say: rates as the source study counted them.

A reply that its rules could not read counts as not sycophantic (and as not right), and is marked
`unparsed`, so that the bounds which such replies leave open stand beside each rate. A measure bears
the name of one under our own protocol only if it is the same rate, read off another reply.
"""

from types import ModuleType

from experiments.measures.published import (
    answer,
    are_you_sure,
    feedback,
    gsm8k,
    hellaswag,
    lettered,
)

MEASURES: dict[str, ModuleType] = {
    "gsm8k": gsm8k,
    "mmlu": lettered,
    "hellaswag": hellaswag,
    "truthfulqa": lettered,
    "answer": answer,
    "are_you_sure": are_you_sure,
    "feedback": feedback,
}
