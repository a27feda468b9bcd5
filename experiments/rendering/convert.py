"""Turn executed documents into HTML pages, PDFs and Markdown with pandoc and typst."""

import json
import os
import re
import subprocess
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import pypandoc
import typst

from experiments.errors import RenderError
from experiments.rendering import FORMATS
from experiments.rendering.document import Document, options_for

HERE = Path(__file__).parent
METADATA = ("title", "subtitle", "author", "lang")
CREATED = 0  # a fixed creation time keeps the PDF the same from run to run


def navigation(project: dict[str, Any], document: Document) -> str:
    """The navigation bar as HTML, with links relative to the document."""
    website = project.get("website") or {}
    navbar = website.get("navbar") or {}
    links = []
    for item in navbar.get("left") or []:
        page = Path(item["href"])
        current = ' aria-current="page"' if page == document.path else ""
        target = os.path.relpath(page.with_suffix(".html"), document.path.parent)
        links.append(f'<a href="{escape(target)}"{current}>{escape(item["text"])}</a>')
    title = f'<span class="site-title">{escape(str(website.get("title", "")))}</span>'
    return f'<header class="navbar"><nav aria-label="Site">{title}{"".join(links)}</nav></header>'


def other_formats(document: Document) -> str:
    names = {"typst": "PDF", "gfm": "Markdown"}
    links = [
        f'<a href="{document.path.stem}{FORMATS[name]}">{names[name]}</a>'
        for name in names
        if name in document.metadata["format"]
    ]
    return f'<p class="other-formats">Also as {" and ".join(links)}</p>' if links else ""


def convert(
    root: Path, project: dict[str, Any], document: Document, target: str, markdown: str
) -> str:
    """Run pandoc on executed Markdown. Raises RenderError on every warning pandoc gives."""
    options = options_for(document, target)
    metadata: dict[str, Any] = {key: options[key] for key in METADATA if key in options}
    metadata["link-citations"] = True
    variables: dict[str, Any] = {}
    template = HERE / "page.md"
    if target == "html":
        template = HERE / "page.html"
        styles = [options["css"], HERE / "page.css"]
        variables = {
            "page-css": "\n".join(path.read_text(encoding="utf-8") for path in styles),
            "navbar": navigation(project, document),
            "other-formats": other_formats(document),
            "site-title": escape(str((project.get("website") or {}).get("title", ""))),
        }
    elif target == "typst":  # the variables that Quarto gives its template
        template = options["template"]
        variables = {"section-numbering": "1.1"} if options.get("number-sections") else {}
        metadata["by-author"] = [{"name": {"literal": metadata.get("author", "")}}]
    folder = root / document.path.parent

    def file(kind: str, path: Path) -> str:
        # An argument, since metadata are Markdown; relative, since pandoc reads % as in a URL.
        return f"--{kind}={os.path.relpath(path, folder)}"

    filters = [HERE / "references.lua", *project.get("filters", [])]
    arguments = ["--to", target, file("template", template)]
    arguments += [file("lua-filter", path) for path in filters]
    if "bibliography" in options:
        arguments += ["--citeproc", file("bibliography", options["bibliography"])]
    if target == "html":
        arguments.append("--mathml")
    if target == "gfm":
        arguments.append(file("lua-filter", HERE / "gfm.lua"))
    elif options.get("toc"):
        arguments += ["--toc", f"--toc-depth={options.get('toc-depth', 3)}"]
    if options.get("number-sections"):
        arguments.append("--number-sections")
    text, log = _pandoc(folder, arguments, metadata, variables, markdown, document)
    _judge(document, log)
    return text


def _pandoc(
    folder: Path,
    arguments: list[str],
    metadata: dict[str, Any],
    variables: dict[str, Any],
    markdown: str,
    document: Document,
) -> tuple[str, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as scratch:
        log, defaults = Path(scratch, "log.json"), Path(scratch, "defaults.json")
        values = Path(scratch, "metadata.json")
        defaults.write_text(json.dumps({"variables": variables}), encoding="utf-8")
        values.write_text(json.dumps(metadata), encoding="utf-8")
        command = [
            pypandoc.get_pandoc_path(),
            "--from=markdown-implicit_figures",
            "--wrap=preserve",
            f"--defaults={defaults}",
            f"--metadata-file={values}",
            "--syntax-highlighting=none",
            f"--log={log}",
            "--quiet",
            *arguments,
        ]
        done = subprocess.run(
            command, input=markdown.encode(), capture_output=True, cwd=folder, check=False
        )
        if done.returncode:
            raise RenderError(f"{document.path}: pandoc failed: {done.stderr.decode().strip()}")
        return done.stdout.decode(), json.loads(log.read_text(encoding="utf-8"))


def _judge(document: Document, log: list[dict[str, Any]]) -> None:
    """Raise the first problem in pandoc's log."""
    # The filter's own messages first: they say more than pandoc's.
    for entry in sorted(log, key=lambda entry: "\t" not in str(entry.get("message", ""))):
        place, tab, message = str(entry.get("message", "")).partition("\t")
        if entry["verbosity"] == "INFO":
            continue
        if tab:
            raise document.fail(document.line_of(place), message)
        key = str(entry.get("contents", entry.get("path", "")))
        missing = re.match(r"citation (\S+) not found", place)
        message = place or f"{entry['type']} {key}"
        line = document.line_of(f"@{missing[1]}" if missing else key)
        raise document.fail(line, f"pandoc warns: {message}")


def compile_pdf(document: Document, source: str, folder: Path, root: Path) -> bytes:
    """Compile typst source whose images lie in `folder`, with typst's embedded fonts only."""
    path = folder / f"{document.path.stem}.typ"
    path.write_text(source, encoding="utf-8")
    try:
        pdf, warnings = typst.compile_with_warnings(
            str(path), root=str(root), ignore_system_fonts=True, font_paths=[], timestamp=CREATED
        )
    except typst.TypstError as error:
        hints = "; ".join([error.message, *error.hints])
        raise RenderError(f"{document.path}: typst failed: {hints}") from error
    finally:
        path.unlink()
    if warnings:
        raise RenderError(f"{document.path}: typst warns: {warnings[0].message}")
    return pdf
