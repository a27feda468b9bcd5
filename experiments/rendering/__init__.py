"""Render the paper's .qmd files without Quarto: nbclient runs the cells, pandoc and typst write.

The subset of Quarto 1.9 that is understood. Anything else stops the render with a RenderError
that names the document and the line, and so does a reference, an inline expression, a citation, a
link or an image that does not resolve, a cell that raises, and an image without alternative text.

_quarto.yml      project (type website, output-dir, render, post-render), website (title, navbar
                 left and right with href and text), format (html, typst, gfm), execute, profile
                 (one group; _quarto-NAME.yml is merged over this file), and the keys of the front
                 matter as defaults. Keys that only dress Quarto's own pages
                 (theme, ...) are accepted and ignored: see IGNORED_OPTIONS.
front matter     title, subtitle, author (a name, or name and affiliation; or a list of them),
                 abstract, bibliography, lang, toc, toc-depth, number-sections, execute, format.
                 No date: it would change the output every day.
cells            ```{python}; options label, echo, eval, include, output (true, false, asis),
                 warning, fig-cap, fig-alt, tbl-cap. fig-width and fig-height are ignored: a
                 figure states its own size. Outputs: Markdown, HTML (in a PDF only its tables),
                 SVG, PNG, plain text, stdout, stderr. Cells run once for all formats, in the
                 document's folder.
inline           `{python} expression`, on one line, giving Markdown, text or a plain number.
references       labels fig-, tbl-, sec-, eq-; @fig-x, @Fig-x, [-@fig-x] (the number alone),
                 [Fig. @fig-x], [@fig-x; @fig-y]. A figure or table is a labelled cell, an image
                 or table with its label, or a div ::: {#fig-x} whose last paragraph is the
                 caption (there the caption may hold inline expressions).
                 Sections are referable under number-sections: true.
citations        @key, [-@key], [@key, p. 3; @other], in pandoc's default style; the list stands
                 in ::: {#refs}, or at the end under References.
blocks           callouts (note, tip, warning, important, caution; title, collapse),
                 .panel-tabset (tabs in HTML, headings elsewhere), .column-margin,
                 .content-visible and .content-hidden (when-format, unless-format: html, typst,
                 gfm), footnotes, raw {=html} and {=typst} blocks, and pandoc's own Markdown.
links            [text](other.qmd#section) leads to the same format of the other document.
"""

FORMATS = {"html": ".html", "typst": ".pdf", "gfm": ".md"}

FRONT_MATTER = {
    "title",
    "subtitle",
    "author",
    "abstract",
    "bibliography",
    "lang",
    "toc",
    "toc-depth",
    "number-sections",
    "execute",
    "format",
    "jupyter",
}
PROJECT_KEYS = {"project", "website", "profile"} | FRONT_MATTER - {"title", "subtitle", "abstract"}
EXECUTE_OPTIONS = {"echo", "eval", "include", "output", "warning"}
CELL_OPTIONS = EXECUTE_OPTIONS | {
    "label",
    "fig-cap",
    "fig-alt",
    "tbl-cap",
    "fig-width",
    "fig-height",
}
FORMAT_OPTIONS = {"toc", "toc-depth", "number-sections", "css"}
# What the fallback always does, or what concerns only the look of Quarto's own pages.
REQUIRED_VALUES = {
    "html-math-method": "mathml",
    "embed-resources": False,
    "fig-format": "svg",
    "citeproc": True,
    "papersize": "a4",
    "filters": ["paper/style/links.lua"],  # links between documents keep their format
}
IGNORED_OPTIONS = {
    "theme",
    "respect-user-color-scheme",
    "margin",
    "mainfont",
    "fontsize",
    "code-copy",
    "anchor-sections",
    "smooth-scroll",
    "fig-responsive",
    "html-table-processing",
}
