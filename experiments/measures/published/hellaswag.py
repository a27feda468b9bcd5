"""What the outcomes of `hellaswag` under the published protocol say, item by item.

Every ending is scored here too, but per token, as the source study normalised.
"""

from experiments.measures import hellaswag
from experiments.measures.per_item import NATS_PER_TOKEN

FIELDS, measures = hellaswag.FIELDS, hellaswag.measures
UNITS = hellaswag.UNITS | {"margin": NATS_PER_TOKEN}
