"""Where the right option stands, and what a policy that always answers "A" would score."""

from __future__ import annotations

from collections import Counter

from experiments.audit.findings import Finding, shown
from experiments.audit.mirror import SPLITS, Mirror
from experiments.audit.reported import Reported, row


def count(mirror: Mirror) -> dict:
    """Per split: TruthfulQA rows by position of the right option, MMLU golds by letter.

    `shuffled_always_first` is what always answering "A" would score on shuffled options: the mean
    of 1/k over questions with k options.
    """
    return {
        split: {
            "truthfulqa": truthfulqa(mirror.rows[split, "truthfulqa"]),
            "mmlu": letters(mirror.rows[split, "mmlu"]),
        }
        for split in SPLITS
    }


def truthfulqa(rows: list[dict]) -> dict:
    """Number of rows, rows whose right option comes first, and chance on shuffled options."""
    labels = [row["mc1_targets"]["labels"] for row in rows]
    return {
        "n": len(labels),
        "right_first": sum(options.index(1) == 0 for options in labels),
        "shuffled_always_first": round(sum(1 / len(options) for options in labels) / len(rows), 6),
    }


def letters(rows: list[dict]) -> dict:
    """Golds by letter."""
    golds = Counter("ABCD"[row["answer"]] for row in rows)
    return {"n": len(rows), **{letter: golds[letter] for letter in "ABCD"}}


def findings(reported: Reported) -> list[Finding]:
    """Does a high TruthfulQA score show truthfulness, and the MMLU score a loss of knowledge?"""
    counts = reported.counts["option_position"]
    rows = sum(counts[split]["truthfulqa"]["n"] for split in SPLITS)
    first = sum(counts[split]["truthfulqa"]["right_first"] for split in SPLITS)
    test = counts["test"]["truthfulqa"]
    always_first = test["right_first"] / test["n"]
    adapter = row(reported.rates, "truthfulqa", "truthfulqa")
    combined = row(reported.rates, "combined", "truthfulqa")
    best = max(adapter["count"], combined["count"])
    golds = counts["test"]["mmlu"]
    mmlu = row(reported.rates, "truthfulqa", "mmlu")
    return [
        Finding(
            id="option_position",
            said="Training on TruthfulQA makes the model more truthful: accuracy "
            f"{adapter['score']:.3f} (Combined: {combined['score']:.3f}).",
            data=f"The right option is the first in {first} of {rows} rows. Always answering A "
            f"scores {always_first:.3f}, and {test['shuffled_always_first']:.3f} on shuffled "
            "options.",
            verdict=shown(best > test["right_first"]),
            numbers={
                "rows": rows,
                "right_first": first,
                "always_first": always_first,
                "always_first_shuffled": test["shuffled_always_first"],
                "adapter": adapter["score"],
                "combined": combined["score"],
            },
            n=rows,
            source="mirror_counts.json, per_adapter.csv",
        ),
        Finding(
            id="mmlu_always_a",
            said=f"The TruthfulQA adapter's MMLU accuracy is {mmlu['score']:.3f}, a change of "
            f"{reported.changes.loc['truthfulqa', 'mmlu']:+.3f}.",
            data=f"{golds['A']} of the {golds['n']} golds are A, and it has {mmlu['count']} right: "
            "what always answering A scores. The replies are not published, so this is a match, "
            "not a proof.",
            verdict=shown(mmlu["count"] != golds["A"]),
            numbers={
                "golds_a": golds["A"],
                "share_a": golds["A"] / golds["n"],
                "adapter_right": mmlu["count"],
                "adapter": mmlu["score"],
            },
            n=golds["n"],
            source="mirror_counts.json, per_adapter.csv",
        ),
    ]
