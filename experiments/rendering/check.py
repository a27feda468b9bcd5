"""Check a rendered site, whoever rendered it: what a reader would meet as a defect fails.

python -m experiments.rendering.check [_site]
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from experiments.errors import RenderError, run_stage

PROSE_DEFECTS = {
    "?@": "an unresolved cross-reference",
    "{python}": "an inline expression that was not evaluated",
}
OUTPUT_DEFECTS = {
    "<IPython.core.display": "an object that was printed instead of shown",
    "<Figure size": "a figure that was printed instead of shown",
}
FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
MARKDOWN_LINK = re.compile(r"(!?)\[[^\]]*\]\(<?([^)\s>]+)")
HTML_IMAGE = re.compile(r'<(img)\b[^>]*\bsrc="([^"]+)"')


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.prose: list[str] = []
        self.preformatted: list[str] = []
        self._open = {tag: 0 for tag in ("script", "style", "pre")}
        self._quoting = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.ids.update(values[name] for name in ("id", "name") if values.get(name))
        if tag in self._open:
            self._open[tag] += 1
        if tag == "pre":  # what a model said is quoted, whatever it looks like
            self._quoting = "quoted" in values.get("class", "").split()
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("href"):
            self.loads.append(values["href"])
        elif values.get("src"):
            self.loads.append(values["src"])

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open[tag] -= 1

    def handle_data(self, data: str) -> None:
        if self._open["pre"] and self._quoting:
            return
        if not self._open["script"] and not self._open["style"]:
            (self.preformatted if self._open["pre"] else self.prose).append(data)


def check_site(site: Path, expected: list[Path]) -> None:
    """Raise RenderError on a missing file, an unresolved text, a request to outside or a dead link.

    `expected` lists the files that must be there, relative to `site`.
    """
    for path in expected:
        if not (site / path).is_file():
            raise RenderError(f"{path} was not rendered")
        if path.suffix == ".pdf" and not (site / path).read_bytes().startswith(b"%PDF"):
            raise RenderError(f"{path} is not a PDF")
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        _check_page(site, path, page, pages)
    for path in sorted(site.rglob("*.md")):
        _check_markdown(site, path)


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _check_page(site: Path, path: Path, page: _Page, pages: dict[Path, _Page]) -> None:
    name = path.relative_to(site)
    _check_text(name, "".join(page.prose), PROSE_DEFECTS)
    _check_text(name, "".join(page.preformatted), OUTPUT_DEFECTS)
    for target in page.loads:
        if urlsplit(target).netloc:
            raise RenderError(f"{name} loads {target} from outside")
    for target in [*page.loads, *page.links]:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if file.is_dir():
            file = file / "index.html"
        if not file.is_file():
            raise RenderError(f"{name} points to {target}, which does not exist")
        anchor = unquote(parts.fragment)
        if anchor and file in pages and anchor not in pages[file].ids:
            raise RenderError(f"{name} points to {target}, but there is no such place")


def _check_markdown(site: Path, path: Path) -> None:
    name, text = path.relative_to(site), FENCED.sub("", path.read_text(encoding="utf-8"))
    _check_text(name, text, PROSE_DEFECTS)
    for image, target in [*MARKDOWN_LINK.findall(text), *HTML_IMAGE.findall(text)]:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            if image:
                raise RenderError(f"{name} loads {target} from outside")
        elif parts.path and not (path.parent / unquote(parts.path)).is_file():
            raise RenderError(f"{name} points to {target}, which does not exist")


def _check_text(name: Path, text: str, defects: dict[str, str]) -> None:
    for mark, meaning in defects.items():
        if mark in text:
            start = text.index(mark)
            excerpt = re.sub(r"\s+", " ", text[max(0, start - 30) : start + 50]).strip()
            raise RenderError(f"{name} shows {meaning}: ... {excerpt} ...")


def main() -> None:
    site = Path(sys.argv[1] if len(sys.argv) > 1 else "_site")
    check_site(site, [Path("index.html")])
    print(f"{site}: every reference resolves, and no page asks for anything from outside")


if __name__ == "__main__":
    run_stage(main)
