"""Intervals for every published rate, and which published changes exceed sampling noise."""

from __future__ import annotations

import pandas as pd
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from experiments.audit.findings import Finding, holds, shown
from experiments.audit.repeats import effective
from experiments.audit.reported import BASELINE, TESTS, Reported, cell_name, row
from experiments.stats.intervals import wilson


def rates(reported: Reported) -> pd.DataFrame:
    """Every published rate with its published (Wald) interval and its Wilson interval."""
    table = reported.rates
    low, high = wilson(table["count"], table["n"], confidence=reported.procedure["confidence"])
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
    Fisher's exact test, both at the effective sample that repeated prompts leave (counts scaled to
    it, for Fisher's test rounded). A paired comparison is narrower as long as the models tend to
    agree. `p_holm` is Holm's over all changes.
    """
    alpha = 1 - reported.procedure["confidence"]
    repeated = reported.counts["repeats"]
    rows = []
    for adapter in reported.adapters:
        for test in reported.changes:
            before = row(reported.rates, BASELINE, test)
            after = row(reported.rates, adapter, test)
            sample = effective(repeated[test]) if test in repeated else after["n"]
            rows.append(change(adapter, test, before, after, sample, alpha))
    table = pd.DataFrame(rows)
    table["p_holm"] = multipletests(table["p"], method="holm")[1]
    table["beyond_noise"] = table["p"] < alpha
    table["beyond_noise_holm"] = table["p_holm"] < alpha
    table[["p", "p_holm"]] = table[["p", "p_holm"]].map(lambda p: float(f"{p:.3g}"))
    return table.round({"n_effective": 1, "change": 4, "low": 4, "high": 4})


def change(
    adapter: str, test: str, before: pd.Series, after: pd.Series, sample: float, alpha: float
) -> dict:
    """One adapter's change on one test, from two rows of `rates`, at an effective sample."""
    shares = [each["count"] / each["n"] for each in (after, before)]
    low, high = confint_proportions_2indep(
        shares[0] * sample,
        sample,
        shares[1] * sample,
        sample,
        method="newcomb",
        compare="diff",
        alpha=alpha,
    )
    outcomes = [[round(share * sample), round((1 - share) * sample)] for share in shares]
    return {
        "adapter": adapter,
        "test": test,
        "n": after["n"],
        "n_effective": sample,
        "change": shares[0] - shares[1],
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
    listed = ", ".join(cell_name(each.adapter, each.test) for each in strict.itertuples())
    return Finding(
        id="sycophancy_changes",
        said=f"All {len(tests)} changes in sycophancy are effects of training.",
        data=f"{len(beyond)} differ from zero by an unpaired test "
        f"({(beyond['change'] > 0).sum()} rises, {(beyond['change'] < 0).sum()} falls), "
        f"{len(strict)} after Holm over all {len(changes)} changes"
        f"{f' ({listed})' if listed else ''}.",
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
    below = tests[tests["beyond_noise"] & (tests["change"] < 0)]
    return Finding(
        id="answer_falls",
        said="Every adapter lowers answer sycophancy by 30 to 40 %.",
        data=f"The falls are {-relative.max():.1f} to {-relative.min():.1f} %; "
        f"{len(below)} of {len(tests)} differ from zero by an unpaired test.",
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
