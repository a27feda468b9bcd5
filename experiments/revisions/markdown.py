"""A comparison as Markdown, for a terminal or a pull request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from experiments.revisions.comparison import Comparison, Items
from experiments.revisions.places import parsed_key
from experiments.revisions.printed import PRINTED, Change, Printed
from experiments.revisions.settings import Setting
from experiments.revisions.tables import ClaimChange, ClaimChanges, TableChange

NONE = "–"
# Longer lists are cut and counted: a comment on GitHub holds 65,536 characters.
LISTED_NUMBERS = 150
LISTED_SETTINGS = 60
LISTED_ITEMS = 60
LISTED_CELLS = 10
HASH_CHARACTERS = 8


def markdown(
    comparison: Comparison, *, tolerance: float, confidence: float, measures: Mapping[str, str]
) -> str:
    """The whole comparison; one line if nothing changed.

    Of the outcomes, `measures` (one per task) are shown, and those whose printed numbers changed.
    """
    title = f"{comparison.old.label} → {comparison.new.label}"
    if comparison.nothing_changed and comparison.printed.new_count:
        return f"No printed number changed, {title}: {unchanged(comparison)} are the same.\n"
    keys = (parsed_key(change.key) for change in comparison.printed.changes)
    shown = {(key[1].get("task"), key[1].get("measure")) for key in keys if key}
    sections = [
        f"## Numbers: {title}",
        headline(comparison, tolerance),
        claims(comparison.claims),
        numbers(comparison.printed.changes, tolerance, confidence),
        outcomes(comparison.items, shown | set(measures.items()), confidence),
        settings("Parameters", "Parameter", comparison.parameters[0]),
        settings("Data and models", "Content (md5)", shortened(comparison.hashes[0])),
        tables(comparison.tables[0]),
        f"The same on both sides: {unchanged(comparison)}.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def headline(comparison: Comparison, tolerance: float) -> str:
    """What a reader must know first."""
    printed, lines = comparison.printed, []
    verdicts = sum(change.verdict_changed for change in comparison.claims.changes)
    if verdicts:
        lines.append(f"{count(verdicts, 'claim')} changed the verdict.")
    if not printed.new_count:
        lines.append(f"Neither side has {PRINTED}, so no printed number is compared.")
    elif comparison.first_numbers:
        lines.append(
            f"{comparison.old.label} has no {PRINTED}: all "
            f"{count(printed.new_count, 'printed number')} are new."
        )
    else:
        lines.append(numbers_headline(comparison, tolerance))
    stale = sum(bool(change.new and change.new.note) for change in printed.changes)
    if stale:
        lines.append(
            f"{count(stale, 'number')} below disagree with the result table they come from: "
            "render (`make paper`) and compare again."
        )
    return f"**{lines[0]}**" + "".join(f" {line}" for line in lines[1:])


def numbers_headline(comparison: Comparison, tolerance: float) -> str:
    """How many printed numbers changed, and how many of them by more than noise."""
    both = [change for change in comparison.printed.changes if change.old and change.new]
    total = comparison.printed.new_count
    if not both:
        return "No printed number changed."
    beyond = sum(bool(change.interval and change.interval.beyond_noise) for change in both)
    within = sum(not change.exceeds(tolerance) for change in both)
    text = f"{len(both)} of {count(total, 'printed number')} changed, {beyond} by more than noise"
    return text + (f" ({within} within the tolerance of {tolerance:g})." if within else ".")


def claims(found: ClaimChanges) -> str:
    """Claims: verdicts that changed first."""
    if not found.in_base:
        if not found.new_side:
            return ""
        tally = Counter(claim["verdict"] for claim in found.new_side)
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(tally.items()))
        return f"### Claims\n\nAll {count(len(found.new_side), 'claim')} are new: {verdicts}."
    rows = [claim_row(change) for change in found.changes]
    return section("Claims", ["Claim", "Verdict", "Estimate", "n"], rows, len(rows))


def claim_row(change: ClaimChange) -> list[str]:
    """One claim: its text, verdict, estimate and n, old → new."""
    shown = change.new or change.old
    text = f"{code(shown['id'])}: {shown['text']}"
    if change.old and change.new and change.old["text"] != change.new["text"]:
        text += f" (was: {change.old['text']})"
    verdicts = [side["verdict"] if side else NONE for side in (change.old, change.new)]
    verdict = arrow(*verdicts)
    if change.verdict_changed:
        verdict = f"{verdicts[0]} → **{verdicts[1]}**"
    elif change.old is None:
        verdict = f"new: {verdicts[1]}"
    elif change.new is None:
        verdict = f"removed, was {verdicts[0]}"
    estimates = [claim_estimate(side) for side in (change.old, change.new)]
    sizes = [side.get("n", NONE) if side else NONE for side in (change.old, change.new)]
    return [text, verdict, arrow(*estimates), arrow(*sizes)]


def claim_estimate(claim: dict[str, str] | None) -> str:
    """Estimate and interval of a claim as the table holds them."""
    if not claim or not claim.get("estimate"):
        return NONE
    bounds = f" [{claim['low']}, {claim['high']}]" if claim.get("low") else ""
    return f"{claim['estimate']}{bounds}".replace("-", "−")


def numbers(changes: Sequence[Change], tolerance: float, confidence: float) -> str:
    """Printed numbers: those beyond noise first, then in the order of the documents."""
    ordered = sorted(changes, key=rank)
    rows = [
        [
            code(change.key),
            with_interval(change.old),
            with_interval(change.new),
            difference(change),
            beyond_noise(change, tolerance),
            "; ".join(change.places),
        ]
        for change in ordered[:LISTED_NUMBERS]
    ]
    header = ["Number", "Old", "New", "Change", "Beyond noise", "Where"]
    text = section("Printed numbers", header, rows, len(changes))
    if any(change.interval for change in ordered[:LISTED_NUMBERS]):
        text += (
            f"\n\nBrackets are {confidence:.0%} intervals. A change is beyond noise if its "
            "interval leaves out zero. The interval is over the same items where *paired*; "
            "otherwise it is that of two independent samples, which is wider."
        )
    return text


def rank(change: Change) -> int:
    """Beyond noise, unknown, within noise, then new and removed numbers."""
    if change.old is None or change.new is None:
        return 3
    return 1 if change.interval is None else 0 if change.interval.beyond_noise else 2


def with_interval(entry: Printed | None) -> str:
    """A number as printed, with the interval of its table if the text does not hold one."""
    if entry is None:
        return NONE
    note = f" ({entry.note})" if entry.note else ""
    if entry.low is None or entry.high is None or "[" in entry.text:
        return entry.text + note
    bounds = [
        f"{bound:.{places(entry.text)}%}"
        if "%" in entry.text
        else f"{bound:.{places(entry.text)}f}"
        for bound in (entry.low, entry.high)
    ]
    return f"{entry.text} [{', '.join(bounds)}]{note}".replace("-", "−")


def difference(change: Change) -> str:
    """new - old with its interval, in the printed unit and digits."""
    if change.difference is None:
        return NONE
    percent = "%" in change.new.text
    digits = max(places(change.old.text), places(change.new.text))
    scale, unit = (100, " points") if percent else (1, "")
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


def places(text: str) -> int:
    """Digits after the point of the first number in a text."""
    found = re.search(r"\d\.(\d+)", text)
    return len(found[1]) if found else 0


def outcomes(items: Items, measures: set[tuple], confidence: float) -> str:
    """Replies that changed, and what that did to `measures` (task, measure)."""
    if not items.replies and not items.missing:
        return ""
    rows = [
        [*reply_cells(reply), *value_cells(value)]
        for reply in items.replies
        for value in items.values
        if (value["model"], value["task"]) == (reply["model"], reply["task"])
        and (value["task"], value["measure"]) in measures
        and not value["relative_to"]
    ]
    header = ["Model", "Task", "Replies changed", "Items affected", "Measure", "Mean change", "n"]
    text = section("Item by item", header, rows[:LISTED_ITEMS], len(rows))
    notes = [f"{model} ({why})" for model, why in items.missing.items()]
    if rows:
        text += (
            f"\n\nMean paired change per item with its {confidence:.0%} interval; the measures are "
            "those of this code on both sides."
        )
    if notes:
        text = text or "### Item by item"
        text += f"\n\nNot compared item by item: {'; '.join(notes)}."
    return text


def reply_cells(reply: dict) -> list[str]:
    """Model, task and how much changed."""
    affected = f"{reply['items_changed']} of {reply['items']}"
    if reply["unpaired"]:
        affected += f" ({reply['unpaired']} on one side only)"
    return [reply["model"], reply["task"], f"{reply['rows_changed']} of {reply['rows']}", affected]


def value_cells(value: dict) -> list[str]:
    """Measure, mean change with interval, and number of items."""
    change = f"{value['estimate']:+.3f}" if value["estimate"] is not None else NONE
    if value["low"] is not None:
        change += f" [{value['low']:+.3f}, {value['high']:+.3f}]"
    return [value["measure"], change.replace("-", "−"), str(value["n"])]


def settings(title: str, first: str, different: Sequence[Setting]) -> str:
    """Parameters or hashes, old → new."""
    rows = [
        [code(setting.name), *(NONE if side is None else code(side) for side in sides)]
        for setting in different[:LISTED_SETTINGS]
        for sides in [(setting.old, setting.new)]
    ]
    return section(title, [first, "Old", "New"], rows, len(different))


def shortened(hashes: Sequence[Setting]) -> list[Setting]:
    """Hashes by their first characters."""
    return [
        Setting(one.name, *(side and side[:HASH_CHARACTERS] for side in (one.old, one.new)))
        for one in hashes
    ]


def tables(changes: Sequence[TableChange]) -> str:
    """Cells of the result tables: counts, and the cells of tables in which few changed."""
    rows = []
    for change in changes:
        counts = f"{len(change.changed):,} of {count(change.cells, 'cell')}"
        rows.append(
            [
                code(change.path),
                counts if change.status == "changed" else change.status,
                shape(change),
            ]
        )
    text = section("Result tables", ["Table", "Changed", "Shape"], rows, len(rows))
    few = [
        [code(change.path), cell.row or NONE, code(cell.column), cell.old, cell.new]
        for change in changes
        if len(change.changed) <= LISTED_CELLS
        for cell in change.changed
    ]
    return text + ("\n\n" + table(["Table", "Row", "Column", "Old", "New"], few) if few else "")


def shape(change: TableChange) -> str:
    """Rows and columns that one side lacks."""
    parts = [
        f"{count(number, 'row')} {what}"
        for number, what in ((change.rows_added, "added"), (change.rows_removed, "removed"))
        if number
    ]
    for names, what in ((change.columns_added, "added"), (change.columns_removed, "removed")):
        if names:
            listed = ", ".join(code(name) for name in names[:LISTED_CELLS])
            more = f" and {len(names) - LISTED_CELLS} more" if len(names) > LISTED_CELLS else ""
            parts.append(f"{count(len(names), 'column')} {what}: {listed}{more}")
    return "; ".join(parts) or "same"


def unchanged(comparison: Comparison) -> str:
    """What is the same, counted."""
    numbers, hidden = comparison.printed.unchanged, comparison.printed.below_digits
    note = f" ({hidden} of them changed below the printed digits)" if hidden else ""
    files, cells = comparison.tables[1:]
    parts = [
        numbers and count(numbers, "printed number") + note,
        comparison.claims.unchanged and count(comparison.claims.unchanged, "claim"),
        comparison.parameters[1] and count(comparison.parameters[1], "parameter"),
        comparison.hashes[1] and count(comparison.hashes[1], "content hash", "content hashes"),
        files and f"{count(files, 'result table')} ({count(cells, 'cell')})",
    ]
    return ", ".join(part for part in parts if part) or "nothing"


def section(title: str, header: list[str], rows: list[list[str]], total: int) -> str:
    """A heading and its table; empty without rows; says how many rows were cut."""
    if not rows:
        return ""
    more = f"\n\n… and {total - len(rows):,} more." if total > len(rows) else ""
    return f"### {title}\n\n{table(header, rows)}{more}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A pipe table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def cell(text: str) -> str:
    """Text that cannot break out of its cell."""
    return " ".join(str(text).split()).replace("|", "\\|") or NONE


def code(text: str) -> str:
    """An inline code span."""
    return f"`{text.replace('`', chr(39))}`" if text else "`(empty)`"


def arrow(old: str, new: str) -> str:
    """old → new, or one of them where they are equal."""
    return old if old == new else f"{old} → {new}"


def count(number: int, singular: str, plural: str = "") -> str:
    """A number and its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
