"""No document types a number: every digit in its prose comes from a cell, or is no result.

Looked at are the text of the documents, the captions and alternative texts of their cells, and the
strings that cells and paper/*.py build sentences from. Digits may stand in code, in inline
expressions and format specifications, in labels, citations and the targets of links, and in what
ALLOWED lists.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import params
from experiments.rendering.document import Cell, Document, load_document, load_project, parse

ROOT = Path(__file__).resolve().parents[2]
PAPER = ROOT / "paper"
SETTINGS = params.load(ROOT / "params.yaml").analyze
# Names and formats, and what params.yaml says: the latter fails here once the parameter changes.
ALLOWED = (
    "SmolLM2-135M-Instruct",
    "SmolLM2",
    "Llama-2-7B-Chat",
    "GSM8K",
    "135 million parameters",
    "32 bits",
    "sha256",
    "md5",
    r"\tfrac12",
    "> 0",  # the sign of a margin, in the head of a column
    "1 if they coincide, 0 if they are apart",
    "overlap by less than 1",
    f"{100 * SETTINGS.confidence:g} %",
)
# Made-up items of the prompts' examples; printing/report.py formats numbers and says none.
NO_PROSE = {"prompts.py", "report.py"}
WORDS = re.compile(r"\b[A-Za-z]{2,}\b")
CAPTIONS = ("fig-cap", "fig-alt", "tbl-cap")
STRIPPED = (
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.DOTALL | re.MULTILINE),  # blocks of code
    re.compile(r"`[^`]*`"),  # code and inline expressions
    re.compile(r"(?<=\])\([^)\s]*\)"),  # the target of a link
    re.compile(r"\{[^{}]*[#.=][^{}]*\}"),  # attributes
    re.compile(r"-?@[A-Za-z][\w:.-]*\w(, pp?\. [\d–]+)?"),  # references and citations
    re.compile(r"https?://\S+"),
)


def typed(text: str) -> list[str]:
    """Every number in a piece of prose that is neither code nor allowed."""
    for pattern in STRIPPED:
        text = pattern.sub(" ", text)
    text = " ".join(text.split())
    for phrase in ALLOWED:
        text = text.replace(phrase, " ")
    return re.findall(r"[\w.,%+−-]*\d[\w.,%]*", text)


def strings(source: str) -> Iterator[str]:
    """The strings of Python code that are prose: several words, and no docstring.

    Fields in braces are left out, and with them their format specifications.
    """
    tree = ast.parse(source)
    silent = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec:
            silent |= {id(part) for part in ast.walk(node.format_spec)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values}
            parts = [part.value if isinstance(part, ast.Constant) else " " for part in node.values]
            text = "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = re.sub(r"\{[^{}]*\}", " ", node.value)
        else:
            continue
        if id(node) not in silent and len(WORDS.findall(text)) > 1:
            yield text


def prose(document: Document) -> Iterator[str]:
    """Every piece of text that a reader of the document sees and no result decides."""
    for key in ("title", "subtitle", "abstract"):
        yield str(document.metadata.get(key, ""))
    for part in document.parts:
        if isinstance(part, Cell):
            yield from (str(part.options.get(key, "")) for key in CAPTIONS)
            yield from strings(part.source)
        else:
            yield part.source


def found(document: Document) -> list[str]:
    return [number for text in prose(document) for number in typed(text)]


@pytest.fixture(scope="module")
def project() -> dict:
    return load_project(ROOT)


@pytest.mark.parametrize("path", sorted(PAPER.glob("*.qmd")), ids=lambda path: path.name)
def test_no_document_types_a_number(path: Path, project: dict) -> None:
    numbers = found(load_document(ROOT, path.relative_to(ROOT), project))
    assert not numbers, f"{path.name} types {', '.join(numbers)}; print it from results/ instead"


@pytest.mark.parametrize("path", sorted(PAPER.glob("*.py")), ids=lambda path: path.name)
def test_no_sentence_is_built_with_a_number(path: Path) -> None:
    if path.name in NO_PROSE:
        pytest.skip("holds no sentences")
    texts = strings(path.read_text(encoding="utf-8"))
    numbers = [number for text in texts for number in typed(text)]
    assert not numbers, f"{path.name} holds {', '.join(numbers)}; print it from results/ instead"


CELL = '```{{python}}\n#| label: fig-a\n#| fig-cap: "{caption}"\n{code}\n```\n'


@pytest.mark.parametrize(
    "body",
    [
        "Sycophancy rose by 0.193.",
        "It rose by .193 nats.",
        "It fell by −0.2 [−0.3, −0.1].",
        "In 38 % of cases.",
        "In 95% of cases.",
        "Of 12 cells.",
        "GSM8K rose by 3 points.",
        "As `{python} number()` says, or 0.193.",
        "A table\n\n| a | b |\n|---|---|\n| MMLU | 0.41 |\n",
        "A result in math: $r = 0.193$.",
        "[It rose by 0.2](index.qmd).",
        "It rose by 0.2 [@wilson1927].",
        "Text with a note.[^a]\n\n[^a]: It rose by 0.2.",
        "## It rose by 0.2 {#sec-a}",
        CELL.format(caption="It rose by 0.193.", code="draw()"),
        CELL.format(caption="A figure.", code='Markdown("It rose by 0.193 nats")'),
        CELL.format(caption="A figure.", code='Markdown(f"It rose by {x:.2f}, not 0.193 nats")'),
        CELL.format(caption="A figure.", code='f"It rose by " f"{x:.2f} of 0.193 nats"'),
    ],
)
def test_a_typed_number_is_caught(body: str, project: dict) -> None:
    source = f"---\ntitle: A paper\n---\n\n{body}\n"
    assert found(parse(Path("paper/x.qmd"), source, project))


def test_a_typed_number_in_a_title_is_caught(project: dict) -> None:
    source = "---\ntitle: Sycophancy rose by 0.193\n---\n\nText.\n"
    assert found(parse(Path("paper/x.qmd"), source, project)) == ["0.193"]


@pytest.mark.parametrize(
    "body",
    [
        "GSM8K and SmolLM2-135M-Instruct after Llama-2-7B-Chat [@wilson1927; @holm1979, p. 3].",
        "See @tbl-2, @fig-a1 and [this](methods.qmd#sec-2).",
        "Code `r = 16` and `{python} number('x', '.2f')`.",
        "```\nrows = 4\n```",
        "A span [small]{.source size=8pt} and a heading.\n\n## Two {#sec-2}",
        "<!-- 0.193 -->",
        CELL.format(caption="A figure.", code='rows.head(3)\nfill("{estimate:+.2f} [{low:.2f}]")'),
        CELL.format(caption="A figure.", code='Markdown(f"It rose by {x:.2f} nats in all")'),
        CELL.format(caption="A figure.", code='def f():\n    """It is 0.2 or so."""'),
    ],
)
def test_other_digits_are_not(body: str, project: dict) -> None:
    source = f"---\ntitle: A paper\n---\n\n{body}\n"
    assert found(parse(Path("paper/x.qmd"), source, project)) == []


def test_a_stated_parameter_must_be_the_one_that_was_used() -> None:
    assert typed("Bars are 95 % intervals.") == ([] if SETTINGS.confidence == 0.95 else ["95"])
    assert typed("Bars are 90 % intervals.") == ["90"]
