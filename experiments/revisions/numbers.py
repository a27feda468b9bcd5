"""Printed numbers that changed as a section of Markdown, those that matter most first."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.revisions.markdown import NONE, as_code, render_section, shortened
from experiments.revisions.printed import Change, Printed, decimals, distance

LISTED = 40  # longer lists are cut and counted: a comment is read in a minute
TEXT = 60  # characters of a printed text


def write_numbers(changes: Sequence[Change], tolerance: float, confidence: float) -> str:
    """Printed numbers: those that matter most first, else in the order of the documents."""
    ordered = sorted(changes, key=rank)
    rows = [
        [
            as_code(change.key),
            with_interval(change.old),
            with_interval(change.new),
            difference(change),
            beyond_noise(change, tolerance),
            ", ".join(change.documents) + ("" if change.new else ", no longer"),
        ]
        for change in ordered
    ]
    header = ["Number", "Old", "New", "Change", "Beyond noise", "Document"]
    text = render_section("Printed numbers", header, rows, LISTED)
    if any(change.interval for change in ordered[:LISTED]):
        text += (
            f"\n\nBrackets are {confidence:.0%} intervals. A change is beyond noise if its "
            "interval leaves out zero. The interval is over the same items where *paired*; "
            "otherwise it is that of two independent samples, which is wider."
        )
    return text


def rank(change: Change) -> tuple[int, float]:
    """Stale, beyond noise, within it, without interval, one-sided; the furthest moved first."""
    if change.old is None or change.new is None:
        return 4, 0.0
    if change.interval is None:
        return 0 if change.new.note else 3, 0.0
    far = distance(change.difference, change.interval.low, change.interval.high)
    return 1 if change.interval.beyond_noise else 2, -round(far, 3)


def with_interval(entry: Printed | None) -> str:
    """A number as printed, with the interval of its table if the text does not hold one."""
    if entry is None:
        return NONE
    text = shortened(entry.text, TEXT)
    if entry.note:
        return f"{text} ({entry.note})"
    if entry.low is None or entry.high is None or "[" in text:
        return text
    format = f".{decimals(entry.text)}{'%' if '%' in entry.text else 'f'}"
    return f"{entry.text} [{entry.low:{format}}, {entry.high:{format}}]".replace("-", "−")


def difference(change: Change) -> str:
    """new - old with its interval, in the printed unit and digits."""
    if change.difference is None or change.old is None or change.new is None:
        return NONE
    digits = max(decimals(side.text) for side in (change.old, change.new))
    scale, unit = (100, " points") if "%" in change.new.text else (1, "")
    text = f"{scale * change.difference:+.{digits}f}{unit}"
    if change.interval:
        low, high = (scale * end for end in (change.interval.low, change.interval.high))
        text += f" [{low:+.{digits}f}, {high:+.{digits}f}]"
        text += " *paired*" if change.interval.paired else ""
    return text.replace("-", "−")


def beyond_noise(change: Change, tolerance: float) -> str:
    """yes, no, tolerated, or a dash where the number has no interval."""
    if change.old and change.new and not change.exceeds(tolerance):
        return "tolerated"
    if change.interval is None:
        return NONE
    return "**yes**" if change.interval.beyond_noise else "no"
