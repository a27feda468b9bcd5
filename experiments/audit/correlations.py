"""The published correlations: over which rows they reproduce, and what so few rows can show."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import pearsonr
from statsmodels.stats.multitest import multipletests

from experiments.audit.findings import Finding, holds, shown
from experiments.audit.reported import BASELINE, Reported, cell_name
from experiments.stats.correlation import correlate

MODELS = "six models"  # the baseline and five adapters
ADAPTERS = "five adapters"
REPRODUCED = 1e-9


def recompute(reported: Reported, resamples: int, seed: int) -> pd.DataFrame:
    """One row per published correlation and choice of rows (all models, or the adapters only).

    Scores and changes give the same correlation over the same rows (a change is a score less the
    baseline's), so only the rows matter. Interval, exact permutation p and the smallest p that
    these values allow are those of experiments/stats/correlation.py; `p_holm` is Holm's over the
    twelve cells, `leave_one_out_low` and `_high` the range of r without any one row.
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
                    scores[cell.benchmark].to_numpy(),
                    scores[cell.test].to_numpy(),
                    resamples=resamples,
                    seed=seed,
                    confidence=reported.procedure["confidence"],
                ),
            }
            for cell in reported.correlations.itertuples()
        )
        table["reproduced"] = (table["pearson"] - table["published"]).abs() <= REPRODUCED
        table["p_holm"] = multipletests(table["p"], method="holm")[1]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def describe(
    x: np.ndarray, y: np.ndarray, *, resamples: int, seed: int, confidence: float
) -> dict[str, float]:
    """Pearson and Spearman of two short vectors with exact permutation p and Fisher's interval."""
    found = correlate(x, y, confidence=confidence, resamples=resamples, seed=seed)
    pearson, spearman = (
        found[found["coefficient"] == name].iloc[0] for name in ("pearson", "spearman")
    )
    without = [pearsonr(np.delete(x, i), np.delete(y, i)).statistic for i in range(len(x))]
    return {
        "pearson": pearson["estimate"],
        "low": pearson["low"],
        "high": pearson["high"],
        "p": pearson["p"],
        "p_smallest": pearson["smallest_p"],
        "spearman": spearman["estimate"],
        "spearman_p": spearman["p"],
        "leave_one_out_low": min(without),
        "leave_one_out_high": max(without),
    }


def findings(reported: Reported, table: pd.DataFrame) -> list[Finding]:
    """Do the correlations reproduce, and do they show a relation?"""
    return [reproduction(reported, table), evidence(reported, table), baseline_row(table)]


def reproduction(reported: Reported, table: pd.DataFrame) -> Finding:
    """The twelve cells over either choice of rows."""
    by_rows = table.groupby("rows")["reproduced"].sum()
    cells = len(reported.correlations)
    gap = scores_against_changes(reported)
    models = table[table["rows"] == MODELS]
    return Finding(
        id="correlations_reproduce",
        said=f"{cells} correlations between performance and sycophancy are published.",
        data=f"{by_rows[MODELS]} reproduce over {MODELS}, the baseline among them, and "
        f"{by_rows[ADAPTERS]} over the {ADAPTERS}. Scores and changes give "
        f"{'the same' if gap <= REPRODUCED else 'different values'}.",
        verdict=holds(bool(models["reproduced"].all())),
        numbers={
            "cells": cells,
            "over_models": int(by_rows[MODELS]),
            "over_adapters": int(by_rows[ADAPTERS]),
            "scores_against_changes": gap,
        },
        n=len(reported.scores),
        source="correlation_analysis.csv, complete_results.csv",
    )


def scores_against_changes(reported: Reported) -> float:
    """Largest difference between correlations of scores and of changes over the same rows.

    The baseline's changes are zero. Zero up to rounding: a change is a score less a constant.
    """
    unchanged = pd.DataFrame(0.0, index=[BASELINE], columns=reported.changes.columns)
    models = pd.concat([unchanged, reported.changes])
    gaps = [
        reported.scores.loc[rows.index].corr() - rows.corr() for rows in (models, reported.changes)
    ]
    return float(max(gap.abs().to_numpy().max() for gap in gaps))


def evidence(reported: Reported, table: pd.DataFrame) -> Finding:
    """Strong correlations are read as a relation between training and sycophancy."""
    alpha = 1 - reported.procedure["confidence"]
    models, adapters = (table[table["rows"] == rows] for rows in (MODELS, ADAPTERS))
    floor = adapters["p_smallest"].min()
    excluding = int(((table["low"] > 0) | (table["high"] < 0)).sum())
    return Finding(
        id="correlations_evidence",
        said="The correlations show that training on a benchmark drives or lowers sycophancy.",
        data=f"Permutation p-values below {alpha:.2f}: {(models['p'] < alpha).sum()} of "
        f"{len(models)} over {MODELS} (smallest {models['p'].min():.3f}), "
        f"{(models['p_holm'] < alpha).sum()} after Holm, and {(adapters['p'] < alpha).sum()} of "
        f"{len(adapters)} over the {ADAPTERS}, which allow none below {floor:.3f} "
        f"({len(adapters) * floor:.2f} after Holm). Intervals that exclude zero: "
        f"{excluding} of {len(table)}.",
        verdict=shown(bool((table["p_holm"] < alpha).any())),
        numbers={
            "below_alpha_models": int((models["p"] < alpha).sum()),
            "below_alpha_models_holm": int((models["p_holm"] < alpha).sum()),
            "below_alpha_adapters": int((adapters["p"] < alpha).sum()),
            "smallest_p_models": models["p"].min(),
            "smallest_p_adapters": adapters["p"].min(),
            "smallest_possible_models": models["p_smallest"].min(),
            "smallest_possible_adapters": floor,
            "intervals": len(table),
            "intervals_excluding_zero": excluding,
            "intervals_of_full_range": int(((table["low"] <= -1) & (table["high"] >= 1)).sum()),
        },
        n=int(models["n"].iloc[0]),
        source="complete_results.csv",
    )


def baseline_row(table: pd.DataFrame) -> Finding:
    """How much of the correlation with GSM8K comes from the one untrained model."""
    cell = table[(table["benchmark"] == "gsm8k") & (table["test"] == "answer")].set_index("rows")
    wide = table.pivot(index=["benchmark", "test"], columns="rows", values="pearson")
    moved = (wide[MODELS] - wide[ADAPTERS]).abs()
    flipped = int((wide[MODELS] * wide[ADAPTERS] < 0).sum())
    models = table[table["rows"] == MODELS]
    unstable = int((models["leave_one_out_low"] * models["leave_one_out_high"] < 0).sum())
    return Finding(
        id="correlations_baseline_row",
        said="The correlations describe the differences between adapters "
        f"({cell_name('gsm8k', 'answer')}: {cell.loc[MODELS, 'pearson']:+.3f}).",
        data="Without the row of the untrained baseline that cell is "
        f"{cell.loc[ADAPTERS, 'pearson']:+.3f}; the cells move by up to {moved.max():.2f} and "
        f"{flipped} of {len(wide)} change sign.",
        verdict=shown(flipped == 0),
        numbers={
            "models": cell.loc[MODELS, "pearson"],
            "adapters": cell.loc[ADAPTERS, "pearson"],
            "largest_move": moved.max(),
            "sign_changes": flipped,
            "sign_changes_without_any_one": unstable,
        },
        n=int(cell["n"].min()),
        source="complete_results.csv",
    )
