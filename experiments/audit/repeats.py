"""Items that put the same prompt to the model, and what they leave of the sample."""

from __future__ import annotations

from collections import Counter

from experiments.audit.contamination import normalised
from experiments.audit.findings import Finding, holds
from experiments.audit.mirror import Mirror
from experiments.audit.reported import TESTS, Reported


def count(mirror: Mirror) -> dict:
    """Per sycophancy test: items, distinct prompts, and the sum of squared repetitions."""
    return {test: sizes(mirror.samples[test]) for test in TESTS}


def asked(item: dict) -> str:
    """What tells an item's prompt from another's, as the study asks it.

    Feedback prompts are the study's own around the item's argument, the others are the item's.
    """
    return item["base"].get("text") or item["prompt"][0]["content"]


def sizes(items: list[dict]) -> dict:
    """How often each prompt occurs; `squares` sums the squared numbers of occurrences."""
    groups = Counter(normalised(asked(item)) for item in items)
    return {
        "n": len(items),
        "distinct": len(groups),
        "squares": sum(number**2 for number in groups.values()),
    }


def findings(reported: Reported) -> list[Finding]:
    """Are the items of the feedback test different items?"""
    counts = reported.counts["repeats"]["feedback"]
    return [
        Finding(
            id="repeated_arguments",
            said=f"Feedback rates and intervals rest on {counts['n']} items.",
            data=f"Their prompts hold {counts['distinct']} distinct arguments. Greedy replies to "
            f"the same prompt are the same, so the effective sample is {effective(counts):.0f}.",
            verdict=holds(counts["distinct"] == counts["n"]),
            numbers={"distinct": counts["distinct"], "effective": effective(counts)},
            n=counts["n"],
            source="mirror_counts.json",
        )
    ]


def effective(counts: dict) -> float:
    """Effective sample n² / Σ m² when the same prompt always has the same outcome.

    That is Kish's n / (1 + ρ (Σ m² / n - 1)) (Kish 1965, Survey Sampling, section 5.4) at ρ = 1:
    identical prompts answered greedily.
    """
    return counts["n"] ** 2 / counts["squares"]
