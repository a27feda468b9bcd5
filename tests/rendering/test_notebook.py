from pathlib import Path

import pytest

from experiments.errors import RenderError
from experiments.rendering.document import Cell, parse
from experiments.rendering.notebook import Executed, _inline_text, execute, to_markdown

SVG = "<svg/>"


def document(body: str):
    source = "---\ntitle: A title\n---\n" + body
    return parse(Path("index.qmd"), source, {"execute": {"echo": False}}, Path("."))


def shown(options: str, *outputs: dict, target: str = "html") -> tuple[str, dict[str, bytes]]:
    parsed = document(f"```{{python}}\n{options}\nx\n```\n")
    return to_markdown(Executed(parsed, {}, {0: list(outputs)}), target)


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
        (ok(), "neither text nor a number"),
        ({"status": "error", "ename": "NameError", "evalue": "name 'x'"}, "failed with NameError"),
        (None, "no reply"),
    ],
)
def test_inline_that_would_print_nonsense_fails(result, words):
    with pytest.raises(RenderError, match=rf"index\.qmd:7: .*{words}"):
        _inline_text(document("a"), 7, "x", result)


def test_a_labelled_figure_gets_its_caption_and_file():
    options = '#| label: fig-a\n#| fig-cap: "Of *all*."\n#| fig-alt: A "bar"'
    markdown, figures = shown(options, display(svg=SVG, plain="<Figure>"))
    assert figures == {"index_files/fig-a.svg": b"<svg/>"}
    assert "::: {#fig-a}" in markdown and "Of *all*." in markdown
    assert '![](index_files/fig-a.svg){fig-alt="A &quot;bar&quot;"}' in markdown


def test_two_figures_of_one_cell_have_two_files():
    _, figures = shown("", display(svg=SVG), display(svg=SVG))
    assert len(figures) == 2


def test_html_is_for_html_and_only_its_tables_for_pdf():
    table, script = display(html="<table></table>", plain="t"), display(html="<b>x</b>", plain="p")
    assert "<b>x</b>" in shown("", script)[0]
    assert "<b>x</b>" not in shown("", script, target="typst")[0]
    assert "<table>" in shown("", table, target="typst")[0]


def test_output_options():
    assert "hidden" not in shown("#| output: false", stream("hidden"))[0]
    assert shown("#| include: false", stream("hidden"))[0] == ""
    assert shown("#| output: asis", stream("**as is**"))[0] == "**as is**"
    assert "noise" not in shown("#| warning: false", stream("noise", "stderr"))[0]
    assert "noise" in shown("", stream("noise", "stderr"))[0]
    assert "```python\nx\n```" in shown("#| echo: true")[0]
    assert shown("", stream("``` inside"))[0].startswith("````")


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
