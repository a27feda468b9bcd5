"""A text set as a table's cell stays one cell and plain text, for every reader of the table."""

from __future__ import annotations

import pypandoc
import pytest

from experiments.quoting import cell

TEXTS = {
    "a|b": "a|b",
    "`a|b` and `|`": "a|b and |",
    "``x|y` z``": "x|y` z",
    "un`closed | tick": "un`closed | tick",
    "<script>x</script>": "<script>x</script>",
    "{{< env HOME >}}": "{{< env HOME >}}",
    "`{{< env HOME >}}`": "{{< env HOME >}}",
    "[x]{.hidden}": "[x]{.hidden}",
    "![x](http://a.example)": "!x",
    "$5, $6, @you, a~b~, x^2^": "$5, $6, @you, a~b~, x^2^",
    "two\nlines": "two lines",
    "p <0.001": "p <0.001",
}


@pytest.mark.parametrize("through", ["html", "gfm"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_cell_holds_its_text_and_nothing_else(text: str, through: str) -> None:
    table = f"| A | B |\n|:--|:--|\n| {cell(text)} | last |\n"
    if through == "gfm":
        table = pypandoc.convert_text(table, "gfm", format="markdown", extra_args=["--wrap=none"])
    plain = pypandoc.convert_text(
        table, "html", format="gfm" if through == "gfm" else "markdown", extra_args=["--wrap=none"]
    )
    assert plain.count("<td") == 2
    assert not any(tag in plain for tag in ("<script", "<img", "<sub", "<sup", "math", 'hidden"'))
    shown = pypandoc.convert_text(plain, "plain", format="html", extra_args=["--wrap=none"])
    assert TEXTS[text] in " ".join(shown.split())


@pytest.mark.parametrize("text", ["{{< env HOME >}}", "`{{< env HOME >}}`", "`a` {{< b >}} `c`"])
def test_no_shortcode_is_left_for_quarto(text: str) -> None:
    assert "{{<" not in cell(text)


def test_emphasis_and_code_of_our_own_are_kept() -> None:
    assert cell("**same:** `{r: 16}`") == "**same:** `{r: 16}`"
