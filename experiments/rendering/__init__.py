"""Render the paper's .qmd files without Quarto: nbclient runs the cells, pandoc and typst write.

The subset of Quarto 1.9 that the documents use, with the same styles (paper/style/). Anything else
stops the render with a RenderError that names the document and the line, and so does a reference,
an inline expression, a citation, a link that does not resolve, a cell that raises, and a figure
without alternative text. Refused too is what Quarto itself mangles without a word.

_quarto.yml      project (type website, output-dir, render, post-render), website (title, search,
                 navbar left with href and text), format (html, typst, gfm), execute, profile (one
                 group; _quarto-NAME.yml is merged over this file), filters, bibliography, lang,
                 toc, toc-depth, number-sections. Keys that only dress Quarto's own pages (theme,
                 ...) are accepted and ignored: see IGNORED_OPTIONS.
front matter     title, subtitle, author, toc. No date: it would change the output every day.
cells            ```{python}; options label, include, fig-cap, fig-alt, tbl-cap, each on one line
                 (Quarto mangles block scalars). They show Markdown or SVG figures: Quarto makes
                 pages with HTML outputs load scripts from outside. Cells run once for all formats,
                 in the document's folder.
inline           `{python} expression`, on one line, giving Markdown, text or a plain number.
references       @fig-x, @tbl-x, @sec-x without brackets. A figure or table is a labelled cell, or a
                 div ::: {#tbl-x} whose last paragraph is the caption (there the caption may hold
                 inline expressions). Sections are referable under number-sections: true.
citations        @key, [-@key], [@key, p. 3; @other], in pandoc's default style; the list stands
                 in ::: {#refs}.
blocks           .content-visible and .content-hidden (when-format: html, typst, gfm), raw {=html}
                 blocks, and pandoc's own Markdown without images.
links            [text](other.qmd#section) leads to the same format of the other document.
"""

FORMATS = {"html": ".html", "typst": ".pdf", "gfm": ".md"}
SHARED = {"bibliography": str, "lang": str, "toc": bool, "toc-depth": int, "number-sections": bool}
FRONT_MATTER = {"title": str, "subtitle": str, "author": str, "toc": bool}
PROJECT_KEYS = SHARED | {
    "project": dict, "website": dict, "profile": dict, "execute": dict, "format": dict,
    "filters": list, "jupyter": str, "syntax-highlighting": str,
}  # fmt: skip
CELL_OPTIONS = {"label": str, "include": bool, "fig-cap": str, "fig-alt": str, "tbl-cap": str}
FORMAT_OPTIONS = {"toc": bool, "css": str, "template": str}
# What the fallback always does.
REQUIRED_VALUES = {
    "html-math-method": "mathml",
    "fig-format": "svg",
    "citeproc": True,
}
EXECUTE = {"echo": False, "warning": False}
# What concerns only the look of Quarto's own pages.
IGNORED_OPTIONS = {"theme", "respect-user-color-scheme", "format-links"}
