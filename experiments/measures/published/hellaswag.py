"""What the outcomes of `hellaswag` under the published protocol say, item by item.

Every ending is scored here too, but per token, as the source study normalised.
"""

from functools import partial

from experiments.measures import hellaswag
from experiments.measures.per_item import NATS_PER_TOKEN

FIELDS = hellaswag.FIELDS
measures = partial(hellaswag.measures, unit=NATS_PER_TOKEN)
