"""Run the cells of a document once, and write their outputs as Markdown for one format."""

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from experiments.rendering.document import INLINE, Cell, Document, Text

SPECIAL = re.compile(r"[\\`*_{}\[\]<>$~^@#|]")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# The inline backend writes vector figures whose element ids do not change from run to run.
KERNEL_ARGUMENTS = [
    "--InlineBackend.figure_formats=svg",
    "--InlineBackend.rc={'svg.hashsalt': 'figure'}",
    "--HistoryManager.enabled=False",
    "--log-level=ERROR",
]
# What at the beginning of a paragraph would begin a list, a heading, a quotation or a table.
BLOCK = re.compile(r"(?:\(?[\dA-Za-z#]+[.)]|[-*+:]|#+)(?:\s|$)|>|\||:::")
SHORTCODE = "{{<"
EXPANDED = "which Quarto expands; print it through experiments/quoting.py"


@dataclass(frozen=True)
class Executed:
    """A document whose inline expressions are replaced and whose cells have outputs.

    `texts` and `outputs` are keyed by the index of the part in document.parts.
    """

    document: Document
    texts: dict[int, str]
    outputs: dict[int, list[dict[str, Any]]]


def execute(root: Path, document: Document, profile: str | None = None) -> Executed:
    """Run cells and inline expressions in order, in a fresh kernel of this very Python.

    `profile` is the project's, which cells can read as Quarto gives it. Raises RenderError naming
    the line of the cell or expression that failed.
    """
    if not any(isinstance(part, Cell) or INLINE.search(part.source) for part in document.parts):
        texts = {i: part.source for i, part in enumerate(document.parts)}
        return Executed(document, texts, {})
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(part.source) for part in document.parts]
    )
    texts: dict[int, str] = {}
    outputs: dict[int, list[dict[str, Any]]] = {}
    folder = root / document.path.parent
    # An empty search path leaves only the native kernel: an installed kernelspec cannot shadow it.
    manager = AsyncKernelManager(
        kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[])
    )
    client = NotebookClient(notebook, km=manager, extra_arguments=KERNEL_ARGUMENTS, timeout=None)
    with client.setup_kernel(cwd=str(folder), env=_environment(root, document, profile)):
        for index, part in enumerate(document.parts):
            try:
                if isinstance(part, Text):
                    texts[index] = _evaluate_inline(client, document, part)
                else:
                    cell = client.execute_cell(notebook.cells[index], index)
                    outputs[index] = [dict(output) for output in cell.outputs]
            except CellExecutionError as error:
                line = part.line + _line_in_cell(error)
                message = f"the cell raised {error.ename}: {ANSI.sub('', error.evalue)}"
                raise document.fail(line, message) from error
            except DeadKernelError as error:
                raise document.fail(part.line, "the Python process of this cell died") from error
    return Executed(document, texts, outputs)


def _environment(root: Path, document: Document, profile: str | None) -> dict[str, str]:
    """The variables that Quarto sets for an executing document, and those of _environment."""
    environment = {
        **os.environ,
        "QUARTO_PROJECT_ROOT": str(root),
        "QUARTO_DOCUMENT_PATH": str(root / document.path.parent),
        "QUARTO_DOCUMENT_FILE": document.path.name,
        "QUARTO_PROFILE": profile or "",
    }
    declared = root / "_environment"
    if declared.is_file():
        for line in declared.read_text(encoding="utf-8").splitlines():
            name, equals, value = line.partition("=")
            if equals and not name.startswith("#"):
                environment.setdefault(name.strip(), value.strip())
    return environment


def _line_in_cell(error: CellExecutionError) -> int:
    found = re.search(r"Cell In\[\d+\], line (\d+)", ANSI.sub("", error.traceback))
    return int(found[1]) if found else 0


def _evaluate_inline(client: NotebookClient, document: Document, part: Text) -> str:
    expressions = [match[1].strip() for match in INLINE.finditer(part.source)]
    if not expressions:
        return part.source
    numbered = {str(number): text for number, text in enumerate(expressions)}
    reply = client.wait_for_reply(client.kc.execute("", user_expressions=numbered))
    results = iter(reply["content"].get("user_expressions", {}).get(key) for key in numbered)

    def replacement(match: re.Match[str]) -> str:
        line = part.line + part.source.count("\n", 0, match.start())
        text = _inline_text(document, line, match[1].strip(), next(results))
        # Several lines are Markdown that is meant to be a list or table.
        if "\n" not in text and BLOCK.match(text) and _begins_block(part.source[: match.start()]):
            message = f"{text.split()[0]!r} begins a paragraph here and would not be read as text"
            raise document.fail(line, f"{message}; put a word before `{{python}} {match[1]}`")
        return text

    return INLINE.sub(replacement, part.source)


