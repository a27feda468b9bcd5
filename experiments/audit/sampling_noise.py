"""Intervals for every published rate, and which published changes exceed sampling noise."""

from __future__ import annotations

import pandas as pd
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from experiments.audit.findings import Finding, holds, shown
from experiments.audit.reported import BASELINE, TESTS, Reported, row


def wilson(
    count: pd.Series, n: pd.Series, confidence: float
) -> tuple[pd.Series, pd.Series]:
    """Wilson score intervals (Wilson 1927) of `count` in `n`."""
    return proportion_confint(count, n, alpha=1 - confidence, method="wilson")


def rates(reported: Reported) -> pd.DataFrame:
    """Every published rate with its published (Wald) interval and its Wilson interval."""
    table = reported.rates
    low, high = wilson(table["count"], table["n"], reported.procedure["confidence"])
    return table.assign(
        score=table["score"].round(4),
        low=table["low"].round(4),
        high=table["high"].round(4),
        wilson_low=low.round(4),
        wilson_high=high.round(4),
        no_detection=table["no_detection"].astype("Int64"),
    ).drop(columns="ambiguous")


def changes(reported: Reported) -> pd.DataFrame:
    """Every published change with an unpaired interval and test.

    The replies of single items are not published, so the models are compared as if they had
    answered different items: Newcombe's hybrid score interval (Newcombe 1998, method 10) and
    Fisher's exact test. A paired comparison is narrower as long as the models tend to agree.
    `p_holm` is Holm's over all changes. Repeated texts are counted as independent here.
    """
    rows = []
    for adapter in reported.adapters:
        for test in reported.changes:
            before = row(reported.rates, BASELINE, test)
            after = row(reported.rates, adapter, test)
            rows.append(change(adapter, test, before, after, reported.procedure["confidence"]))
    table = pd.DataFrame(rows)
    table["p_holm"] = multipletests(table["p"], method="holm")[1]
    table["beyond_noise"] = (table["low"] > 0) | (table["high"] < 0)
    table["beyond_noise_holm"] = table["p_holm"] < 1 - reported.procedure["confidence"]
    return table.round({"change": 4, "low": 4, "high": 4, "p": 6, "p_holm": 6})


def change(
    adapter: str, test: str, before: pd.Series, after: pd.Series, confidence: float
) -> dict:
    """One adapter's change on one test, from the counts of two rows of `rates`."""
    low, high = confint_proportions_2indep(
        after["count"],
        after["n"],
        before["count"],
        before["n"],
        method="newcomb",
        compare="diff",
        alpha=1 - confidence,
    )
    outcomes = [[each["count"], each["n"] - each["count"]] for each in (after, before)]
    return {
        "adapter": adapter,
        "test": test,
        "n": after["n"],
        "change": after["count"] / after["n"] - before["count"] / before["n"],
        "low": low,
        "high": high,
        "p": fisher_exact(outcomes).pvalue,
    }


def findings(reported: Reported, rates: pd.DataFrame, changes: pd.DataFrame) -> list[Finding]:
    """Which published changes in sycophancy exceed what chance gives?"""
    return [
        wald_intervals(rates),
        sycophancy_changes(changes),
        gsm8k_feedback(changes),
        answer_falls(reported, changes),
    ]


def wald_intervals(rates: pd.DataFrame) -> Finding:
    """Published intervals against Wilson's."""
    published = rates[rates["low"].notna()]
    points = published[(published["low"] == published["high"])]
    highest = points["wilson_high"].max()
    return Finding(
        id="wald_intervals",
        said=f"Each of {len(published)} sycophancy rates has a confidence interval.",
        data=f"They are Wald intervals; {len(points)} of them, at a rate of zero, have no width. "
        f"Wilson's reach {highest:.4f} there.",
        verdict=holds(points.empty),
        numbers={
            "published": len(published),
            "no_width": len(points),
            "wilson_high_at_zero": highest,
        },
        n=len(published),
        source="per_adapter.csv",
    )


def sycophancy_changes(changes: pd.DataFrame) -> Finding:
    """Sycophancy is said to change systematically with what is trained."""
    tests = changes[changes["test"].isin(TESTS)]
    beyond = tests[tests["beyond_noise"]]
    strict = tests[tests["beyond_noise_holm"]]
    listed = ", ".join(f"{each.adapter} × {each.test}" for each in strict.itertuples())
    return Finding(
        id="sycophancy_changes",
        said=f"{len(tests)} changes in sycophancy are read as effects of training.",
        data=f"{len(beyond)} unpaired intervals exclude zero ({(beyond['change'] > 0).sum()} "
        f"rises, {(beyond['change'] < 0).sum()} falls); {len(strict)} after Holm over all "
        f"{len(changes)} changes{f' ({listed})' if listed else ''}.",
        verdict=shown(len(beyond) == len(tests)),
        numbers={
            "changes": len(tests),
            "beyond_noise": len(beyond),
            "rises": int((beyond["change"] > 0).sum()),
            "falls": int((beyond["change"] < 0).sum()),
            "beyond_noise_holm": len(strict),
        },
        n=int(tests["n"].min()),
        source="per_adapter.csv",
    )


def gsm8k_feedback(changes: pd.DataFrame) -> Finding:
    """GSM8K training is said to lower feedback sycophancy."""
    found = changes[(changes["adapter"] == "gsm8k") & (changes["test"] == "feedback")].iloc[0]
    return Finding(
        id="gsm8k_feedback",
        said=f"GSM8K training lowers feedback sycophancy ({found['change']:+.3f}).",
        data=f"The unpaired interval is {found['low']:+.3f} to {found['high']:+.3f} "
        f"(p = {found['p']:.2f}).",
        verdict=shown(found["high"] < 0),
        numbers={key: found[key] for key in ("change", "low", "high", "p")},
        n=int(found["n"]),
        source="per_adapter.csv",
    )


def answer_falls(reported: Reported, changes: pd.DataFrame) -> Finding:
    """Every adapter is said to lower answer sycophancy."""
    tests = changes[changes["test"] == "answer"]
    relative = 100 * tests["change"] / row(reported.rates, BASELINE, "answer")["score"]
    below = tests[tests["high"] < 0]
    return Finding(
        id="answer_falls",
        said="Every adapter lowers answer sycophancy by 30 to 40 %.",
        data=f"The falls are {-relative.max():.1f} to {-relative.min():.1f} %; "
        f"{len(below)} of {len(tests)} unpaired intervals exclude zero.",
        verdict=shown(len(below) == len(tests)),
        numbers={
            "smallest_fall_percent": -relative.max(),
            "greatest_fall_percent": -relative.min(),
            "beyond_noise": len(below),
            "adapters": len(tests),
        },
        n=int(tests["n"].min()),
        source="per_adapter.csv",
    )
