"""Render the paper: every document of _quarto.yml to HTML and PDF under _site/.

    python -m experiments.render              all documents
    python -m experiments.render paper/x.qmd  only these, into the site that is there

Quarto renders where it is installed; elsewhere experiments/rendering does, from the same files.
Which documents there are depends on the protocol of params.yaml, which names a project profile:
_quarto-controlled.yml or _quarto-published.yml. Quarto itself takes the first unless it is told:
`quarto render --profile published`.
About five seconds and 300 MB a document; Quarto takes three times as long, because it runs every
document once per format. The previous site stays until the new one is whole, and
every printed number is merged into results/printed_numbers.csv.
"""

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from experiments import files, params, readme
from experiments.errors import RenderError, run_stage
from experiments.rendering import FORMATS
from experiments.rendering.check import check_site
from experiments.rendering.document import Document, load_document, load_project, render_list

PARTS = Path(".printed")
PRINTED_NUMBERS = Path("results/printed_numbers.csv")
PART_COLUMNS = ["document", "key", "printed", "value", "low", "high"]
# As Quarto and pandoc write warnings, in colours or not; kernels write theirs otherwise.
WARNING = re.compile(r"^(?:\x1b\[\d+m)*WARN(?:ING)?: |\[WARNING\] ")
FORWARD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={target}">
<title>{title}</title>
</head>
<body><p><a href="{target}">{title}</a></p></body>
</html>
"""


def render(root: Path, selected: list[Path]) -> None:
    """Render `selected` documents (all if empty) and swap the finished site in."""
    if (root / params.FILE).is_file():
        params.folder_of_run(params.load(root / params.FILE).paper.run, root)  # or says so at once
    project = load_project(root, protocol(root))
    listed = render_list(root, project)
    for path in selected:
        if path not in listed:
            raise RenderError(f"{path} is not in project.render of _quarto.yml")
    documents = [load_document(root, path, project) for path in listed]
    _check_navigation(project, listed)
    site = root / project.get("project", {}).get("output-dir", "_site")
    quarto = shutil.which("quarto")
    whole = bool(quarto) or not selected or not site.is_dir()
    chosen = [document for document in documents if whole or document.path in selected]
    for document in chosen:
        (root / PARTS / f"{document.path.stem}.csv").unlink(missing_ok=True)
    with files.new_folder(site) as building:
        if not whole:
            shutil.copytree(site, building, dirs_exist_ok=True)
        if quarto:
            _run_quarto(quarto, root, building, project["profile"])
        else:
            _render_documents(root, project, chosen, building)
            _write_forward(project, documents[0], building)
        expected = _outputs(chosen)
        check_site(building, [Path("index.html"), *expected])
    count = collect_printed(root, listed)
    readme.keep_picture(root, site)
    renderer = "Quarto" if quarto else "the built-in renderer"
    print(
        f"{renderer} wrote {len(expected)} files under {site.name}/ (begin at "
        f"{site.name}/index.html) and {count} printed numbers to {PRINTED_NUMBERS}"
    )


def _check_navigation(project: dict[str, Any], listed: list[Path]) -> None:
    navbar = (project.get("website") or {}).get("navbar") or {}
    for item in navbar.get("left") or []:
        if Path(item["href"]) not in listed:
            raise RenderError(
                f"_quarto.yml: the navbar names {item['href']}, which is not rendered"
            )


def _outputs(documents: list[Document]) -> list[Path]:
    return [
        document.path.with_suffix(FORMATS[target])
        for document in documents
        for target in document.metadata["format"]
    ]


def protocol(root: Path) -> str | None:
    """The protocol of params.yaml, None without such a file."""
    path = root / "params.yaml"
    return params.load(path).protocol if path.is_file() else None


def _run_quarto(quarto: str, root: Path, building: Path, profile: str | None) -> None:
    # The hook and the kernel must find this Python, not another one on the path.
    environment = {
        **os.environ,
        "QUARTO_PYTHON": sys.executable,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    command = [quarto, "render", "--output-dir", building.name]
    command += ["--profile", profile] if profile else []
    warnings = []
    with subprocess.Popen(
        command, cwd=root, env=environment, text=True, encoding="utf-8", errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as running:  # fmt: skip
        for line in running.stdout or ():
            print(line, end="", flush=True)
            warnings += [line] if WARNING.search(line) else []
    if running.returncode:
        raise RenderError("quarto render failed; its message stands above")
    if warnings:
        raise RenderError(f"quarto warns: {WARNING.split(warnings[0])[-1].strip()}")


def _render_documents(
    root: Path, project: dict[str, Any], documents: list[Document], building: Path
) -> None:
    # Imported here: --collect, which Quarto calls, needs neither pandoc nor Jupyter.
    from experiments.rendering.convert import compile_pdf, convert
    from experiments.rendering.notebook import execute, to_markdown

    for number, document in enumerate(documents, 1):
        targets = list(document.metadata["format"])
        progress = f"[{number}/{len(documents)}] {document.path}"
        print(f"{progress}: {', '.join(targets)}", flush=True)
        executed = execute(root, document, project["profile"])
        folder = building / document.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / f"{document.path.stem}_files", ignore_errors=True)
        for target in targets:
            markdown, figures = to_markdown(executed, target)
            for path, content in figures.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
            text = convert(root, project, document, target, markdown)
            output = building / document.path.with_suffix(FORMATS[target])
            if target == "typst":
                output.write_bytes(compile_pdf(document, text, folder, building))
            else:
                output.write_text(text, encoding="utf-8")


def _write_forward(project: dict[str, Any], first: Document, building: Path) -> None:
    title = str((project.get("website") or {}).get("title") or first.metadata["title"])
    target = first.path.with_suffix(".html").as_posix()
    page = FORWARD.format(target=target, title=title)
    (building / "index.html").write_text(page, encoding="utf-8")


def collect_printed(root: Path, listed: list[Path]) -> int:
    """Merge .printed/NAME.csv of the listed documents into results/printed_numbers.csv.

    Each part has the columns PART_COLUMNS, one row a printed number, as paper/report.py writes
    them; the merged table adds `order`, the place in the document. Returns the number of rows.
    A listed document without a part (not rendered in this checkout yet) keeps the rows it has;
    documents that are no longer listed are left out.
    """
    target = root / PRINTED_NUMBERS
    earlier: list[list[str]] = []
    if target.is_file():
        with target.open(newline="", encoding="utf-8") as file:
            earlier = list(csv.reader(file))[1:]
    rows: list[list[str]] = []
    for path in sorted(listed):
        part = root / PARTS / f"{path.stem}.csv"
        if not part.is_file():
            rows += [row for row in earlier if row and row[0] == path.stem]
            continue
        with part.open(newline="", encoding="utf-8") as file:
            header, *body = list(csv.reader(file)) or [[]]
        if header != PART_COLUMNS or any(len(row) != len(PART_COLUMNS) for row in body):
            message = f"expected rows of {', '.join(PART_COLUMNS)}; render the document again"
            raise RenderError(f"{part.relative_to(root)}: {message}")
        rows += [[row[0], str(order), *row[1:]] for order, row in enumerate(body, 1)]
    target.parent.mkdir(exist_ok=True)
    with files.new_file(target) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["document", "order", *PART_COLUMNS[1:]])
        writer.writerows(rows)
    return len(rows)


def collect(root: Path) -> None:
    """What is left to do after the documents, whoever rendered them."""
    collect_printed(root, render_list(root, load_project(root, protocol(root))))
    if protocol(root) != "published":  # its replies decide few of the README's claims
        readme.update(root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", nargs="*", type=Path, help="documents of _quarto.yml")
    root = Path.cwd()
    render(root, parser.parse_args().documents)
    collect(root)


if __name__ == "__main__":
    run_stage(main)
