"""Each check fails on a small page that has its defect, and passes on a sound one."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Opened, Site, is_fresh
from tests.browser.test_pages import NEARLY_WHITE, READABLE, dead_links

SOUND = """
<nav><h2>On this page</h2><a href="./">Home</a></nav><aside><h2>As PDF</h2></aside>
<main><h1 id="top">Title</h1><p>Text with a <a href="#top">link</a> and
<a href="other.html#there">another</a>.</p><h2>Section</h2>
<figure style="background: #fff"><img src="a.svg" alt="A circle"></figure>
<div style="overflow-x: auto"><table><tr><td style="min-width: 900px">wide</td></tr></table></div>
<pre>```{python}</pre><script>const code = "?@ {python}";</script></main>
"""
ARGUMENTS = {"contrast": [READABLE], "figures": [NEARLY_WHITE]}
EVERY = ["images", "leftovers", "identifiers", "headings", "overflow", "contrast", "figures"]
DARK = "<style>body { background: #111; color: #eee }</style>"


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page with a body, in a site that also has another page and a picture."""
    sites = []

    def open_page(body: str, scheme: str = "light", head: str = "") -> tuple[Site, Opened]:
        page = (
            f'<html lang="en"><head><meta charset="utf-8">{head}</head><body>{body}</body></html>'
        )
        (tmp_path / "index.html").write_text(page, encoding="utf-8")
        (tmp_path / "other.html").write_text('<h1 id="there">Other</h1>', encoding="utf-8")
        size = 'width="9" height="9"'
        circle = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><circle r="4"/></svg>'
        (tmp_path / "a.svg").write_text(circle, encoding="utf-8")
        sites.append(Site(browser, tmp_path, scheme))
        return sites[-1], sites[-1].open("index.html", 400)

    yield open_page
    for site in sites:
        site.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sound_page_passes_every_check(opened, scheme) -> None:
    sheets = '<style id="sheet"></style>' * 2
    head = f'<meta name="color-scheme" content="light dark">{sheets}'
    site, page = opened(SOUND, scheme, head)
    assert page.complaints == []
    assert {name: page.check(name, *ARGUMENTS.get(name, [])) for name in EVERY} == {
        name: [] for name in EVERY
    }
    assert dead_links(site, ["index.html", "other.html"]) == []


@pytest.mark.parametrize(
    ("check", "body", "said"),
    [
        ("images", '<img src="none.svg" alt="x">', "none.svg is broken"),
        ("images", '<img src="a.svg">', "no alternative text"),
        ("images", '<img src="a.svg" alt=" ">', "no alternative text"),
        ("leftovers", "<p>See ?@fig-none.</p>", "?@ stands in"),
        ("leftovers", "<p>It is <code>{python} x</code>.</p>", "{python} stands in"),
        ("leftovers", "<p>{{&lt; meta title >}}</p>", "{{< stands in"),
        ("leftovers", "<pre>&lt;Figure size 640x480></pre>", "<Figure size stands in"),
        ("identifiers", '<p id="a">x</p><p id="a">y</p>', "two elements have the id a"),
        ("headings", "<h1>A</h1><h3>C</h3>", "after level 1"),
        ("headings", "<h1>A</h1><h1>B</h1>", "2 headings of level 1"),
        ("headings", "<h2>B</h2>", "0 headings of level 1"),
        ("overflow", '<p style="width: 900px">wide</p>', "leaves the page"),
        ("overflow", "<table><tr><td>" + "a" * 200 + "</table>", "px wide in 400 px"),
        (
            "overflow",
            '<table style="table-layout: fixed; width: 90px"><tr><td>' + "a" * 40 + "</table>",
            "is wider than its cell",
        ),
        ("contrast", '<p style="color: #999">pale</p>', "has contrast 2.8"),
        ("contrast", '<p style="opacity: 0.4">faint</p>', "has contrast"),
        ("contrast", f"{DARK}<table><tr><td style='color: #333'>x</table>", "has contrast 1."),
        ("figures", f'{DARK}<main><img src="a.svg" alt="x"></main>', "a.svg has contrast 1."),
    ],
)
def test_a_defect_is_found(opened, check, body, said) -> None:
    found = opened(body)[1].check(check, *ARGUMENTS.get(check, []))
    assert any(said in sentence for sentence in found), found


def test_a_figure_needs_paper_in_the_dark_too(opened) -> None:
    head = '<meta name="color-scheme" content="light dark">'
    body = '<main><img src="a.svg" alt="x"></main>'
    assert opened(body, "light", head)[1].check("figures", NEARLY_WHITE) == []
    assert opened(body, "dark", head)[1].check("figures", NEARLY_WHITE) != []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<script>undefined.call()</script>", "an uncaught error"),
        ("<script>console.error('broken')</script>", "broken"),
        ('<img src="https://example.org/a.png" alt="x">', "refused: https://example.org/a.png"),
        ("<script src='//cdn.example.org/a.js'></script>", "refused: http://cdn.example.org/a.js"),
        ("<style>@import url('https://example.org/a.css')</style>", "refused: https://example.org"),
        ("<script src='none.js'></script>", "404"),
    ],
)
def test_errors_and_requests_to_outside_are_noticed(opened, body, said) -> None:
    complaints = opened(body)[1].complaints
    assert any(said in sentence for sentence in complaints), complaints


@pytest.mark.parametrize("link", ["#none", "other.html#none", "none.html", "none.pdf", "none/"])
def test_a_dead_link_is_found(opened, link) -> None:
    site, _ = opened(f'<a href="{link}">x</a>')
    assert dead_links(site, ["index.html", "other.html"]) == [f"index.html links to {link}"]


def test_an_incomplete_site_is_rendered_anew(tmp_path) -> None:
    assert not is_fresh(tmp_path)
