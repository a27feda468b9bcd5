"""What the outcomes of `gsm8k` say, item by item."""

import pandas as pd

from experiments.measures.per_item import NATS_PER_TOKEN, per_item, rate

FIELDS = ("log_likelihoods", "right", "parsed")
READS: dict[str, tuple[str, ...]] = {}  # whether a reply could be read is `parsed`


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """`accuracy`: whether the reply's final number is the solution's; unparsed counts as wrong.

    `solution_log_likelihood`: log-likelihood of the reference solution, per token.
    `solution_margin`: the same minus that of another problem's solution; 0 for whoever does not
    read the problem.
    """
    own, other = rows["log_likelihoods"].str[0], rows["log_likelihoods"].str[1]
    return pd.concat(
        [
            rate(rows, "accuracy", rows["right"], unparsed=~rows["parsed"].astype(bool)),
            per_item(rows, "solution_log_likelihood", own, unit=NATS_PER_TOKEN),
            per_item(rows, "solution_margin", own - other, unit=NATS_PER_TOKEN),
        ]
    )
