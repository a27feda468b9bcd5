"""Parse a .qmd file into text and cells, refusing what the subset does not cover."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from experiments.errors import RenderError
from experiments.rendering import (
    CELL_OPTIONS,
    EXECUTE,
    FORMAT_OPTIONS,
    FORMATS,
    FRONT_MATTER,
    IGNORED_OPTIONS,
    PROJECT_KEYS,
    REQUIRED_VALUES,
    SHARED,
)

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})\s*(.*)$")
EXECUTABLE = re.compile(r"^\{(\w+)[\s,}]")
NESTED_CELL = re.compile(r"`{3,}\{\w+\}")
INLINE = re.compile(r"(?<!`)`\{python\}[ \t]+([^`\n]+)`")
ANY_INLINE = re.compile(r"(?<!`)`\{(python|r|julia|ojs)\}")
FILES = ("bibliography", "css", "template", "filters")
OPTION = re.compile(r"#\| (?:[\w-]+: +[^\s>|].*)")
WORDS = {str: "text", bool: "true or false", int: "a whole number", dict: "keys", list: "a list"}


@dataclass(frozen=True)
class Text:
    """A run of Markdown; `line` is the number of its first line in the file."""

    source: str
    line: int


@dataclass(frozen=True)
class Cell:
    """A Python cell; `line` is the number of its opening fence."""

    source: str
    line: int
    options: dict[str, Any] = field(default_factory=dict)

    def figure_name(self, index: int) -> str:
        """The name of the figure file of this cell, the part `index` of its document."""
        return self.options.get("label") or f"cell-{index}"


@dataclass(frozen=True)
class Document:
    """A parsed document. `path` is relative to the project's root."""

    path: Path
    source: str
    metadata: dict[str, Any]
    parts: tuple[Text | Cell, ...]

    def fail(self, line: int, message: str) -> RenderError:
        return RenderError(f"{self.path}:{line}: {message}")

    def line_of(self, text: str) -> int:
        """The first line of the source that holds `text` (or makes the figure `text`), or 1."""
        for index, part in enumerate(self.parts):
            if isinstance(part, Cell) and Path(text).stem == part.figure_name(index):
                return part.line
        position = self.source.find(text)
        return self.source.count("\n", 0, max(position, 0)) + 1


def load_project(root: Path, profile: str | None = None) -> dict[str, Any]:
    """Read _quarto.yml and the profile merged over it; RenderError on a key outside the subset.

    Without `profile` it is the first of profile.group, as in Quarto; the name of the one taken is
    under the key `profile` of what is returned, None if the project has no profiles.
    """
    if not (root / "_quarto.yml").is_file():
        raise RenderError("_quarto.yml is missing: run the command in the root of the repository")
    project = _load_settings(root, "_quarto.yml")
    group = project.get("profile", {}).get("group") or []
    if profile is not None and group and profile not in group:
        raise RenderError(f"_quarto.yml has no profile {profile!r}; it has {', '.join(group)}")
    taken = (profile or group[0]) if group else None
    if taken is not None:
        project = _merged(project, _load_settings(root, f"_quarto-{taken}.yml"))
    return {**project, "profile": taken}


def _load_settings(root: Path, name: str) -> dict[str, Any]:
    path = root / name
    if not path.is_file():
        raise RenderError(f"{name} is missing, and _quarto.yml names this profile")
    try:
        project = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise RenderError(f"{name} is not valid YAML: {error}") from error
    _check_keys(project, PROJECT_KEYS, name)
    _check_keys(project.get("profile", {}), {"group": list}, f"{name}: profile")
    for target, options in project.get("format", {}).items():
        _check_format(target, options, name)
    for key, value in project.get("execute", {}).items():
        if EXECUTE.get(key) != value:
            raise RenderError(f"{name}: execute.{key} is outside the supported subset of Quarto")
    return _locate(project, root, name)


