"""Primary effects before and after, drawn in letters of one width: a comment holds no image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from experiments.claims import CONTROL
from experiments.params.analysis import Outcome
from experiments.revisions.cells import differ
from experiments.revisions.markdown import counted, from_to, shortened
from experiments.revisions.printed import as_number

WIDTH = 91  # columns: an indented block in an indented comment stays below 100
AXIS = 41  # columns at most; an odd number has a middle
NAME = 23  # columns of an adapter's name at most
DRAWN = 8  # adapters per outcome
STEPS = (1, 1.5, 2, 3, 5, 7.5, 10)  # where an axis may end, times a power of ten
OK = "ok"  # the status of an interval that holds for new training runs
SHOWN = ("estimate", "low", "high", "status", "control")
Row = Mapping[str, str]
ABSENT: Row = {"status": "not measured"}


@dataclass(frozen=True)
class Mark:
    """What is drawn of an effect: a point, the ends of an interval, and the words beside it."""

    words: str
    point: float | None = None
    ends: tuple[float, float] | None = None

    @property
    def reach(self) -> float:
        """The largest distance from zero that is drawn."""
        known = (*(self.ends or ()), 0.0 if self.point is None else self.point)
        return max(map(abs, known))


def draw(old: Sequence[Row], new: Sequence[Row], outcomes: Sequence[Outcome]) -> list[str]:
    """One chart per outcome in which an effect less the control changed, and a count of the others.

    Rows are those of results/contrasts.csv as text. Adapters with another status come first, then
    those whose estimates moved furthest, then those that one side has not measured. No lines where
    nothing changed.
    """
    lines, same, left_out = [], 0, 0
    for outcome in outcomes:
        before, after = (effects(rows, outcome) for rows in (old, new))
        pairs = {
            name: (before.get(name, ABSENT), after.get(name, ABSENT))
            for name in {**after, **before}
            if any(one.get(name, ABSENT).get("estimate") for one in (before, after))
        }
        changed = [name for name in pairs if has_changed(*pairs[name])]
        changed.sort(key=lambda name: -moved(*pairs[name]))
        same += len(pairs) - len(changed)
        left_out += len(changed[DRAWN:])
        if changed:
            lines += [*chart(outcome, {name: pairs[name] for name in changed[:DRAWN]}), ""]
    if not lines:
        return []
    rest = [f"{counted(same, 'other effect')} did not change."] if same else []
    rest += [f"{left_out:,} more changed and stand in the tables."] if left_out else []
    return [*lines, " ".join(rest)] if rest else lines[:-1]


def effects(rows: Sequence[Row], outcome: Outcome) -> dict[str, Row]:
    """Adapter -> its effect less its control, every cell on one line."""
    key = {"task": outcome.task, "measure": outcome.measure, "against": CONTROL}
    return {
        row["model"]: {name: " ".join(cell.split()) for name, cell in row.items()}
        for row in rows
        if key.items() <= row.items()
    }


def has_changed(old: Row, new: Row) -> bool:
    """Whether an effect, its interval, its status or its control is another."""
    return any(differ(old.get(name, ""), new.get(name, "")) for name in SHOWN)


def moved(old: Row, new: Row) -> float:
    """How far the estimate moved; infinity for another status, -1 if a side has no estimate."""
    before, after = as_number(old.get("estimate")), as_number(new.get("estimate"))
    if before is None or after is None:
        return -1.0
    return abs(after - before) if old["status"] == new["status"] else math.inf


def chart(outcome: Outcome, pairs: Mapping[str, tuple[Row, Row]]) -> list[str]:
    """A title, an axis with zero in its middle, and two lines per adapter."""
    marks = [tuple(map(mark, pair)) for pair in pairs.values()]
    every = [one for pair in marks for one in pair]
    names = [shortened(name, NAME) for name in pairs]
    name = max(map(len, names))
    words = max((len(one.words) for one in every if one.point is not None), default=0)
    half = max(min(AXIS, WIDTH - name - len("  was  " + "  ") - words) - 1, 20) // 2
    end = axis_end(max(one.reach for one in every))
    units = from_to(*(side["unit"] for pair in pairs.values() for side in pair if "unit" in side))
    title = f"{outcome.task}: {outcome.measure}, adapter less control"
    lines = [f"{title}, {units}" if units else title]
    lines.append(" " * (name + len("  was  ")) + scale(end, half))
    for label, pair, sides in zip(names, marks, pairs.values(), strict=True):
        for shown, when, one in zip((label, ""), ("was", "now"), pair, strict=True):
            lines.append(f"{shown:<{name}}  {when}  {bar(one, end, half)}")
        controls = from_to(*(side["control"] for side in sides if side.get("control")))
        if "→" in controls:
            lines.append(f"{'':<{name}}  another control: {controls}")
    return lines


def mark(row: Row) -> Mark:
    """How an effect is drawn: by its status alone where it has none or may not be read."""
    point, low, high = (as_number(row.get(name)) for name in SHOWN[:3])
    if point is None or row.get("readable") == "False":
        return Mark(row["status"])
    estimate = signed(row["estimate"])
    if row["status"] != OK or low is None or high is None:
        return Mark(f"{estimate}, {row['status']}", point)
    return Mark(f"{estimate} [{signed(row['low'])}, {signed(row['high'])}]", point, (low, high))


def signed(cell: str) -> str:
    """A number with its sign and the digits of its table."""
    return f"{Decimal(cell.replace('−', '-').replace(',', '')):+f}".replace("-", "−")


def axis_end(reach: float) -> float:
    """The first round number that `reach` does not pass."""
    if reach < 1e-300:
        return 1.0
    power = 10.0 ** math.floor(math.log10(reach))
    return next(step * power for step in STEPS if step * power >= reach * (1 - 1e-9))


def scale(end: float, half: int) -> str:
    """-end, 0 and +end over the first, middle and last column."""
    low, high = f"−{end:g}", f"+{end:g}"
    return f"{low:<{half}}0{high:>{half}}"


def bar(one: Mark, end: float, half: int) -> str:
    """An interval around a point, and its numbers; or, where there is no point, why."""
    if one.point is None:
        return one.words
    signs = [*" " * half, "│", *" " * half]
    at = half + columns(one.point, end, half)
    if one.ends:
        first, last = (half + columns(value, end, half) for value in one.ends)
        signs[first : last + 1] = "─" * (last + 1 - first)
        signs[half] = "┼" if first <= half <= last else "│"
        signs[first], signs[last] = "├┤"
    signs[at] = "●"
    return f"{''.join(signs)}  {one.words}"


def columns(value: float, end: float, half: int) -> int:
    """Columns from zero, rounded away from it: what leaves out zero is drawn beside it."""
    return int(math.copysign(math.ceil(abs(value) / end * half - 1e-6), value))
