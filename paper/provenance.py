"""Where a number comes from: results file, stage, parameters and data, read from dvc.yaml.

Nothing here reads dvc.lock: its hashes include those of the documents, which a note inside a
document would change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pandas as pd
import yaml

from experiments.errors import RenderError

HASH_DIGITS = 8
DATA = "data"
PIPELINE_SECTION = "methods.qmd#sec-pipeline"
PARAMETERS_SECTION = "methods.qmd#sec-parameters"
DATA_SECTION = "methods.qmd#sec-data"
# Small and grey, in a PDF as on a page.
STYLE = '{.source typst:text:size="8pt" typst:text:fill="luma(90)"}'


@dataclass(frozen=True)
class Stage:
    """One stage of dvc.yaml; `${…}` in a path stands for any adapter."""

    name: str
    command: str
    reads: tuple[str, ...]
    parameters: tuple[str, ...]
    writes: tuple[str, ...]


@lru_cache(maxsize=8)
def stages(root: Path) -> dict[str, Stage]:
    """Every stage of dvc.yaml by name; RenderError if the file cannot be read."""
    try:
        content = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
        return {name: _stage(name, entry.get("do", entry)) for name, entry in content.items()}
    except (OSError, yaml.YAMLError, AttributeError, TypeError, KeyError):
        raise RenderError("dvc.yaml is missing or malformed; restore it from git") from None


def _stage(name: str, entry: dict) -> Stage:
    writes = [_name(out) for kind in ("outs", "metrics", "plots") for out in entry.get(kind, ())]
    parameters = tuple(key.replace("${key}", "NAME") for key in map(_name, entry.get("params", ())))
    command = entry["cmd"].replace("${key}", "NAME")
    return Stage(name, command, tuple(map(_name, entry.get("deps", ()))), parameters, tuple(writes))


def _name(entry: str | dict) -> str:
    return entry if isinstance(entry, str) else next(iter(entry))


def writer(table: str, root: Path) -> Stage:
    """The stage that writes results/`table`.csv; RenderError if there is none."""
    path = f"results/{table}.csv"
    for stage in stages(root).values():
        if path in stage.writes:
            return stage
    raise RenderError(f"no stage of dvc.yaml writes {path}; declare it there, or mend the name")


def reads_data(stage: Stage, root: Path) -> bool:
    """Whether the stage depends on data/, itself or through other stages."""
    waiting, seen = [stage], {stage.name}
    while waiting:
        current = waiting.pop()
        if any(_overlap(path, DATA) for path in current.reads):
            return True
        for other in stages(root).values():
            made = any(_overlap(out, path) for out in other.writes for path in current.reads)
            if made and other.name not in seen:
                seen.add(other.name)
                waiting.append(other)
    return False


def _overlap(first: str, second: str) -> bool:
    """Whether one path is the other or holds it."""
    one, other = (PurePosixPath(path.split("${")[0]).parts for path in (first, second))
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def data_hash(root: Path) -> str:
    """md5 of data/ as data.dvc pins it; RenderError if the file cannot be read."""
    try:
        content = yaml.safe_load((root / "data.dvc").read_text(encoding="utf-8"))
        return content["outs"][0]["md5"]
    except (OSError, yaml.YAMLError, TypeError, KeyError, IndexError):
        raise RenderError("data.dvc is missing or malformed; restore it from git") from None


def note(tables: tuple[str, ...], root: Path) -> str:
    """One line of Markdown: files, the stage that wrote them, its parameters, and the data."""
    made: dict[str, list[str]] = {}
    for table in tables:
        made.setdefault(writer(table, root).name, []).append(f"`results/{table}.csv`")
    parts = []
    for name, files in made.items():
        stage = stages(root)[name]
        keys = ", ".join(f"`{key}`" for key in stage.parameters)
        said = [f"{', '.join(files)} by stage [`{name}`]({PIPELINE_SECTION})"]
        said += [f"parameters [{keys}]({PARAMETERS_SECTION})"] if keys else []
        parts.append(", ".join(said))
    if any(reads_data(stages(root)[name], root) for name in made):
        parts.append(f"data [`{data_hash(root)[:HASH_DIGITS]}`]({DATA_SECTION})")
    return f"[Source: {'; '.join(parts)}.]{STYLE}"


def pipeline(root: Path) -> pd.DataFrame:
    """One row per stage: name, command, parameters, and what it writes."""
    return pd.DataFrame(
        [
            {
                "stage": f"`{stage.name}`",
                "command": f"`{stage.command}`",
                "parameters": ", ".join(f"`{key}`" for key in stage.parameters) or "none",
                "writes": ", ".join(_folders(stage.writes)),
            }
            for stage in stages(root).values()
        ]
    )


def _folders(paths: tuple[str, ...]) -> list[str]:
    """Paths in order; several files of one folder become the folder."""
    shown = []
    for path in paths:
        path = path.replace("${key}", "NAME")
        parent = str(PurePosixPath(path).parent)
        siblings = [other for other in paths if str(PurePosixPath(other).parent) == parent]
        shown.append(f"`{parent}/`" if parent != "." and len(siblings) > 1 else f"`{path}`")
    return list(dict.fromkeys(shown))


def readers(root: Path) -> dict[str, list[str]]:
    """Stages by the parameter key that they read; a key holds those below it."""
    found: dict[str, list[str]] = {}
    for stage in stages(root).values():
        for key in stage.parameters:
            found.setdefault(key, []).append(stage.name)
    return found
