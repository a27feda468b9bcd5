"""pandoc and the Lua filters, on Markdown as it stands after the cells have run."""

import re
import subprocess
from pathlib import Path

import pypandoc
import pytest

from experiments.errors import RenderError
from experiments.rendering.convert import compile_pdf, convert
from experiments.rendering.document import load_document, load_project
from tests.rendering.conftest import STYLE, write_project

LONG = (
    "a long sentence that is wider than a line of the source, word by word, and on and on it goes"
)
RICH = f"""
## Introduction {{#sec-intro}}

Models agree [@sharma2023]. See @sec-deep, @fig-one, @tbl-one, @tbl-two and
[the other page](other.qmd#sec-there).

$$
x^2
$$

### Deeper {{#sec-deep}}

::: {{#fig-one}}

![Said "aloud"](one.svg)

The *first* picture, after @sharma2023.

:::

::: {{#tbl-one}}

| a | b |
|:--|--:|
| HellaSwag | {LONG} |

A table in a div.

:::

| c | d |
|:--|--:|
| 1 | 2 |

: A table with a caption. {{#tbl-two}}

::: {{.content-visible when-format="html"}}
For HTML only.
:::

::: {{.content-visible when-format="typst"}}
For the PDF only.
:::

[Hidden in HTML.]{{.content-hidden when-format="html"}}

```{{=html}}
<p id="raw">Raw HTML</p>
```

## References {{.unnumbered}}

::: {{#refs}}
:::
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A path that would be a superscript, a quotation and an escape if it were read as Markdown.
    folder = tmp_path_factory.mktemp("project") / "a~b~ O'Brien %41 *x*"
    root = write_project(folder, {"index": "Text.", "other": "Text."})
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="30"/>'
    (root / "paper/one.svg").write_text(svg)
    return root


def converted(root: Path, markdown: str, target: str) -> str:
    project = load_project(root)
    document = load_document(root, Path("paper/other.qmd"), project)
    return convert(root, project, document, target, markdown)


@pytest.fixture(scope="module")
def html(root: Path) -> str:
    return converted(root, RICH, "html")


@pytest.fixture(scope="module")
def typst(root: Path) -> str:
    return converted(root, RICH, "typst")


def plain(html: str) -> str:
    text = re.sub(r"<[^>]+>", "", html[html.index("<main") :])
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def test_references_are_numbered_links_in_html(html):
    assert "See Section 1.1, Figure 1, Table 1, Table 2 and" in plain(html)
    for label in ("sec-deep", "fig-one", "tbl-one", "tbl-two"):
        assert f'href="#{label}"' in html and f'id="{label}"' in html


def test_captions_and_alternative_texts_in_html(html):
    text = plain(html)
    assert "Figure 1: The first picture, after Sharma (2023)." in text
    assert "Table 1: A table in a div." in text and "Table 2: A table with a caption." in text
    assert re.search(r'alt="Said .aloud."', html) and text.count("aloud") == 0


def test_blocks_in_html(html):
    assert "For HTML only." in html and "For the PDF only." not in html
    assert 'id="raw"' in html and "Hidden" not in html and "<math" in html
    assert 'href="other.html#sec-there"' in html
    assert "Deeper" in html[html.index('id="TOC"') : html.index("<main")]


def test_html_asks_for_nothing_outside(html):
    loads = re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', html) + re.findall(
        r"url\((.*?)\)", html
    )
    assert loads and not [target for target in loads if "//" in target]


def test_typst_is_what_quarto_writes(typst):
    flat = re.sub(r"\s+", " ", typst)
    assert "See #ref(<sec-deep>, supplement: [Section]), #ref(<fig-one>, supplement: [Fig" in flat
    assert '#box(image("one.svg", alt: ' in typst
    assert flat.count('kind: "quarto-float-tbl", supplement: "Table"') == 2
    assert "kind: table" not in flat  # a figure around a table would keep it from breaking
    assert "= Introduction\n<sec-intro>" in typst and "== Deeper\n<sec-deep>" in typst
    assert "For the PDF only." in typst and "For HTML only." not in typst
    assert "other.pdf" in typst and "Hidden" in typst


def test_the_pdf_is_the_same_twice(root, typst, tmp_path):
    document = load_document(root, Path("paper/other.qmd"), load_project(root))
    (tmp_path / "one.svg").write_bytes((root / "paper/one.svg").read_bytes())
    pdfs = [compile_pdf(document, typst, tmp_path, tmp_path) for _ in range(2)]
    assert pdfs[0] == pdfs[1] and pdfs[0].startswith(b"%PDF")
    assert not list(tmp_path.glob("*.typ"))


def test_a_wrong_typst_block_is_one_sentence(root, tmp_path):
    document = load_document(root, Path("paper/other.qmd"), load_project(root))
    with pytest.raises(RenderError, match=r"other\.qmd: typst failed: "):
        compile_pdf(document, "#undefined()", tmp_path, tmp_path)


def test_markdown_is_plain(root):
    """No HTML but anchors for what is referred to, and what the document itself writes in HTML."""
    text = converted(root, RICH, "gfm").replace("\u00a0", " ")
    assert set(re.findall(r"<(\w+)", text)) == {"a", "p"} and text.count("<p") == 1
    anchors = re.findall(r'<a id="([^"]+)"></a>', text)
    labels = {"sec-intro", "sec-deep", "fig-one", "tbl-one", "tbl-two", "ref-sharma2023"}
    assert sorted(anchors) == sorted(labels)
    assert "[Figure 1](#fig-one)" in text and "(other.md#sec-there)" in text
    assert "](one.svg)" in text and "**Table 2:** A table with a caption." in text
    assert "1.1 Deeper" in text and "| HellaSwag |" in re.sub(r" +", " ", text)
    assert str(root) not in text and "For HTML only." not in text


@pytest.mark.parametrize(
    ("target", "extension"),
    [("typst", ".pdf"), ("commonmark", ".md#sec-a"), ("html", ".html#sec-a")],
)
def test_the_filter_keeps_links_in_their_format_and_columns_without_widths(target, extension):
    table = f"| a | b |\n|--|--|\n| +0.07 [−0.08, +0.22] | {LONG} |"
    done = subprocess.run(
        [pypandoc.get_pandoc_path(), "--to", target, f"--lua-filter={STYLE / 'filter.lua'}"],
        input=f"[x](other.qmd#sec-a) [y](#sec-b) [z](https://example.org/a.qmd) (n = 24)\n\n"
        f"{table}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"other{extension}" in done.stdout and "other.qmd" not in done.stdout
    assert "https://example.org/a.qmd" in done.stdout and "sec-b" in done.stdout
    assert "%" not in done.stdout
    assert re.search(r"\[−0\.08,(\u00a0|~|&nbsp;)\+0\.22", done.stdout)
    blank = " " if extension.startswith(".md") else "(\u00a0|~|&nbsp;)"
    assert re.search(rf"\(n{blank}={blank}24\)", done.stdout)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("See @fig-none.", "@fig-none does not resolve"),
        ("See [-@fig-none].", "without brackets"),
        ("## A {#sec-a .unnumbered}\n\nSee @sec-a.", "does not resolve"),
        ("As @nobody2020 says.\n\n::: {#refs}\n:::", "nobody2020"),
        ("As @sharma2023 says.", "needs the heading References"),
        ("## A {#sec-a}\n\n## B {#sec-a}", "used twice"),
        ("::: {.column-margin}\nText.\n:::", "outside the supported subset"),
        ("::: {.callout-note}\nText.\n:::", "outside the supported subset"),
        ("::: {.panel-tabset}\nText.\n:::", "outside the supported subset"),
        ("::: {#tbl-a}\nNo table.\n\nA caption.\n:::", "exactly one table"),
        ("::: {#fig-a}\n```\nText\n```\n:::", "must be its caption"),
        ("$$\\undefined{x}$$", "pandoc warns"),
    ],
)
def test_what_does_not_resolve_fails_with_its_line(root, body, words):
    (root / "paper/other.qmd").write_text(f"---\ntitle: A\n---\n\nText.\n\n{body}\n")
    with pytest.raises(RenderError, match=rf"paper/other\.qmd:(?!1:)\d+: .*{words}"):
        converted(root, f"Text.\n\n{body}\n", "html")