def _begins_block(before: str) -> bool:
    *above, line = before.split("\n")
    if not re.fullmatch(r"(?:[ \t>]|[-*+] |\d+[.)] )*", line):
        return False
    return bool(line.strip()) or not above or not above[-1].strip()


def _inline_text(document: Document, line: int, expression: str, result: dict | None) -> str:
    if not result or result["status"] != "ok":
        cause = f"{result['ename']}: {result['evalue']}" if result else "no reply"
        raise document.fail(line, f"`{{python}} {expression}` failed with {cause}")
    data = result["data"]
    text = data.get("text/markdown", data.get("text/plain", ""))
    if "text/markdown" not in data:
        try:
            # Like Quarto: text is printed literally, and only a Markdown object is Markdown.
            text = SPECIAL.sub(r"\\\g<0>", str(ast.literal_eval(text)))
        except (ValueError, SyntaxError):
            message = f"`{{python}} {expression}` gives {text}, which is neither text nor a number"
            raise document.fail(line, message) from None
    if not text.strip():
        # Quarto prints the source of an empty expression.
        raise document.fail(line, f"`{{python}} {expression}` gives no text")
    if SHORTCODE in text:
        raise document.fail(line, f"`{{python}} {expression}` gives {SHORTCODE}, {EXPANDED}")
    return text


def to_markdown(executed: Executed, target: str) -> tuple[str, dict[str, bytes]]:
    """The document as Markdown for one format, and its figures by path beside the document.

    Raises RenderError on outputs that are neither Markdown nor an SVG figure, or that Quarto would
    not print as they are.
    """
    document, figures = executed.document, {}
    chunks: list[str] = []
    for index, part in enumerate(document.parts):
        if isinstance(part, Text):
            chunks.append(executed.texts[index])
        elif part.options.get("include", True):
            outputs = executed.outputs.get(index, [])
            chunks.append(_shown(document, part, index, outputs, figures))
    return "\n\n".join(chunks), figures


def _shown(
    document: Document,
    cell: Cell,
    index: int,
    outputs: list[dict[str, Any]],
    figures: dict[str, bytes],
) -> str:
    label = cell.options.get("label", "")
    blocks = []
    for output in outputs:
        if output.get("name") == "stderr":  # execute.warning is false
            continue
        data = output.get("data", {"printed text": ""})
        if "text/html" in data:
            message = (
                "the cell shows HTML, for which Quarto loads scripts from outside; show Markdown"
            )
            raise document.fail(cell.line, f"{message} with a raw ```{{=html}} block")
        if "text/markdown" in data:
            blocks.append(_joined(data["text/markdown"]))
        elif "image/svg+xml" in data:
            if not cell.options.get("fig-alt"):
                raise document.fail(cell.line, "a figure needs fig-alt, a label and fig-cap")
            path = f"{document.path.stem}_files/{cell.figure_name(index)}.svg"
            if path in figures:
                raise document.fail(cell.line, "the cell shows two figures; give each a cell")
            figures[path] = _joined(data["image/svg+xml"]).encode()
            alt = SPECIAL.sub(r"\\\g<0>", cell.options["fig-alt"])
            blocks.append(f"![{alt}]({path})")
        else:
            message = f"the cell shows {', '.join(data)}; end it with Markdown, a figure or a `;`"
            raise document.fail(cell.line, message)
    if any(SHORTCODE in block for block in blocks):
        raise document.fail(cell.line, f"the cell prints {SHORTCODE}, {EXPANDED}")
    if not label.startswith(("fig-", "tbl-")):
        return "\n\n".join(blocks)
    if not blocks:
        raise document.fail(cell.line, f"the cell {label} shows nothing")
    caption = cell.options["fig-cap" if label.startswith("fig-") else "tbl-cap"].strip()
    return "\n\n".join([f"::: {{#{label}}}", *blocks, caption, ":::"])


def _joined(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)
