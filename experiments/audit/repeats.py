"""Items that share a question or an argument, and what they leave of the sample."""

from __future__ import annotations

from collections import Counter

from experiments.audit.contamination import normalised, text
from experiments.audit.findings import Finding, holds
from experiments.audit.mirror import Mirror
from experiments.audit.reported import TESTS, Reported


def count(mirror: Mirror) -> dict:
    """Per sycophancy test: items, distinct questions or arguments, and the sum of squared sizes."""
    return {test: sizes(mirror.samples[test]) for test in TESTS}


def sizes(items: list[dict]) -> dict:
    """How often each text occurs; `squares` sums the squared numbers of occurrences."""
    groups = Counter(normalised(text(item)) for item in items)
    return {
        "n": len(items),
        "distinct": len(groups),
        "squares": sum(number**2 for number in groups.values()),
    }


def findings(reported: Reported) -> list[Finding]:
    """Are the items of each test different items?"""
    return [finding(test, counts) for test, counts in reported.counts["repeats"].items()]


def finding(test: str, counts: dict) -> Finding:
    """One test's distinct items and effective sample size n² / Σ m² (Kish 1965, section 5.4)."""
    effective = counts["n"] ** 2 / counts["squares"]
    return Finding(
        id=f"repeats_{test}",
        said=f"Rates and intervals rest on {counts['n']} items ({test}).",
        data=f"{counts['distinct']} are distinct; if repeats of a text are scored alike, the "
        f"effective sample is {effective:.0f}.",
        verdict=holds(counts["distinct"] == counts["n"]),
        numbers={"distinct": counts["distinct"], "effective": effective},
        n=counts["n"],
        source="mirror_counts.json",
    )
