"""Questions of the sycophancy tests that also stand in the benchmark splits."""

from __future__ import annotations

from experiments.audit.findings import Finding, holds
from experiments.audit.mirror import SPLITS, Mirror
from experiments.audit.reported import BENCHMARKS, NAMES, TESTS, Reported


def count(mirror: Mirror) -> dict:
    """Per sycophancy test: its items, and how many have their question in each benchmark split."""
    return {
        test: {
            "n": len(mirror.samples[test]),
            **{
                split: {
                    benchmark: shared(mirror.samples[test], mirror.rows[split, benchmark])
                    for benchmark in BENCHMARKS
                }
                for split in SPLITS
            },
        }
        for test in TESTS
    }


def shared(items: list[dict], rows: list[dict]) -> int:
    """How many items ask a question of `rows`; case and white space do not matter."""
    known = {normalised(row.get("question", row.get("ctx"))) for row in rows}
    return sum(normalised(text(item)) in known for item in items)


def text(item: dict) -> str:
    """What an item is about: its question, or the argument of a feedback item."""
    return item["base"].get("question", item["base"].get("text"))


def normalised(words: str) -> str:
    """Lower case, single spaces."""
    return " ".join(words.split()).lower()


def findings(reported: Reported) -> list[Finding]:
    """Were the models tested on questions they were trained on?"""
    return [
        finding(test, reported.counts["contamination"][test])
        for test in TESTS
        if test != "feedback"  # its arguments come from no benchmark
    ]


def finding(test: str, counts: dict) -> Finding:
    """The finding on one sycophancy test; the study's data README says what was said."""
    trained, tested = (sum(counts[split].values()) for split in SPLITS)
    listed = ", ".join(NAMES[name] for name in BENCHMARKS if counts["train"][name])
    return Finding(
        id=f"contamination_{test}",
        said=f"Training data and sycophancy samples are separate ({NAMES[test]}).",
        data=f"{trained} of {counts['n']} items ask a question of a training split"
        f"{f' ({listed})' if listed else ''}, {tested} more one of a test split.",
        verdict=holds(trained == 0),
        numbers={
            "in_training": trained,
            "in_test_split": tested,
            "elsewhere": counts["n"] - trained - tested,
            "share_in_training": trained / counts["n"],
        },
        n=counts["n"],
        source="mirror_counts.json",
    )
