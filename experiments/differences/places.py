"""What the key of a printed number says, and where the documents' sources print it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from experiments.differences.revisions import Snapshot

KEY = re.compile(r"(?P<table>[\w/]+)\[(?P<where>.*)\]\.(?P<column>.+)", re.DOTALL)
CODE_FENCE = ("```", "~~~")
CALL = re.compile(r"\.(number|interval|table)\(")


def parsed_key(key: str) -> tuple[str, dict[str, str], str] | None:
    """Table, row and column of `table[column=value,…].column`; None for a key of another form."""
    found = KEY.fullmatch(key)
    if not found:
        return None
    parts = [part for part in re.split(r",(?=\w+=)", found["where"]) if part]
    if not all("=" in part for part in parts):
        return None
    return found["table"], dict(part.split("=", 1) for part in parts), found["column"]


class Places:
    """Finds where in the documents' sources a number is printed."""

    def __init__(self, side: Snapshot) -> None:
        self.side = side
        self.calls: dict[str, list[tuple[int, str, str, str]]] = {}

    def of(self, document: str, key: str) -> str:
        """Document, lines and section; the document alone if its source does not spell it out."""
        if document not in self.calls:
            text = self.side.text(f"paper/{document}.qmd") or ""
            self.calls[document] = list(report_calls(text))
        parts = parsed_key(key)
        found = [
            (line, section)
            for line, section, name, arguments in self.calls[document]
            if parts and prints(name, arguments, *parts)
        ]
        if not found:
            return document
        sections = ", ".join(dict.fromkeys(section for _, section in found if section))
        lines = ", ".join(str(line) for line, _ in found)
        return f"{document}:{lines}" + (f" ({sections})" if sections else "")


def prints(name: str, arguments: str, table: str, where: Mapping[str, str], column: str) -> bool:
    """Whether a call of the report's `name` with these arguments prints the key."""
    words = set(re.findall(r"[\"']([^\"']*)[\"']", arguments))
    if table not in words:
        return False
    if name == "table":
        return column in words
    bare = set(re.findall(r"=\s*([\w.]+)", arguments))
    named = column in words or (name == "interval" and column == "estimate")
    return named and all(value in words or value in bare for value in where.values())


def report_calls(text: str) -> Iterable[tuple[int, str, str, str]]:
    """(line, section, method, arguments) of every call of a report in a document's source."""
    headings, fenced = [(0, "")], False
    for count, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(CODE_FENCE):
            fenced = not fenced
        elif not fenced and re.match(r"#{1,6} ", line):
            headings.append((count, re.sub(r"\{[^}]*\}\s*$", "", line.lstrip("# ")).strip()))
    for call in CALL.finditer(text):
        line = text.count("\n", 0, call.start()) + 1
        section = max(heading for heading in headings if heading[0] <= line)[1]
        depth, end = 1, call.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield line, section, call[1], text[call.end() : end - 1]
