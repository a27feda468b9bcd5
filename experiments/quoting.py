"""Texts that others wrote, set so that nothing in them is markup, wherever they are printed.

A character reference is what HTML, Markdown, Quarto and typst all take for the plain character.
"""

from __future__ import annotations

import re

CODE = re.compile(r"(`+)(.*?)\1")
# What would end a cell or begin an attribute, a shortcode, an element, a formula, a citation, an
# image or a note. Emphasis, links and code are left to cells of our own.
ACTIVE = re.compile(r"[|{}<$@~^]|!(?=\[)|[\r\n]+")
ACTIVE_IN_CODE = re.compile(r"\||\{(?=\{)|[\r\n]+")


def references(text: str, plain: str = " ,;") -> str:
    """The text with all but letters, digits and `plain` as numeric character references."""
    return "".join(one if one.isalnum() or one in plain else f"&#{ord(one)};" for one in text)


def cell(text: str) -> str:
    """One cell of a Markdown table: it cannot end its row, hold an element or run a shortcode.

    A code span, in which no reference is read, is closed around such a character. Renderers differ
    in what a backslash before a bar means there, so there is none.
    """
    done, parts = 0, []
    for span in CODE.finditer(text):
        parts += [ACTIVE.sub(_reference, text[done : span.start()]), _span(*span.groups())]
        done = span.end()
    return "".join(parts) + ACTIVE.sub(_reference, text[done:])


def _reference(found: re.Match) -> str:
    return " " if found[0].isspace() else f"&#{ord(found[0])};"


def _span(ticks: str, code: str) -> str:
    parts, done = [], 0
    for found in ACTIVE_IN_CODE.finditer(code):
        parts += [_ticked(ticks, code[done : found.start()]), _reference(found)]
        done = found.end()
    return "".join(parts) + _ticked(ticks, code[done:])


def _ticked(ticks: str, code: str) -> str:
    return f"{ticks}{code}{ticks}" if code.strip() else code
