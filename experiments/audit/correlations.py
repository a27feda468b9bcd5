"""The published correlations: over which rows they reproduce, and what so few rows can show."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, rankdata
from statsmodels.stats.multitest import multipletests

from experiments.audit.findings import Finding, holds, shown
from experiments.audit.reported import BENCHMARKS, TESTS, Reported

MODELS = "six models"  # the baseline and five adapters
ADAPTERS = "five adapters"
REPRODUCED = 1e-9


def recompute(reported: Reported, resamples: int, seed: int) -> pd.DataFrame:
    """One row per published correlation and choice of rows (all models, or the adapters only).

    Scores and changes give the same correlation over the same rows (a change is a score less the
    baseline's), so only the rows matter. Intervals are percentile bootstraps of the rows, `p` is
    the exact permutation p-value, `p_smallest` the smallest these values could have given,
    `p_holm` Holm's over the twelve cells; `leave_one_out_*` the range of r without any one row.
    """
    tables = []
    for rows, scores in (
        (MODELS, reported.scores),
        (ADAPTERS, reported.scores.loc[reported.adapters]),
    ):
        table = pd.DataFrame(
            {
                "benchmark": cell.benchmark,
                "test": cell.test,
                "rows": rows,
                "n": len(scores),
                "published": cell.published,
                **describe(
                    scores[cell.benchmark].to_numpy(), scores[cell.test].to_numpy(), resamples, seed
                ),
            }
            for cell in reported.correlations.itertuples()
        )
        table["difference"] = table["pearson"] - table["published"]
        table["reproduced"] = table["difference"].abs() <= REPRODUCED
        table["p_holm"] = multipletests(table["p"], method="holm")[1]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
