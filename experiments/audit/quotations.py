"""Every number the study's prose quotes, against the cell it names and the cells it equals."""

from __future__ import annotations

import pandas as pd

from experiments.audit.findings import Finding, holds
from experiments.audit.reported import BASELINE, BENCHMARKS, NAMES, TESTS, Reported, cell_name
from experiments.errors import DataError

ANY = "any"
Cells = dict[tuple[str, str, str], float]  # (statistic, subject, test)


def cells(reported: Reported) -> Cells:
    """Every number the prose could name, from the published tables.

    Correlations are benchmark × test; rates model × test; changes and relative changes (percent of
    the baseline's rate) adapter × test; mean changes are over four benchmarks or three tests.
    """
    scores, changes = reported.scores, reported.changes
    table: Cells = {
        ("correlation", row.benchmark, row.test): row.published
        for row in reported.correlations.itertuples()
    }
    for model in scores.index:
        for test in (*BENCHMARKS, *TESTS):
            table["rate", model, test] = scores.loc[model, test]
    for adapter in reported.adapters:
        for test in (*BENCHMARKS, *TESTS):
            change, before = changes.loc[adapter, test], scores.loc[BASELINE, test]
            table["change", adapter, test] = change
            if before > 0:
                table["relative_change", adapter, test] = 100 * change / before
        means = changes.loc[adapter]
        table["mean_benchmark_change", adapter, "benchmarks"] = means[list(BENCHMARKS)].mean()
        table["mean_sycophancy_change", adapter, "sycophancy"] = means[list(TESTS)].mean()
    return table


def compare(reported: Reported) -> pd.DataFrame:
    """One row per quoted number: the cells it names, whether they lie in it, the cells it equals.

    A quoted number is an interval, most often of one point, widened by half its last decimal. It
    matches when all the cells it names lie inside. `equals` lists the cells of the same statistic
    that round to either of its ends, `another_cell` says whether one of them is not named.
    DataError if a quotation names no cell.
    """
    table = cells(reported)
    rows = [compare_one(quoted, table) for quoted in reported.quoted.itertuples()]
    return pd.DataFrame(rows)


def compare_one(quoted: tuple, table: Cells) -> dict:
    """One quotation, given as a row of `quoted.csv`, against the cells."""
    low, high = float(quoted.low), float(quoted.high)
    half = 0.5 * 10 ** -decimals(quoted.low) + 1e-9
    same = {key[1:]: value for key, value in table.items() if key[0] == quoted.statistic}
    named = {
        (subject, test): value
        for (subject, test), value in same.items()
        if quoted.subject in (ANY, subject) and quoted.test in (ANY, test)
    }
    if not named:
        raise DataError(
            f"quoted.csv: {quoted.id} names no published cell ({quoted.statistic}, "
            f"{quoted.subject}, {quoted.test}); mend its statistic, subject or test"
        )
    inside = sum(low - half <= value <= high + half for value in named.values())
    equals = [
        key for key, value in same.items() if min(abs(value - low), abs(value - high)) <= half
    ]
    return {
        "id": quoted.id,
        "document": quoted.document,
        "locator": quoted.locator,
        "statistic": quoted.statistic,
        "named": cell_name(quoted.subject, quoted.test),
        "quoted": quoted.low if quoted.low == quoted.high else f"{quoted.low} to {quoted.high}",
        "cells": len(named),
        "cells_inside": inside,
        "smallest": round(min(named.values()), 4),
        "largest": round(max(named.values()), 4),
        "equals": "; ".join(cell_name(*key) for key in equals),
        "another_cell": any(key not in named for key in equals),
        "verdict": str(holds(inside == len(named))),
    }


def decimals(number: str) -> int:
    """Decimals of a number as quoted."""
    return len(number.partition(".")[2])


def findings(reported: Reported, quoted: pd.DataFrame) -> list[Finding]:
    """Do the correlations, and the other numbers, of the prose stand in the tables?"""
    right = quoted["verdict"] == holds(True)
    correlation = quoted["statistic"] == "correlation"
    return [
        quoted_finding("quoted_correlations", "correlations", quoted[correlation]),
        quoted_finding("quoted_numbers", "other numbers", quoted[~correlation]),
        gsm8k_correlations(quoted[correlation], reported, right),
        protective_adapters(reported),
    ]


def quoted_finding(name: str, what: str, quoted: pd.DataFrame) -> Finding:
    """How many of the quotations are what the cells they name hold."""
    right = quoted["verdict"] == holds(True)
    elsewhere = int((~right & quoted["another_cell"]).sum())
    wrong = (
        f" Of the other {(~right).sum()}, {elsewhere} give another cell's value."
        if (~right).any()
        else ""
    )
    return Finding(
        id=name,
        said=f"The prose of {quoted['document'].nunique()} documents quotes {len(quoted)} {what}.",
        data=f"{right.sum()} of {len(quoted)} give the cell they name.{wrong}",
        verdict=holds(bool(right.all())),
        numbers={
            "quoted": len(quoted),
            "right": int(right.sum()),
            "of_another_cell": elsewhere,
        },
        n=len(quoted),
        source="quoted.csv, correlation_analysis.csv, complete_results.csv",
    )


def gsm8k_correlations(quoted: pd.DataFrame, reported: Reported, right: pd.Series) -> Finding:
    """GSM8K is said to correlate strongly and negatively with two tests."""
    named = ("are_you_sure", "feedback")
    values = reported.correlations.query("benchmark == 'gsm8k'").set_index("test")["published"]
    quoted = quoted[quoted["named"].str.startswith(NAMES["gsm8k"])]
    return Finding(
        id="gsm8k_correlations",
        said="GSM8K correlates strongly and negatively with are-you-sure and feedback ("
        f"{', '.join(sorted(set(quoted['quoted'])))}).",
        data="The published cells are "
        + " and ".join(f"{values[test]:+.3f} ({NAMES[test]})" for test in named)
        + f"; {right[quoted.index].sum()} of {len(quoted)} quotations give their cell.",
        verdict=holds(bool((values[list(named)] < 0).all())),
        numbers={f"gsm8k_{test}": values[test] for test in TESTS},
        n=len(reported.scores),
        source="quoted.csv, correlation_analysis.csv",
    )


def protective_adapters(reported: Reported) -> Finding:
    """GSM8K is said to be the only adapter with a net decrease in sycophancy."""
    means = reported.changes[list(TESTS)].mean(axis=1)
    below = means[means < 0]
    return Finding(
        id="only_protective_adapter",
        said="GSM8K is the only adapter whose mean sycophancy falls.",
        data=f"It falls for {len(below)} of {len(means)}: "
        f"{', '.join(f'{NAMES[adapter]} {mean:+.4f}' for adapter, mean in below.items())}.",
        verdict=holds(list(below.index) == ["gsm8k"]),
        numbers={f"mean_{adapter}": mean for adapter, mean in means.items()},
        n=len(means),
        source="performance_changes.csv",
    )
