"""Multiple testing: Holm for the outcomes declared beforehand, Benjamini–Hochberg elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from experiments.errors import OutcomeError


def corrected(
    table: pd.DataFrame,
    primary: Sequence[Mapping[str, str]],
    *,
    confidence: float,
) -> pd.DataFrame:
    """The table with `family`, `p_adjusted` and `significant` after its columns.

    `primary` lists the pre-declared outcomes as column: value pairs; one that leaves a column out
    ({task, measure} without model) means every row that matches. Those rows are one family,
    adjusted by Holm (1979), which controls the chance of any false finding; all others are
    "exploratory", adjusted by Benjamini and Hochberg (1995), which controls the expected share of
    false findings. Rows whose p is NaN belong to no test and are not counted. Raises OutcomeError
    if a primary outcome matches no row, since a test that is quietly dropped is not pre-declared.
    """
    is_primary = np.zeros(len(table), bool)
    for outcome in primary:
        unknown = sorted(set(outcome) - set(table.columns))
        matches = np.ones(len(table), bool)
        for column, value in outcome.items():
            if not unknown:
                matches &= (table[column] == value).to_numpy()
        if unknown or not matches.any():
            wanted = ", ".join(f"{key} {value}" for key, value in outcome.items())
            raise OutcomeError(
                f"the primary outcome {wanted} is in no row of the results; mend its names or "
                "evaluate it"
            )
        is_primary |= matches
    raw = table["p"].to_numpy(float)
    adjusted = np.full(len(table), np.nan)
    for rows, method in ((is_primary, "holm"), (~is_primary, "fdr_bh")):
        tested = rows & ~np.isnan(raw)
        if tested.any():
            adjusted[tested] = multipletests(raw[tested], alpha=1 - confidence, method=method)[1]
    return table.assign(
        family=np.where(is_primary, "primary", "exploratory"),
        p_adjusted=adjusted,
        significant=adjusted <= 1 - confidence,
    )
