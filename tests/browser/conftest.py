"""A real browser, and the rendered site as a server would serve it, without any network.

The browser is the one of `playwright install`, else the system's Chromium or Chrome. Without one
the checks are skipped; BROWSER_CHECKS=required, as in CI, makes that a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from experiments.render import protocol
from experiments.rendering.document import load_project, render_list
from tests.working_copy import ROOT, copy_working_tree

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

ORIGIN = "http://paper.test"
CHECKS = Path(__file__).with_name("checks.js")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_MS = 20_000


@dataclass(frozen=True)
class Opened:
    """A page in a browser, and what went wrong while it loaded."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def check(self, name: str, *arguments: float) -> list[str]:
        """The sentences of one check of checks.js."""
        return self.page.evaluate(f"values => checks.{name}(...values)", list(arguments))


class Site:
    """A folder of pages; whatever a page asks for elsewhere is refused and remembered."""

    def __init__(self, browser: Browser, folder: Path, scheme: str = "light") -> None:
        self.folder = folder
        self.context: BrowserContext = browser.new_context(color_scheme=scheme)
        self.context.set_default_timeout(TIMEOUT_MS)
        self.context.add_init_script(path=CHECKS)
        self.context.route("**/*", self.serve)
        self.opened: dict[str, Opened] = {}

    def open(self, path: str, width: int = 1400) -> Opened:
        """The page at `path`, opened once, in a window of this width."""
        if path not in self.opened:
            self.opened[path] = self.load(path)
        opened = self.opened[path]
        opened.page.set_viewport_size({"width": width, "height": 900})
        return opened

    def load(self, path: str) -> Opened:
        opened = Opened(self.context.new_page())
        page, complaints = opened.page, opened.complaints
        page.on("pageerror", lambda error: complaints.append(f"an uncaught error: {error}"))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else 0)
        page.on("requestfailed", lambda request: complaints.append(f"refused: {request.url}"))
        page.goto(f"{ORIGIN}/{path}", wait_until="load")
        return opened

    def file(self, address: str) -> Path:
        """What a server would send from there; of a folder, its index."""
        path = self.folder / unquote(urlsplit(address).path).lstrip("/")
        return path / "index.html" if path.is_dir() else path

    def serve(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        path = self.file(route.request.url)
        if f"{address.scheme}://{address.netloc}" != ORIGIN:
            route.abort()
        elif path.is_file():
            route.fulfill(path=path)
        else:
            route.fulfill(status=404, body="not found")


def without_browser(reason: str) -> Any:
    """Skip, or fail where the checks are required."""
    if os.environ.get("BROWSER_CHECKS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        without_browser("no playwright: install the package's `test` extra to check the pages")
    with sync_playwright() as driver:
        for path in (None, *filter(None, map(shutil.which, BROWSERS))):
            try:
                # A root user, as in a container, has no sandbox.
                started = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
            except Error as error:
                failure = str(error).strip().splitlines()[0]
            else:
                yield started
                started.close()
                return
        without_browser(f"no Chromium starts here, so the pages are not checked: {failure}")


@pytest.fixture(scope="session")
def rendered(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """_site if it is newer than all it is made from; else a render of a copy of this tree."""
    site = ROOT / "_site"
    if is_fresh(site):
        return site
    copy = copy_working_tree(tmp_path_factory.mktemp("paper"))
    done = subprocess.run(
        [sys.executable, "-m", "experiments.render"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"the paper does not render: {done.stderr.strip()}")
    return copy / "_site"


def is_fresh(site: Path) -> bool:
    """Whether every page is there and newer than all that the render stage depends on."""
    pages = [site / path for path in pages_of(ROOT)]
    if not all(page.is_file() for page in pages):
        return False
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["render"]
    sources = [ROOT / path for path in ("params.yaml", *stage["deps"])]
    files = [
        file
        for path in sources
        for file in (path.rglob("*") if path.is_dir() else [path])
        if file.is_file() and "__pycache__" not in file.parts
    ]
    oldest = min(page.stat().st_mtime for page in pages)
    return oldest >= max(file.stat().st_mtime for file in files)


def pages_of(root: Path) -> list[str]:
    """The HTML page of every document of _quarto.yml, relative to the site."""
    project = load_project(root, protocol(root))
    return [str(path.with_suffix(".html")) for path in render_list(root, project)]


@pytest.fixture(scope="session")
def sites(browser: Browser, rendered: Path) -> dict[str, Site]:
    """The site in either colour scheme."""
    return {scheme: Site(browser, rendered, scheme) for scheme in ("light", "dark")}
