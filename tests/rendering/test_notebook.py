from pathlib import Path

import pytest

from experiments.errors import RenderError
from experiments.rendering.document import Cell, parse
from experiments.rendering.notebook import Executed, _inline_text, execute, to_markdown

SVG = "<svg/>"


def document(body: str):
    source = "---\ntitle: A title\n---\n" + body
    return parse(Path("index.qmd"), source, {})


def shown(options: str, *outputs: dict) -> tuple[str, dict[str, bytes]]:
    parsed = document(f"```{{python}}\n{options}\nx\n```\n")
    return to_markdown(Executed(parsed, {}, {0: list(outputs)}), "html")


def display(**data: str) -> dict:
    names = {"markdown": "text/markdown", "html": "text/html", "plain": "text/plain"}
    names["svg"] = "image/svg+xml"
    return {"output_type": "display_data", "data": {names[k]: v for k, v in data.items()}}


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def ok(**data: str) -> dict:
    names = {"markdown": "text/markdown", "plain": "text/plain"}
    return {"status": "ok", "data": {names[k]: v for k, v in data.items()}}


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (ok(plain="'+0.3 [−0.1, 0.7]'"), r"+0.3 \[−0.1, 0.7\]"),
        (ok(plain="'a_b *c*'"), r"a\_b \*c\*"),
        (ok(plain="12"), "12"),
        (ok(markdown="**b**", plain="<Markdown>"), "**b**"),
    ],
)
def test_inline_text_is_literal_and_markdown_is_markdown(result, text):
    assert _inline_text(document("a"), 4, "x", result) == text


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (ok(plain="np.float64(0.3)"), "neither text nor a number"),
        (ok(plain="''"), "gives no text"),
        (ok(markdown="{{< env HOME >}}"), "which Quarto expands"),
        (ok(), "neither text nor a number"),
        ({"status": "error", "ename": "NameError", "evalue": "name 'x'"}, "failed with NameError"),
        (None, "no reply"),
    ],
)
def test_inline_that_would_print_nonsense_fails(result, words):
    with pytest.raises(RenderError, match=rf"index\.qmd:7: .*{words}"):
        _inline_text(document("a"), 7, "x", result)


FIGURE = '#| label: fig-a\n#| fig-cap: "Of *all*."\n#| fig-alt: A [bar]'


def test_a_labelled_figure_gets_its_caption_and_file():
    markdown, figures = shown(FIGURE, display(svg=SVG, plain="<Figure>"))
    assert figures == {"index_files/fig-a.svg": b"<svg/>"}
    assert "::: {#fig-a}" in markdown and "Of *all*." in markdown
    assert "![A \\[bar\\]](index_files/fig-a.svg)" in markdown


def test_output_that_is_not_shown():
    assert shown("#| include: false", stream("hidden"))[0] == ""
    assert shown("#| label: a", stream("noise", "stderr"))[0] == ""
    assert shown("#| label: a", display(markdown="**b**", plain="b"))[0] == "**b**"


@pytest.mark.parametrize(
    ("options", "outputs", "words"),
    [
        (FIGURE, [display(svg=SVG), display(svg=SVG)], "two figures"),
        ("#| label: a", [display(svg=SVG)], "needs fig-alt"),
        ("#| label: a", [display(html="<b>x</b>", plain="x")], "loads scripts from outside"),
        ("#| label: a", [display(plain="<Axes>")], "shows text/plain"),
        ("#| label: a", [stream("x")], "shows printed text"),
        ("#| label: a", [display(markdown="{{< env HOME >}}")], "{{<, which Quarto expands"),
    ],
)
def test_output_that_quarto_or_a_reader_would_trip_over_fails(options, outputs, words):
    with pytest.raises(RenderError, match=rf"index\.qmd:4: .*{words}"):
        shown(options, *outputs)


@pytest.mark.parametrize(
    ("before", "value"),
    [("", "1. x"), ("Text.\n\n", "- x"), ("Text.\n\n- ", "12) x"), ("> ", "+ x")],
)
def test_an_inline_value_that_would_become_a_list_fails(tmp_path, before, value):
    parsed = document(f"{before}`{{python}} '{value}'` and more.\n")
    line = 4 + before.count("\n")
    with pytest.raises(RenderError, match=rf"index\.qmd:{line}: .*put a word before"):
        execute(tmp_path, parsed)


def test_an_inline_value_within_a_paragraph_may_look_like_a_list(tmp_path):
    parsed = document("A `{python} '1. x'`\n`{python} '1. x'` `{python} '+0.3'`.\n")
    assert execute(tmp_path, parsed).texts == {0: "A 1. x\n1. x +0.3.\n"}


def test_a_labelled_cell_that_shows_nothing_fails():
    with pytest.raises(RenderError, match=r"index\.qmd:4: the cell tbl-a shows nothing"):
        shown("#| label: tbl-a\n#| tbl-cap: A cap")


def test_a_cell_that_raises_names_its_line(tmp_path):
    parsed = document("Text.\n\n```{python}\n#| include: false\nx = 1\n1 / 0\n```\n")
    with pytest.raises(RenderError, match=r"index\.qmd:9: the cell raised ZeroDivisionError"):
        execute(tmp_path, parsed)


def test_a_document_without_code_needs_no_kernel(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.rendering.notebook.NotebookClient", None)
    parsed = document("Text.\n")
    assert execute(tmp_path, parsed).texts == {0: "Text.\n"}
    assert not any(isinstance(part, Cell) for part in parsed.parts)
