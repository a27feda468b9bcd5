"""pandoc and the Lua filter, on Markdown as it stands after the cells have run."""

import re
import subprocess
from pathlib import Path

import pypandoc
import pytest

from experiments.errors import RenderError
from experiments.rendering.convert import Page, compile_pdf, convert
from experiments.rendering.document import load_document, load_project
from tests.rendering.conftest import write_project

LINKS = Path(__file__).parents[2] / "paper/style/links.lua"
RICH = """
## Introduction {#sec-intro}

Models agree [@sharma2023]. See @sec-deep, @fig-one, @Fig-one, [-@fig-two], [Fig. @fig-two],
[@fig-one; @tbl-one], @tbl-div, @eq-one and [the other page](other.qmd#sec-there).[^1]

[^1]: A footnote.

$$
x^2
$$ {#eq-one}

### Deeper {#sec-deep}

![A picture.](one.svg){#fig-one fig-alt="Said \\"aloud\\""}

::: {#fig-two fig-alt="Another"}
![](two.svg)

The *second* picture, after @sharma2023.
:::

| a | b |
|:--|--:|
| 1 | 2 |

: A table. {#tbl-one}

:::: {#tbl-div}
::: {.cell-html}
```{=html}
<style scoped>p {}</style><table class="dataframe"><tr><th>h</th></tr><tr><td>9</td></tr></table>
```
:::

A table in a div.
::::

::: {.callout-warning collapse="true" title="Take *care*"}
Small models.
:::

::: {.callout-note}
## Not a section
A note.
:::

::: {.panel-tabset}
### Left
In the left tab.

### Right
In the right tab.
:::

::: {.column-margin}
In the margin.
:::

::: {.content-visible when-format="html"}
For HTML only.
:::

::: {.content-hidden unless-format="typst"}
For the PDF only.
:::

```{=html}
<p id="raw">Raw HTML</p>
```

```{=typst}
#emph[Raw typst]
```
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_project(tmp_path_factory.mktemp("project"), {"index": RICH, "other": "Text."})
    for name in ("one", "two"):
        svg = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="30"/>'
        (root / "paper" / f"{name}.svg").write_text(svg)
    return root


def converted(root: Path, markdown: str, target: str) -> Page:
    project = load_project(root)
    document = load_document(root, Path("paper/index.qmd"), project)
    return convert(root, project, document, target, markdown)


@pytest.fixture(scope="module")
def html(root: Path) -> str:
    return converted(root, RICH, "html").text


@pytest.fixture(scope="module")
def typst(root: Path) -> str:
    return converted(root, RICH, "typst").text


def plain(html: str) -> str:
    text = re.sub(r"<[^>]+>", "", html[html.index("<main") :])
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def test_references_are_numbered_links_in_html(html):
    assert (
        "See Section 1.1, Figure 1, Figure 1, 2, Fig. 2, Figure 1, Table 1, Table 2, Equation 1 and"
    ) in plain(html)
    for label in ("sec-deep", "fig-one", "fig-two", "tbl-one", "tbl-div", "eq-one"):
        assert f'href="#{label}"' in html and f'id="{label}"' in html


def test_captions_and_alternative_texts_in_html(html):
    text = plain(html)
    assert "Figure 1: A picture." in text and "Table 2: A table in a div." in text
    assert "Figure 2: The second picture, after Sharma (2023)." in text
    assert 'alt="Said &quot;aloud&quot;"' in html and 'alt="Another"' in html
    assert "style scoped" not in html


def test_blocks_in_html(html):
    assert '<details class="callout callout-warning"><summary' in html
    assert "Take <em>care</em>" in html
    assert html.count('type="radio"') == 2 and html.count('-1-1" checked>') == 1
    assert '<aside class="column-margin">' in html and 'id="raw"' in html
    assert "For HTML only." in html and "For the PDF only." not in html
    assert "Raw typst" not in html and "<math" in html
    assert 'href="other.html#sec-there"' in html
    toc = html[html.index('id="TOC"') : html.index("<main")]
    assert "Deeper" in toc and "Not a section" not in toc and "Left" not in toc


def test_html_asks_for_nothing_outside(html):
    loads = re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', html) + re.findall(
        r"url\((.*?)\)", html
    )
    assert loads and not [target for target in loads if "//" in target]


def test_the_same_references_in_typst(typst):
    flat = re.sub(r"\s+", " ", typst)
    assert "#link(<sec-deep>)[Section~1.1], #link(<fig-one>)[Figure~1]" in flat
    assert '#image("one.svg", alt: "Said \\"aloud\\"")' in typst
    assert "caption: [ Table~2: A table in a div. ]" in flat or "Table~2: A table in a div." in flat
    assert "= Introduction\n<sec-intro>" in typst and "== Deeper\n<sec-deep>" in typst
    assert '#callout("warning", [' in typst and "#margin-note[" in typst
    assert "For the PDF only." in typst and "For HTML only." not in typst
    assert "Raw typst" in typst and "other.pdf" in typst


def test_the_pdf_is_the_same_twice(root, typst, tmp_path):
    document = load_document(root, Path("paper/index.qmd"), load_project(root))
    for name in ("one", "two"):
        (tmp_path / f"{name}.svg").write_bytes((root / "paper" / f"{name}.svg").read_bytes())
    pdfs = [compile_pdf(document, typst, tmp_path, tmp_path) for _ in range(2)]
    assert pdfs[0] == pdfs[1] and pdfs[0].startswith(b"%PDF")
    assert not list(tmp_path.glob("*.typ"))


def test_a_wrong_typst_block_is_one_sentence(root, typst, tmp_path):
    document = load_document(root, Path("paper/index.qmd"), load_project(root))
    with pytest.raises(RenderError, match=r"index\.qmd: typst failed: "):
        compile_pdf(document, "#undefined()", tmp_path, tmp_path)


def test_markdown_keeps_the_numbers_and_no_machine_path(root):
    text = converted(root, RICH, "gfm").text
    assert "[Figure 1](#fig-one)" in text.replace("\u00a0", " ")
    assert '<a id="sec-deep"></a>1.1 Deeper' in text and "(other.md#sec-there)" in text
    assert str(root) not in text


def test_markdown_is_plain(root):
    """No HTML but anchors for what is referred to, and what the document itself writes in HTML."""
    text = converted(root, RICH, "gfm").text.replace("\u00a0", " ")
    assert set(re.findall(r"<(\w+)", text)) == {"a", "p"} and text.count("<p") == 1
    anchors = re.findall(r'<a id="([^"]+)"></a>', text)
    labels = {"sec-intro", "sec-deep", "fig-one", "fig-two", "tbl-one", "tbl-div", "eq-one"}
    assert sorted(anchors) == sorted({*labels, "ref-sharma2023"})
    assert '![Said "aloud"](one.svg)' in text and "![Another](two.svg)" in text
    assert "\n**Figure 1:** A picture.\n" in text
    assert '<a id="tbl-one"></a>**Table 1:** A table.' in text
    assert "| a | b |" in re.sub(r" +", " ", text) and "| 9 |" in re.sub(r" +", " ", text)
    assert "> [!WARNING]\n>\n> **Take *care***\n>\n> Small models." in text
    assert "In the margin." in text and "For HTML only." not in text


@pytest.mark.parametrize(("target", "extension"), [("typst", ".pdf"), ("commonmark", ".md#sec-a")])
def test_the_filter_for_quarto_keeps_links_in_their_format(target, extension):
    done = subprocess.run(
        [pypandoc.get_pandoc_path(), "--to", target, f"--lua-filter={LINKS}"],
        input="[x](other.qmd#sec-a) [y](#sec-b) [z](https://example.org/a.qmd)",
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"other{extension}" in done.stdout and "other.qmd" not in done.stdout
    assert "https://example.org/a.qmd" in done.stdout and "sec-b" in done.stdout


def test_the_paths_that_are_mentioned(root):
    page = converted(root, RICH, "html")
    assert page.images == ("one.svg", "two.svg") and page.documents == ("other.qmd",)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("See @fig-none.", "@fig-none does not resolve"),
        ("## A {#sec-a .unnumbered}\n\nSee @sec-a.", "need number-sections"),
        ("As @nobody2020 says.", "nobody2020"),
        ("![](one.svg)", "no alternative text"),
        ("## A {#sec-a}\n\n## B {#sec-a}", "used twice"),
        ("::: {.column-page}\nText.\n:::", "column-page is not supported"),
        ("::: {layout-ncol=2}\nText.\n:::", "layout-ncol is not supported"),
        ("::: {#thm-a}\nText.\n:::", "labels like thm-a"),
        ('::: {.content-visible when-format="docx"}\nText.\n:::', "when-format=docx"),
        ("::: {#tbl-a}\nNo table.\n\nA caption.\n:::", "exactly one table"),
        ("::: {#fig-a}\n```\nText\n```\n:::", "must be its caption"),
        ("::: {.panel-tabset}\nText.\n:::", "a heading for each tab"),
        ("::: {.callout-danger}\nText.\n:::", "callout-danger is not supported"),
        ("$$\\undefined{x}$$", "pandoc warns"),
    ],
)
def test_what_does_not_resolve_fails_with_its_line(root, body, words):
    (root / "paper" / "index.qmd").write_text(f"---\ntitle: A\n---\n\nText.\n\n{body}\n")
    with pytest.raises(RenderError, match=rf"paper/index\.qmd:(?!1:)\d+: .*{words}"):
        converted(root, f"Text.\n\n{body}\n", "html")
