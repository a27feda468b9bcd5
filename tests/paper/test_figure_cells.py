"""Every figure of the paper has its place: cited, described, and with a note of its source."""

from __future__ import annotations

import importlib
import pkgutil
import re
from itertools import pairwise
from pathlib import Path

import pytest

import figures
from experiments.rendering.document import Cell, Document, Text, load_document, load_project

ROOT = Path(__file__).resolve().parents[2]
PAPER = ROOT / "paper"


PROJECT = load_project(ROOT)
DOCUMENTS = {
    path.stem: load_document(ROOT, path.relative_to(ROOT), PROJECT)
    for path in sorted(PAPER.glob("*.qmd"))
}
DRAWN = re.compile(r"^(\w+)\.draw\((?:report|paired)\b", re.MULTILINE)
SOURCE = re.compile(r"`\{python\} (?:report|paired)\.source\(")
IMPORTED = re.compile(r"^from figures import (\w+)(?: as (\w+))?$", re.MULTILINE)


def cells(document: Document) -> list[tuple[Cell, str]]:
    """Each figure cell and the text that follows it."""
    parts = [*document.parts, Text("", 0)]
    return [
        (part, following.source if isinstance(following, Text) else "")
        for part, following in pairwise(parts)
        if isinstance(part, Cell) and str(part.options.get("label", "")).startswith("fig-")
    ]


def words(document: Document) -> str:
    """Everything that a reader sees and that may cite a figure."""
    return "\n".join(
        part.source if isinstance(part, Text) else str(part.options) for part in document.parts
    )


def modules(document: Document) -> dict[str, str]:
    """The names under which the document's cells know the modules of figures/."""
    source = "\n".join(part.source for part in document.parts if isinstance(part, Cell))
    return {alias or name: name for name, alias in IMPORTED.findall(source)}


FIGURES = [
    pytest.param(name, cell, following, id=f"{name}-{cell.options['label']}")
    for name, document in DOCUMENTS.items()
    for cell, following in cells(document)
]


@pytest.mark.parametrize(("name", "cell", "following"), FIGURES)
def test_a_figure_is_cited_and_says_where_it_is_from(name: str, cell: Cell, following: str) -> None:
    label = cell.options["label"]
    # a caption of its own does not count
    assert re.search(rf"@{label}\b(?!-)", words(DOCUMENTS[name]).replace(str(cell.options), ""))
    assert SOURCE.match(following.strip()), f"{label} has no source"


@pytest.mark.parametrize(("name", "cell", "following"), FIGURES)
def test_a_figure_is_described_without_numbers(name: str, cell: Cell, following: str) -> None:
    described = cell.options["fig-alt"]
    assert described.endswith(".") and len(described) > 80
    assert not any(character.isdigit() for character in described)


def test_every_figure_has_a_place_and_every_cell_draws_one() -> None:
    placed = []
    for document in DOCUMENTS.values():
        for cell, _ in cells(document):
            drawn = DRAWN.search(cell.source)
            assert drawn, f"{cell.options['label']} draws no figure of paper/figures/"
            placed.append(modules(document)[drawn[1]])
    names = [module.name for module in pkgutil.iter_modules(figures.__path__)]
    drawing = {
        name for name in names if hasattr(importlib.import_module(f"figures.{name}"), "draw")
    }
    assert drawing == set(placed)
