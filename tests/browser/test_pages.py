"""Every page of the paper in a real browser: nothing a reader would meet as a defect."""

from __future__ import annotations

from urllib.parse import unquote, urldefrag, urljoin

import pytest

from tests.browser.conftest import ORIGIN, Site, pages_of
from tests.working_copy import ROOT

# The first test renders the paper if the site is older than its sources.
pytestmark = pytest.mark.timeout(900)

PAGES = pages_of(ROOT)
TRANSCRIPTS = "paper/transcripts.html"
# WCAG 2.2, success criterion 1.4.3, for text of any size.
READABLE = 4.5
# Ink of figures is black and grey on white; a card that is not nearly white would swallow the grey.
NEARLY_WHITE = 18.0
# The search waits for a pause in typing.
DEBOUNCED_MS = 250


@pytest.mark.parametrize("path", PAGES)
def test_it_loads_without_an_error_or_a_request_to_outside(sites, path) -> None:
    assert sites["light"].open(path).complaints == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("check", ["images", "leftovers", "identifiers", "headings"])
def test_it_has_no_defect(sites, path, check) -> None:
    assert sites["light"].open(path).check(check) == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [400, 1400])
def test_it_fits_its_window(sites, path, width) -> None:
    assert sites["light"].open(path, width).check("overflow") == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(sites, path, scheme) -> None:
    opened = sites[scheme].open(path)
    assert opened.check("contrast", READABLE) == []
    assert opened.check("figures", NEARLY_WHITE) == []


def test_every_link_between_the_pages_leads_somewhere(sites) -> None:
    assert dead_links(sites["light"], PAGES) == []


def dead_links(site: Site, paths: list[str]) -> list[str]:
    """Links and anchors of these pages that lead to no file of the site, or to no place in one."""
    places = {path: site.open(path).page.evaluate("checks.places()") for path in paths}
    dead = []
    for path, found in places.items():
        for link in dict.fromkeys(found["links"]):
            address, anchor = urldefrag(urljoin(f"{ORIGIN}/{path}", link))
            if not address.startswith(f"{ORIGIN}/"):
                continue
            target = site.file(address)
            known = places.get(str(target.relative_to(site.folder)), {"ids": None})["ids"]
            lacks_place = anchor and known is not None and unquote(anchor) not in known
            if not target.is_file() or lacks_place:
                dead.append(f"{path} links to {link}")
    return dead


@pytest.fixture
def transcripts(sites):
    """The page of transcripts with its controls as they are at first."""
    if TRANSCRIPTS not in PAGES:
        pytest.skip("this profile has no page of transcripts")
    page = sites["light"].open(TRANSCRIPTS).page
    page.reload()
    return page


def shown_pairs(page) -> int:
    """How many pairs of replies are visible, once the page has taken in the last choice."""
    page.wait_for_timeout(DEBOUNCED_MS)
    visible = page.locator("article:visible").count()
    assert page.locator(".shown").inner_text() == str(visible)
    return visible


@pytest.mark.parametrize("name", ["model", "test", "outcome"])
def test_transcripts_are_filtered(transcripts, name) -> None:
    every = shown_pairs(transcripts)
    choices = transcripts.locator(f"select[name={name}] option").evaluate_all(
        "options => options.map(option => option.value).filter(value => value)"
    )
    counts = []
    for choice in choices:
        transcripts.locator(f"select[name={name}]").select_option(choice)
        counts.append(shown_pairs(transcripts))
        marked = transcripts.locator("article:visible").evaluate_all(
            f"pairs => pairs.map(pair => pair.dataset.{name})"
        )
        assert set(marked) == {choice}
    assert len(choices) > 1 and sum(counts) == every
    transcripts.locator("button[type=reset]").click()
    assert shown_pairs(transcripts) == every


def test_transcripts_are_searched(transcripts) -> None:
    every = shown_pairs(transcripts)
    # A longest word of a reply: rare enough to leave pairs out.
    word = transcripts.locator("article pre").first.evaluate(
        "said => said.textContent.split(/[^a-z]+/i).sort((a, b) => b.length - a.length)[0]"
    )
    transcripts.locator("input[type=search]").fill(word)
    assert 0 < shown_pairs(transcripts) < every
    transcripts.locator("input[type=search]").fill("no reply holds these words")
    assert shown_pairs(transcripts) == 0
    transcripts.locator("input[type=search]").fill("")
    assert shown_pairs(transcripts) == every