def _merged(below: Any, above: Any) -> Any:
    """As Quarto merges a profile: mappings key by key, lists one after the other, else `above`."""
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {
            key: _merged(below[key], value) if key in below else value
            for key, value in above.items()
        }
    if isinstance(below, list) and isinstance(above, list):
        return below + [one for one in above if one not in below]
    return above


def render_list(root: Path, project: dict[str, Any]) -> list[Path]:
    """The documents of project.render in order, relative to the root; globs are expanded."""
    documents: list[Path] = []
    for pattern in project.get("project", {}).get("render") or ["paper/*.qmd"]:
        found = sorted(path.relative_to(root) for path in root.glob(str(pattern)))
        if not found:
            raise RenderError(f"_quarto.yml: project.render lists {pattern}, which does not exist")
        documents += [path for path in found if path not in documents]
    return documents


def load_document(root: Path, path: Path, project: dict[str, Any]) -> Document:
    """Parse the document at root/path and merge the project's defaults into its metadata."""
    try:
        source = (root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RenderError(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        raise RenderError(f"{path} is not UTF-8 text: {error}") from error
    return parse(path, source, project)


def parse(path: Path, source: str, project: dict[str, Any]) -> Document:
    """Parse the text of the document `path`."""
    lines = source.splitlines()
    metadata, body_start = _front_matter(path, lines)
    defaults = {key: project[key] for key in SHARED.keys() & project.keys()}
    merged = {**defaults, "format": project.get("format", {}), **metadata}
    document = Document(path, source, merged, tuple(_split(path, lines, body_start)))
    for part in document.parts:
        if isinstance(part, Text):
            _check_text(document, part)
    return document


def options_for(document: Document, target: str) -> dict[str, Any]:
    """The metadata as one format sees it: its own options override the document's."""
    shared = {key: value for key, value in document.metadata.items() if key != "format"}
    return {**shared, **document.metadata["format"].get(target, {})}


def _front_matter(path: Path, lines: list[str]) -> tuple[dict[str, Any], int]:
    if not lines or lines[0].rstrip() != "---":
        raise RenderError(f"{path}:1: the document must begin with front matter between --- lines")
    closing = (i for i, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "..."))
    end = next(closing, None)
    if end is None:
        raise RenderError(f"{path}:1: the front matter is not closed by ---")
    for number, line in enumerate(lines[:end], 1):
        if ANY_INLINE.search(line):
            message = "inline expressions are not evaluated in front matter; write it in the text"
            raise RenderError(f"{path}:{number}: {message}")
    try:
        metadata = yaml.safe_load("\n".join(lines[1:end])) or {}
    except yaml.YAMLError as error:
        raise RenderError(f"{path}:1: the front matter is not valid YAML: {error}") from error
    _check_keys(metadata, FRONT_MATTER, f"{path}:1")
    if not metadata.get("title"):
        raise RenderError(f"{path}:1: the front matter has no title")
    return metadata, end + 1


def _locate(settings: dict[str, Any], root: Path, place: str) -> dict[str, Any]:
    """Make the files that `settings` name absolute; RenderError if one is missing."""
    located = {**settings}
    for key in settings.keys() & set(FILES):
        names = settings[key] if isinstance(settings[key], list) else [settings[key]]
        for name in names:
            if not (root / str(name)).is_file():
                raise RenderError(f"{place}: {key} names {name}, which does not exist")
        paths = [root / name for name in names]
        located[key] = paths if key == "filters" else paths[0]
    if "format" in settings:
        located["format"] = {
            name: _locate(options, root, place) for name, options in settings["format"].items()
        }
    return located


def _check_keys(found: Any, allowed: dict[str, type], place: str) -> None:
    """Raise RenderError on what is no mapping, an unknown key or a value of another type."""
    if not isinstance(found, dict):
        raise RenderError(f"{place}: expected keys and values, found {found!r}")
    for key, value in found.items():
        if key not in allowed:
            raise RenderError(
                f"{place}: {key!r} is outside the supported subset of Quarto "
                "(see experiments/rendering/__init__.py)"
            )
        if type(value) is not allowed[key]:
            raise RenderError(f"{place}: {key} must be {WORDS[allowed[key]]}, not {value!r}")


def _check_format(name: str, options: Any, place: str) -> None:
    _check_keys({name: options}, dict.fromkeys(FORMATS, dict), f"{place}: format")
    ignored = IGNORED_OPTIONS | REQUIRED_VALUES.keys()
    known = {key: value for key, value in options.items() if key not in ignored}
    _check_keys(known, FORMAT_OPTIONS, f"{place}: format.{name}")
    for key, value in REQUIRED_VALUES.items():
        if options.get(key, value) != value:
            raise RenderError(f"{place}: format.{name}.{key} must be {value}")


def _split(path: Path, lines: list[str], start: int) -> Iterator[Text | Cell]:
    """Yield text and cells in turn. Only a fence at the outermost level opens a cell."""
    text_start, index = start, start
    while index < len(lines):
        fence = FENCE.match(lines[index])
        if not fence:
            index += 1
            continue
        end = _closing_fence(path, lines, index, fence[1])
        language = EXECUTABLE.match(fence[2])
        if language:
            if language[1] != "python" or fence[2].strip() != "{python}":
                message = f"a cell must open with ```{{python}}, not {lines[index].strip()}"
                raise RenderError(f"{path}:{index + 1}: {message}")
            if index > text_start:
                yield Text("\n".join(lines[text_start:index]) + "\n", text_start + 1)
            yield _cell(path, lines[index + 1 : end], index + 1)
            text_start = end + 1
        index = end + 1
    if len(lines) > text_start:
        yield Text("\n".join(lines[text_start:]) + "\n", text_start + 1)


def _closing_fence(path: Path, lines: list[str], start: int, opening: str) -> int:
    for index in range(start + 1, len(lines)):
        fence = FENCE.match(lines[index])
        if fence and not fence[2] and fence[1].startswith(opening):
            return index
    raise RenderError(f"{path}:{start + 1}: the code block is not closed")


def _cell(path: Path, lines: list[str], line: int) -> Cell:
    marked = [text for text in lines if text.startswith("#|")]
    for number, text in enumerate(marked, line + 1):
        if not OPTION.fullmatch(text):
            message = f"write {text!r} as one line, #| key: value (Quarto mangles longer options)"
            raise RenderError(f"{path}:{number}: {message}")
    try:
        options = yaml.safe_load("\n".join(text[3:] for text in marked)) or {}
    except yaml.YAMLError as error:
        raise RenderError(f"{path}:{line}: the #| options are not valid YAML: {error}") from error
    _check_keys(options, CELL_OPTIONS, f"{path}:{line}")
    label = options.get("label", "")
    for prefix, caption in (("fig-", "fig-cap"), ("tbl-", "tbl-cap")):
        if label.startswith(prefix) and not options.get(caption):
            raise RenderError(f"{path}:{line}: the cell {label} has no {caption}")
        if options.get(caption) and not label.startswith(prefix):
            raise RenderError(f"{path}:{line}: {caption} needs a label that begins with {prefix}")
    return Cell("\n".join(lines), line, options)


def _check_text(document: Document, part: Text) -> None:
    fence = ""
    for number, line in enumerate(part.source.splitlines(), part.line):
        match = FENCE.match(line)
        if match and (not fence or (match[1].startswith(fence) and not match[2])):
            fence = "" if fence else match[1]
        if not fence and NESTED_CELL.search(line):
            raise document.fail(number, "a cell must not be indented or quoted")
        if "{{<" in line:
            raise document.fail(number, "shortcodes ({{< ... >}}) are not supported")
        if not fence and "![" in line:
            raise document.fail(number, "images are not supported; draw a figure in a cell")
        if ANY_INLINE.search(INLINE.sub("", line)):
            raise document.fail(number, "the inline expression is not `{python} ...` on one line")
