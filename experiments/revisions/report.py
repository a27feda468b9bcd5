"""A comparison as Markdown, for a terminal or a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from experiments.claims import NOTHING
from experiments.params import AT_HAND
from experiments.params.analysis import Outcome
from experiments.revisions.cells import TableChange
from experiments.revisions.claims import Claim, ClaimChange
from experiments.revisions.comparison import Comparison
from experiments.revisions.effects import RunPair
from experiments.revisions.items import ItemChanges
from experiments.revisions.markdown import (
    NONE,
    as_code,
    counted,
    from_to,
    render_section,
)
from experiments.revisions.numbers import write_numbers
from experiments.revisions.picture import draw
from experiments.revisions.printed import PRINTED, Change, distance, parsed_key
from experiments.revisions.settings import SettingChanges

# Longer lists are cut and counted: a comment is read in a minute, and holds 60,000 characters.
LISTED_CLAIMS = 40
LISTED_ROWS = 20
LISTED_CELLS = 6
HASH_CHARACTERS = 8


def write_report(
    comparison: Comparison,
    *,
    tolerance: float,
    confidence: float,
    primary: Sequence[Outcome],
    measures: Mapping[str, str],
) -> str:
    """The whole comparison; one line if nothing changed.

    Effects of `primary` are drawn. Item by item, `measures` (one per task) are shown, and those
    whose printed numbers changed.
    """
    title = f"{comparison.old.label} → {comparison.new.label}"
    if comparison.nothing_changed and comparison.printed.new_count:
        return f"No printed number changed, {title}: {unchanged(comparison)} are the same.\n"
    keys = (parsed_key(change.key) for change in comparison.printed.changes)
    shown = {(key[1].get("task"), key[1].get("measure")) for key in keys if key}
    sections = [
        f"## Numbers: {title}",
        write_headline(comparison, tolerance),
        write_claims(comparison.claims.changes),
        write_effects(comparison.effects, primary, confidence),
        write_numbers(comparison.printed.changes, tolerance, confidence),
        write_items(comparison.items, set(measures.items()), shown, confidence),
        write_settings("Parameters", "Parameter", comparison.parameters),
        write_settings("Data and models", "Content (md5)", comparison.hashes, HASH_CHARACTERS),
        write_tables(comparison.tables.changes),
        f"The same on both sides: {unchanged(comparison)}.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def write_headline(comparison: Comparison, tolerance: float) -> str:
    """What a reader must know first."""
    printed, lines = comparison.printed, []
    changes = (change for change in comparison.claims.changes if change.verdict_changed)
    verdicts = Counter((change.old["verdict"], change.new["verdict"]) for change in changes)
    if verdicts:
        how = ", ".join(f"{old} → {new}: {count}" for (old, new), count in verdicts.items())
        lines.append(f"{counted(verdicts.total(), 'claim')} changed the verdict ({how}).")
    if not printed.new_count:
        lines.append(f"Neither side has {PRINTED}, so no printed number is compared.")
    elif comparison.first_numbers:
        lines.append(
            f"{comparison.old.label} has no {PRINTED}: all "
            f"{counted(printed.new_count, 'printed number')} are new."
        )
    else:
        lines.append(count_changed(printed.changes, printed.new_count, tolerance))
    stale = sum(bool(change.new and change.new.note) for change in printed.changes)
    if stale:
        lines.append(
            f"{counted(stale, 'number')} below disagree with the result table they come from: "
            "render (`make paper`) and compare again."
        )
    return f"**{lines[0]}**" + "".join(f" {line}" for line in lines[1:])


def count_changed(changes: Sequence[Change], total: int, tolerance: float) -> str:
    """How many printed numbers changed, and how many of them by more than noise."""
    both = [change for change in changes if change.old and change.new]
    alone = len(changes) - len(both)
    if not both:
        more = f" {counted(alone, 'number')} stand on one side only." if alone else ""
        return f"No printed number changed.{more}"
    beyond = sum(bool(change.interval and change.interval.beyond_noise) for change in both)
    within = sum(not change.exceeds(tolerance) for change in both)
    text = f"{len(both)} of {counted(total, 'printed number')} changed, {beyond} by more than noise"
    return text + (f" ({within} within the tolerance of {tolerance:g})." if within else ".")


def write_claims(changes: Sequence[ClaimChange]) -> str:
    """Claims: verdicts that changed first."""
    header = ["Claim", "Verdict", "Estimate", "n", "What it says"]
    rows = [claim_row(change) for change in changes]
    return render_section("Claims", header, rows, LISTED_CLAIMS)


def claim_row(change: ClaimChange) -> list[str]:
    """One claim: verdict, estimate and n, old → new, and its text."""
    sides = [side for side in (change.old, change.new) if side]
    text = sides[-1]["text"]
    if sides[0]["text"] != sides[-1]["text"]:
        text += f" (was: {sides[0]['text']})"
    verdict = from_to(*(side["verdict"] for side in sides))
    if change.verdict_changed:
        verdict = f"{change.old['verdict']} → **{change.new['verdict']}**"
        verdict += f" ({change.new['reason']})" if change.new.get("reason") else ""
    elif len(sides) == 1:
        verdict = f"new: {verdict}" if change.new else f"removed, was {verdict}"
    return [
        as_code(sides[-1]["id"]),
        verdict,
        from_to(*map(claim_estimate, sides)),
        from_to(*(side.get("n", NONE) for side in sides)),
        text,
    ]


def claim_estimate(claim: Claim) -> str:
    """Estimate and interval of a claim as the table holds them."""
    if not claim.get("estimate"):
        return NONE
    bounds = f" [{claim['low']}, {claim['high']}]" if claim.get("low") else ""
    return f"{claim['estimate']}{bounds}".replace("-", "−")


def write_effects(pairs: Sequence[RunPair], primary: Sequence[Outcome], confidence: float) -> str:
    """Charts of the primary effects of each run in which one changed."""
    blocks = [
        f"{which_run(pair)}\n\n" + "\n".join(f"    {line}".rstrip() for line in lines)
        for pair in pairs
        if (lines := draw(pair.old, pair.new, primary))
    ]
    if not blocks:
        return ""
    legend = f"● is an estimate, ├─┤ its {confidence:.0%} interval, │ zero: no effect."
    return "\n\n".join(("### Primary effects", legend, *blocks))


def which_run(pair: RunPair) -> str:
    """A sentence on the runs of a pair of charts."""
    named = ["the run at hand" if run == AT_HAND else as_code(run) for run in pair.runs]
    if named[0] != named[1]:
        return f"The documents were about {named[0]} (was) and are about {named[1]} (now)."
    if pair.printed:
        return f"The documents are about {named[0]}."
    return f"Also changed, in {named[0]} of both sides:"


def write_items(
    items: ItemChanges, measures: set[tuple], others: set[tuple], confidence: float
) -> str:
    """Replies that changed, and what that did to `measures` (task, measure), then to `others`."""
    found = [
        (reply, value)
        for reply in items.replies
        for value in items.values
        if (value["model"], value["task"]) == (reply["model"], reply["task"])
        and (value["task"], value["measure"]) in measures | others
        and value["against"] == NOTHING
    ]
    found.sort(key=lambda pair: item_rank(pair[1], measures))
    rows = [[*reply_cells(reply), *value_cells(value)] for reply, value in found]
    header = ["Model", "Task", "Replies changed", "Items affected", "Measure", "Mean change", "n"]
    text = render_section("Item by item", header, rows, LISTED_ROWS)
    if rows:
        text += (
            f"\n\nMean paired change per item with its {confidence:.0%} interval; the measures are "
            "those of this code on both sides."
        )
    if items.missing:
        text = f"{text or '### Item by item'}\n\nNot compared item by item: {items.missing}."
    return text


def item_rank(value: dict, measures: set[tuple]) -> tuple[bool, float]:
    """Sorts `measures` first, of them those that moved furthest."""
    far = distance(value["estimate"], value["low"], value["high"])
    return (value["task"], value["measure"]) not in measures, -round(far, 3)


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


def write_settings(title: str, first: str, found: SettingChanges, length: int | None = None) -> str:
    """Parameters or hashes, old → new, cut to `length` characters."""
    rows = [
        [
            as_code(setting.name),
            *(
                NONE if side is None else as_code(side[:length])
                for side in (setting.old, setting.new)
            ),
        ]
        for setting in found.changes
    ]
    return render_section(title, [first, "Old", "New"], rows, LISTED_ROWS)


def write_tables(changes: Sequence[TableChange]) -> str:
    """How many cells of the result tables changed, and which where they are few."""
    rows = [[as_code(change.path), extent(change), shape(change)] for change in changes]
    text = render_section("Result tables", ["Table", "Changed", "Shape"], rows, LISTED_ROWS)
    few = [
        [as_code(change.path), cell.row or NONE, as_code(cell.column), cell.old, cell.new]
        for change in changes
        if len(change.changed) <= LISTED_CELLS
        for cell in change.changed
    ]
    header = ["Table", "Row", "Column", "Old", "New"]
    cells = render_section("Cells of tables in which few changed", header, few, LISTED_ROWS)
    return "\n\n".join(filter(None, (text, cells)))


def extent(change: TableChange) -> str:
    """How many cells of both sides changed, or that only one side has the table."""
    if change.status != "changed":
        return change.status
    return f"{len(change.changed):,} of {counted(change.cells, 'cell')}"


def shape(change: TableChange) -> str:
    """Rows and columns that one side lacks."""
    parts = [
        f"{counted(number, 'row')} {what}"
        for number, what in ((change.rows_added, "added"), (change.rows_removed, "removed"))
        if number
    ]
    for names, what in ((change.columns_added, "added"), (change.columns_removed, "removed")):
        if names:
            listed = ", ".join(as_code(name) for name in names[:LISTED_CELLS])
            more = f" and {len(names) - LISTED_CELLS} more" if len(names) > LISTED_CELLS else ""
            parts.append(f"{counted(len(names), 'column')} {what}: {listed}{more}")
    return "; ".join(parts) or "same"


def unchanged(comparison: Comparison) -> str:
    """What is the same, counted."""
    parts = [
        counted(found.unchanged, *names)
        for found, *names in (
            (comparison.printed, "printed number"),
            (comparison.claims, "claim"),
            (comparison.parameters, "parameter"),
            (comparison.hashes, "content hash", "content hashes"),
            (comparison.tables, "result table"),
        )
        if found.unchanged
    ]
    return ", ".join(parts) or "nothing"
