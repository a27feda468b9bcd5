from pathlib import Path

import pytest

from experiments.errors import RenderError
from experiments.rendering.document import (
    Cell,
    Text,
    load_project,
    options_for,
    parse,
    render_list,
)

MATTER = "---\ntitle: A title\n---\n"


def parsed(body: str, project: dict | None = None, folder: Path = Path(".")):
    return parse(Path("paper/index.qmd"), MATTER + body, project or {"format": "html"}, folder)


def test_text_and_cells_keep_their_lines():
    document = parsed("One.\n\n```{python}\n#| label: fig-a\n#| fig-cap: A cap\nx = 1\n```\nTwo.\n")
    text, cell, rest = document.parts
    assert (text, rest) == (Text("One.\n\n", 4), Text("Two.\n", 11))
    assert isinstance(cell, Cell) and cell.line == 6
    assert cell.options == {"label": "fig-a", "fig-cap": "A cap"}
    assert cell.source.splitlines()[-1] == "x = 1"


@pytest.mark.parametrize("fence", ["````", "~~~"])
def test_a_shown_cell_does_not_run(fence):
    document = parsed(f"{fence}\n```{{python}}\nx\n```\n{fence}\n")
    assert [type(part) for part in document.parts] == [Text]


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("Text.\n\n{{< include other.qmd >}}\n", 6, "shortcodes"),
        ("Text.\n```{r}\n1\n```\n", 5, "must open with"),
        ("```{python}\nx\n", 4, "not closed"),
        ("- A list\n\n    ```{python}\n    x\n    ```\n", 6, "must not be indented"),
        ("```{python}\n#| fig-cap: A cap\nx\n```\n", 4, "needs a label"),
        ("```{python}\n#| label: fig-a\nx\n```\n", 4, "has no fig-cap"),
        ("```{python}\n#| code-fold: true\nx\n```\n", 4, "'code-fold' is outside"),
        ("```{python}\n#| label: [\nx\n```\n", 4, "not valid YAML"),
        ("Text `{python} a\n+ b` more.\n", 4, "on one line"),
        ("Text `{r} a`.\n", 4, "on one line"),
        ("Text `{python}`.\n", 4, "on one line"),
    ],
)
def test_what_is_outside_the_subset_names_its_line(body, line, words):
    with pytest.raises(RenderError, match=rf"index\.qmd:{line}: .*{words}"):
        parsed(body)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Text.\n", "must begin with front matter"),
        ("---\ntitle: A\n", "not closed"),
        ("---\nsubtitle: A\n---\n", "no title"),
        ("---\ntitle: A\ndate: today\n---\n", "'date' is outside"),
        ("---\ntitle: A\nexecute:\n  freeze: auto\n---\n", "'freeze' is outside"),
        ("---\ntitle: A\nformat: docx\n---\n", "'docx' is outside"),
        ("---\ntitle: A\nformat:\n  html:\n    embed-resources: true\n---\n", "must be False"),
        ("---\ntitle: '`{python} x`'\n---\n", "not evaluated in front matter"),
        ("---\ntitle: A\nbibliography: none.bib\n---\n", "none.bib, which does not exist"),
    ],
)
def test_front_matter_is_checked(source, words, tmp_path):
    with pytest.raises(RenderError, match=words):
        parse(Path("paper/index.qmd"), source, {}, tmp_path)


def test_the_document_overrides_the_project_and_a_format_overrides_both():
    project = {"toc": True, "execute": {"echo": False}, "format": {"html": {"toc-depth": 2}}}
    source = "---\ntitle: A\nexecute:\n  warning: false\nformat:\n  html:\n    toc: false\n---\n"
    document = parse(Path("a.qmd"), source, project, Path("."))
    assert document.metadata["execute"] == {"echo": False, "warning": False}
    options = options_for(document, "html")
    assert (options["toc"], options["toc-depth"]) == (False, 2)


def test_the_render_list_keeps_its_order(project):
    root = project(audit="Text.", index="Text.")
    assert render_list(root, load_project(root)) == [
        Path("paper/index.qmd"),
        Path("paper/audit.qmd"),
    ]
    (root / "paper" / "index.qmd").unlink()
    with pytest.raises(RenderError, match=r"lists paper/index\.qmd"):
        render_list(root, load_project(root))


def test_the_committed_configuration_is_inside_the_subset():
    root = Path(__file__).parents[2]
    project = load_project(root)
    assert {"html", "typst"} <= project["format"].keys()
    assert project["format"]["html"]["html-math-method"] == "mathml"
