"""Adjusted p-values against statsmodels, and which tests make a family."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from experiments.errors import OutcomeError
from experiments.stats.correction import corrected
from tests.stats.frames import CONFIDENCE

PRIMARY = [{"task": "sure", "measure": "shift"}, {"task": "quiz", "measure": "odds", "model": "a"}]


@pytest.fixture
def table():
    generator = np.random.default_rng(1)
    rows = [
        {"model": model, "task": task, "measure": measure, "p": p}
        for (model, task, measure), p in zip(
            [(m, t, v) for m in "abc" for t in ("sure", "quiz") for v in ("shift", "odds")],
            generator.beta(0.4, 4, 12),
            strict=True,
        )
    ]
    return pd.DataFrame(rows)


def test_holm_over_primary_and_benjamini_hochberg_over_the_rest(table):
    found = corrected(table, PRIMARY, confidence=CONFIDENCE)
    primary = found.family == "primary"
    assert primary.sum() == 4
    for rows, method in ((primary, "holm"), (~primary, "fdr_bh")):
        expected = multipletests(table.p[rows], alpha=0.05, method=method)
        np.testing.assert_allclose(found.p_adjusted[rows], expected[1])
        np.testing.assert_array_equal(found.significant[rows], expected[0])
    pd.testing.assert_series_equal(found.p, table.p)


def test_missing_p_belongs_to_no_family(table):
    table.loc[[0, 2], "p"] = np.nan
    found = corrected(table, PRIMARY, confidence=CONFIDENCE)
    rows = (found.family == "primary") & found.p.notna()
    np.testing.assert_allclose(
        found.p_adjusted[rows], multipletests(table.p[rows], method="holm")[1]
    )
    assert found.p_adjusted[[0, 2]].isna().all()
    assert not found.significant[[0, 2]].any()


def test_no_p_at_all(table):
    found = corrected(table.assign(p=np.nan), PRIMARY, confidence=CONFIDENCE)
    assert found.p_adjusted.isna().all()


@pytest.mark.parametrize(
    "outcome", [{"task": "sure", "measure": "typo"}, {"task": "sure", "metric": "shift"}]
)
def test_primary_outcome_that_does_not_exist(table, outcome):
    with pytest.raises(OutcomeError, match="in no row of the results"):
        corrected(table, [outcome], confidence=CONFIDENCE)
