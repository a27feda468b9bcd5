"""What the combined adapter's validation split consists of."""

from __future__ import annotations

from experiments.audit.findings import Finding, holds
from experiments.audit.mirror import SPLITS, Mirror
from experiments.audit.reported import BENCHMARKS, NAMES, Reported


def count(mirror: Mirror) -> dict:
    """Rows per split and benchmark."""
    return {
        split: {benchmark: len(mirror.rows[split, benchmark]) for benchmark in BENCHMARKS}
        for split in SPLITS
    }


def held_out(sizes: dict[str, int], share: float) -> dict[str, int]:
    """Rows of each benchmark in the last `share` of their concatenation in this order."""
    wanted = round(sum(sizes.values()) * share)
    taken = {}
    for benchmark, size in reversed(sizes.items()):
        taken[benchmark] = min(size, wanted)
        wanted -= taken[benchmark]
    return taken


def findings(reported: Reported) -> list[Finding]:
    """Does the combined adapter's validation split hold all of what it is trained on?"""
    order, share = reported.procedure["combined_order"], reported.procedure["validation_share"]
    sizes = {benchmark: reported.counts["sizes"]["train"][benchmark] for benchmark in order}
    taken = held_out(sizes, share)
    total = sum(taken.values())
    present = [benchmark for benchmark, number in taken.items() if number]
    return [
        Finding(
            id="validation_split",
            said=f"The combined adapter is validated on {share:.0%} of its four benchmarks.",
            data=f"The {total} held-out rows are all the last of the concatenation: "
            f"{', '.join(f'{taken[name]} {NAMES[name]}' for name in present)}.",
            verdict=holds(len(present) == len(sizes)),
            numbers={"rows": total, "benchmarks": len(present), **taken},
            n=total,
            source="mirror_counts.json, procedure.json",
        )
    ]
