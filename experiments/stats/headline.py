"""The one rate per benchmark and test (analyze.headline), as the source study's tables list it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from experiments.params import BENCHMARKS, SYCOPHANCY_TESTS
from experiments.tables import CHANGES


def headline_measures(headline: Mapping[str, str]) -> tuple[list, list]:
    """(task, measure) of the benchmarks and of the sycophancy tests."""
    return tuple(
        [(task, headline[task]) for task in tasks] for tasks in (BENCHMARKS, SYCOPHANCY_TESTS)
    )


def performance_changes(effects: pd.DataFrame, headline: Mapping[str, str]) -> pd.DataFrame:
    """One row per adapter: the change of each rate with its bounds and n."""
    return by_model(effects, headline, CHANGES, ("n",))


def complete_results(
    estimates: pd.DataFrame, changes: pd.DataFrame, headline: Mapping[str, str]
) -> pd.DataFrame:
    """One row per model: each rate with its bounds, n and unparsed count, and its change."""
    rates = by_model(estimates, headline, {task: task for task in headline}, ("n", "unparsed"))
    return rates.merge(changes[["adapter_name", *CHANGES.values()]], on="adapter_name", how="left")


def by_model(
    table: pd.DataFrame,
    headline: Mapping[str, str],
    names: Mapping[str, str],
    counts: tuple[str, ...],
) -> pd.DataFrame:
    """The headline cells of a long table side by side; a test's number is called `names[test]`.

    What no model has is empty.
    """
    rows: dict[str, dict] = {model: {"adapter_name": model} for model in table["model"].unique()}
    for cell in table.itertuples():
        if headline.get(cell.task) == cell.measure:
            name = names[cell.task]
            rows[cell.model] |= {
                name: cell.estimate,
                f"{name}_low": cell.low,
                f"{name}_high": cell.high,
                **{f"{cell.task}_{count}": getattr(cell, count) for count in counts},
            }
    columns = ["adapter_name"]
    for task, name in names.items():
        columns += [name, f"{name}_low", f"{name}_high", *(f"{task}_{count}" for count in counts)]
    return pd.DataFrame(rows.values()).reindex(columns=columns)


def metrics(estimates: pd.DataFrame, headline: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """model -> task -> headline rate, for `dvc metrics diff`."""
    content: dict[str, dict[str, float]] = {}
    for cell in estimates.itertuples():
        if headline.get(cell.task) == cell.measure:
            content.setdefault(cell.model, {})[cell.task] = cell.estimate
    return content
