"""Pieces of Markdown that no text can break out of."""

from __future__ import annotations

from collections.abc import Sequence

NONE = "–"
LONGEST = 130  # characters of a cell


def render_section(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], limit: int | None = None
) -> str:
    """A heading and its table; empty without rows. Rows beyond `limit` are cut and counted."""
    if not rows:
        return ""
    shown = rows[:limit]
    more = f"\n\n… and {len(rows) - len(shown):,} more." if len(rows) > len(shown) else ""
    return f"### {title}\n\n{render_table(header, shown)}{more}"


def render_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A pipe table whose columns also stand under one another as plain text."""
    head, *body = [[in_cell(text) for text in line] for line in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [head, ["-" * width for width in widths], *body]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


def in_cell(text: str) -> str:
    """Text on one line, cut to LONGEST, without a bar that would end its cell, also in code."""
    shown = shortened(" ".join(str(text).split()), LONGEST)
    return (shown + "`" * (shown.count("`") % 2)).replace("|", "\\|") or NONE


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and a sign that there is more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def as_code(text: str) -> str:
    """An inline code span."""
    return f"`{text.replace('`', chr(39))}`" if text else "`(empty)`"


def from_to(*texts: str) -> str:
    """old → new, or one of them where they are equal."""
    return " → ".join(dict.fromkeys(texts))


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number and its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
