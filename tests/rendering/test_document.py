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


def parsed(body: str):
    return parse(Path("paper/index.qmd"), MATTER + body, {})


def test_text_and_cells_keep_their_lines():
    document = parsed("One.\n\n```{python}\n#| label: tbl-a\n#| tbl-cap: A cap\nx = 1\n```\nTwo.\n")
    text, cell, rest = document.parts
    assert (text, rest) == (Text("One.\n\n", 4), Text("Two.\n", 11))
    assert isinstance(cell, Cell) and cell.line == 6
    assert cell.options == {"label": "tbl-a", "tbl-cap": "A cap"}
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
        ("```{python}\n#| label: 5\nx\n```\n", 4, "label must be text, not 5"),
        ("```{python}\n#| label: a\n#| fig-alt: >-\n#|   A bar.\nx\n```\n", 6, "as one line"),
        ("```{python}\n#| label: a\n#| fig-alt: A\n#|   bar.\nx\n```\n", 7, "as one line"),
        ("Text.\n\n![A](a.svg)\n", 6, "images are not supported"),
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
        ("---\ntitle: A\nbibliography: 5\n---\n", "'bibliography' is outside"),
        ("---\ntitle: 5\n---\n", "title must be text, not 5"),
        ("---\n5\n---\n", "expected keys and values"),
        ("---\ntitle: '`{python} x`'\n---\n", "not evaluated in front matter"),
    ],
)
def test_front_matter_is_checked(source, words):
    with pytest.raises(RenderError, match=words):
        parse(Path("paper/index.qmd"), source, {})


def test_the_document_overrides_the_project_and_a_format_overrides_both():
    project = {"toc": True, "lang": "en", "format": {"html": {"toc": False}, "gfm": {}}}
    document = parse(Path("a.qmd"), MATTER, project)
    assert [options_for(document, name)["toc"] for name in ("html", "gfm")] == [False, True]
    document = parse(Path("a.qmd"), "---\ntitle: A\ntoc: false\n---\n", project)
    assert not options_for(document, "gfm")["toc"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("bibliography: 5", "bibliography must be text, not 5"),
        ("bibliography: none.bib", "none.bib, which does not exist"),
        ("filters: [none.lua]", "none.lua, which does not exist"),
        ("format: html", "format must be keys, not 'html'"),
        ("format: {docx: {}}", "'docx' is outside"),
        ("format: {html: {embed-resources: true}}", "'embed-resources' is outside"),
        ("format: {html: {html-math-method: katex}}", "must be mathml"),
        ("execute: {freeze: auto}", "execute.freeze is outside"),
        ("- 5", "expected keys and values"),
    ],
)
def test_the_settings_are_checked(settings, words, tmp_path):
    (tmp_path / "_quarto.yml").write_text(settings)
    with pytest.raises(RenderError, match=words):
        load_project(tmp_path)


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


PROFILES = {
    "_quarto.yml": "profile: {group: [wide, narrow]}\n",
    "_quarto-wide.yml": "project: {render: [paper/index.qmd, paper/audit.qmd]}\n",
    "_quarto-narrow.yml": (
        "project: {render: [paper/audit.qmd], output-dir: _other}\n"
        "website: {navbar: {left: [{href: paper/audit.qmd, text: Audit}]}}\n"
    ),
}


def profiled(root: Path) -> Path:
    """A project whose list of documents depends on the profile."""
    (root / "paper").mkdir()
    for name, text in PROFILES.items():
        settings = "project: {type: website, output-dir: _site}\nwebsite: {title: A site}\n"
        (root / name).write_text(settings + text if name == "_quarto.yml" else text)
    for name in ("index", "audit"):
        (root / f"paper/{name}.qmd").write_text("---\ntitle: A\n---\n")
    return root


def test_a_profile_is_merged_over_the_project(tmp_path):
    root = profiled(tmp_path)
    wide, narrow = load_project(root), load_project(root, "narrow")
    assert (wide["profile"], narrow["profile"]) == ("wide", "narrow")  # the first, unless asked
    assert render_list(root, wide) == [Path("paper/index.qmd"), Path("paper/audit.qmd")]
    assert render_list(root, narrow) == [Path("paper/audit.qmd")]
    assert narrow["project"] == {
        "type": "website", "output-dir": "_other", "render": ["paper/audit.qmd"],
    }  # fmt: skip
    assert narrow["website"]["title"] == "A site"
    assert narrow["website"]["navbar"]["left"] == [{"href": "paper/audit.qmd", "text": "Audit"}]
    assert load_project(root, "wide") == wide


def test_a_profile_appends_to_lists_as_quarto_does(tmp_path):
    root = profiled(tmp_path)
    path = root / "_quarto.yml"
    path.write_text(path.read_text().replace("_site}", "_site, render: [paper/index.qmd]}"))
    assert render_list(root, load_project(root, "narrow")) == [
        Path("paper/index.qmd"),
        Path("paper/audit.qmd"),
    ]
    wide = load_project(root, "wide")["project"]["render"]
    assert wide == ["paper/index.qmd", "paper/audit.qmd"]  # an entry of both files stands once


def test_a_profile_that_is_not_there_is_refused(tmp_path):
    root = profiled(tmp_path)
    with pytest.raises(RenderError, match="no profile 'other'; it has wide, narrow"):
        load_project(root, "other")
    (root / "_quarto-narrow.yml").write_text("profile: {default: wide}\n")
    with pytest.raises(RenderError, match=r"_quarto-narrow\.yml: profile: 'default' is outside"):
        load_project(root, "narrow")
    (root / "_quarto-narrow.yml").unlink()
    with pytest.raises(RenderError, match=r"_quarto-narrow\.yml is missing"):
        load_project(root, "narrow")


def test_a_project_without_profiles_has_none(project):
    root = project(index="Text.")
    assert load_project(root, "published") == load_project(root)
    assert load_project(root)["profile"] is None


def test_the_published_profile_has_only_documents_that_its_protocol_measures():
    root = Path(__file__).parents[2]
    main, published = (
        {path.stem for path in render_list(root, load_project(root, name))}
        for name in ("controlled", "published")
    )
    assert published == {"runs", "audit"}
    assert published < main
    assert main == {path.stem for path in (root / "paper").glob("*.qmd")}
