"""What the key of a printed number says, and where the documents' sources print it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from experiments.revisions.revisions import Snapshot

KEY = re.compile(r"(?P<table>[\w/]+)\[(?P<where>.*)\]\.(?P<column>.+)", re.DOTALL)
INLINE = re.compile(r"(?<!`)`\{python\}\s+([^`]+)`")
TABLE = re.compile(r"\.table\(")
# `divided` leaves lines of spaces around each cell.
CELL = re.compile(r"(?:^(?! +$).*\n?)+", re.MULTILINE)
PARAMETER = "params.yaml: "
# A top-level function or assignment of a code cell, up to the next line that begins another.
DEFINITION = re.compile(
    r"^(?:def (\w+)\(|([\w, ]+?) = ).*?(?=^[^\s)\]}]|\Z)", re.MULTILINE | re.DOTALL
)
FENCE = re.compile(r"\s*(```|~~~)")


def parsed_key(key: str) -> tuple[str, dict[str, str], str] | None:
    """Table, row and column of `table[column=value,…].column`; None for a key of another form."""
    found = KEY.fullmatch(key)
    if not found:
        return None
    parts = [part for part in re.split(r",(?=\w+=)", found["where"]) if part]
    if not all("=" in part for part in parts):
        return None
    return found["table"], dict(part.split("=", 1) for part in parts), found["column"]


@dataclass(frozen=True)
class Expression:
    """Source that prints: its line and section, its own text, and the definitions it uses."""

    line: int
    section: str
    call: str
    definitions: str = ""


class Places:
    """Finds where in the documents' sources a number is printed."""

    def __init__(self, side: Snapshot) -> None:
        self.side = side
        self.expressions: dict[str, list[Expression]] = {}

    def of(self, document: str, key: str) -> str:
        """Document, lines and section; the document alone if its source does not spell it out."""
        if document not in self.expressions:
            text = self.side.text(f"paper/{document}.qmd") or ""
            self.expressions[document] = list(expressions(text))
        found = [part for part in self.expressions[document] if prints(part, key)]
        # A call that spells the column out is the one, not another one of the same cell.
        found = [part for part in found if spells(part, key)] or found
        if not found:
            return document
        sections = ", ".join(dict.fromkeys(part.section for part in found if part.section))
        lines = ", ".join(dict.fromkeys(str(part.line) for part in found))
        return f"{document}:{lines}" + (f" ({sections})" if sections else "")


def prints(expression: Expression, key: str) -> bool:
    """Whether the source names everything in the key, and its own text nothing beside it."""
    own = words(expression.call)
    known = own | words(expression.definitions)
    parts = parsed_key(key)
    if key in known or parts is None:
        return key in known or (key.startswith(PARAMETER) and key.removeprefix(PARAMETER) in own)
    table, where, column = parts
    source = expression.call + expression.definitions
    # A function of another file that takes the report names table and column itself.
    elsewhere = re.search(r"\b\w+\(\s*report\b", source) is not None
    named = elsewhere or column in known or (column == "estimate" and ".interval(" in source)
    if ".table(" in expression.call:
        return named and table in known
    # Definitions may name many measures; the call itself may name only the key's.
    if not own <= {table, column, *where, *where.values()}:
        return False
    plain = set(re.findall(r"=\s*([\w.]+)", source))
    return (
        named
        and bool(elsewhere or table in known)
        and all(v in known or v in plain for v in where.values())
    )


def spells(expression: Expression, key: str) -> bool:
    """Whether a call for a table names the key's column itself; true of all else."""
    parts = parsed_key(key)
    return not parts or ".table(" not in expression.call or parts[2] in words(expression.call)


def words(source: str) -> set[str]:
    """Texts in quotes, but for number formats."""
    quoted = re.findall(r"[\"']([^\"']*)[\"']", source)
    return {word for word in quoted if not re.fullmatch(r"[+\-,\d]*(\.\d+)?[fg%]?", word)}


def expressions(text: str) -> Iterator[Expression]:
    """Inline expressions of a document, then calls in its code cells that print a table."""
    code, headings = divided(text)
    definitions = {
        name.strip(): found[0]
        for found in DEFINITION.finditer(code)
        for name in (found[1] or found[2]).split(",")
    }
    for inline in INLINE.finditer(text):
        line, section = place(text, headings, inline.start())
        # A name stands for one statement; a call may lead on to the tables its function reads.
        depth = 2 if words(inline[1]) else 1
        yield Expression(line, section, inline[1], used(inline[1], definitions, depth))
    for cell in CELL.finditer(code):
        for call in TABLE.finditer(cell[0]):
            line, section = place(text, headings, cell.start() + call.start())
            # Columns are often put together before the call.
            yield Expression(
                line, section, cell[0][call.start() : closing(cell[0], call.end())], cell[0]
            )


def used(source: str, definitions: Mapping[str, str], depth: int) -> str:
    """The definitions that a source refers to, and, down to `depth`, those that these refer to."""
    names = [name for name in dict.fromkeys(re.findall(r"\w+", source)) if name in definitions]
    found = " ".join(definitions[name] for name in names)
    return found if depth == 1 or not found else f"{found} {used(found, definitions, depth - 1)}"


def divided(text: str) -> tuple[str, Mapping[int, str]]:
    """The code cells, everything else blanked so that positions agree; line -> section heading."""
    headings, code, fenced = {0: ""}, [], False
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if FENCE.match(line):
            fenced = not fenced
            code.append(" " * (len(line) - 1) + "\n")
            continue
        if not fenced and re.match(r"#{1,6} ", line):
            headings[number] = re.sub(r"\{[^}]*\}\s*$", "", line.lstrip("# ")).strip()
        code.append(line if fenced else " " * (len(line) - 1) + "\n")
    return "".join(code), headings


def place(text: str, headings: Mapping[int, str], position: int) -> tuple[int, str]:
    """The line of a position and the heading above it."""
    line = text.count("\n", 0, position) + 1
    return line, headings[max(number for number in headings if number <= line)]


def closing(code: str, start: int) -> int:
    """Position after the parenthesis that closes the one before `start`."""
    depth, end = 1, start
    while depth and end < len(code):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        end += 1
    return end
