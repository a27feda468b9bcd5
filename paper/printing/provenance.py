"""Where a number comes from: results file, stage, parameters and data, from dvc.yaml and dvc.lock.

Of dvc.lock only what the stages before `render` wrote down is read. The entry of `render` holds the
hash of the documents, which a note that quoted it would change.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from experiments import pipeline as pipeline_files
from experiments import tables as result_tables
from experiments.errors import RenderError
from experiments.pipeline import LastRun, Stage

HASH_DIGITS = 8
SOURCES = ("data", "paper/reported")  # what no stage makes and no code is
METHODS = "methods"
PIPELINE_SECTION = "#sec-pipeline"
PARAMETERS_SECTION = "#sec-parameters"
DATA_SECTION = "#sec-data"
# Small and grey, in a PDF as on a page.
STYLE = '{.source typst:text:size="8pt" typst:text:fill="luma(90)"}'


@dataclass(frozen=True)
class Archived:
    """An archived run's environment.json; `place` is its folder, e.g. "runs/pocket/"."""

    place: str
    environment: dict[str, Any]

    @classmethod
    def read(cls, folder: Path, place: str) -> Archived:
        """RenderError if the file is not there or not whole."""
        try:
            text = (folder / "environment.json").read_text(encoding="utf-8")
            run = cls(place, json.loads(text))
            _ = run.code, run.read_by()
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            raise RenderError(
                f"{place} is not a whole run; restore it from git, or archive the run again with "
                f"`python -m experiments.archive {Path(place).name} --force`"
            ) from None
        return run

    @property
    def code(self) -> str:
        """The commit that made the run, as printed."""
        code = self.environment["code"]
        if not code["commit"]:
            return "no commit"
        return f"`{code['commit'][:HASH_DIGITS]}`{'' if code['clean'] else ' and changes'}"

    @property
    def machine(self) -> str:
        """The accelerator, or else the processor, in words."""
        named = self.environment.get("accelerator") or self.environment.get("processor")
        return named or "a processor that was not recorded"

    def read_by(self) -> dict[str, str]:
        """Path -> md5 of the data that its stages rest on."""
        hashes = self.environment["md5"]
        return _outermost({path: md5 for path, md5 in hashes.items() if _inside(path, "data")})

    def written(self, folder: str) -> dict[str, str]:
        """Name -> md5 of what its stages wrote into a folder, e.g. "adapters"."""
        hashes = self.environment["md5"].items()
        paths = {PurePosixPath(path): md5 for path, md5 in hashes}
        return {path.name: md5 for path, md5 in paths.items() if str(path.parent) == folder}


@lru_cache(maxsize=8)
def stages(root: Path) -> dict[str, Stage]:
    """Every stage of dvc.yaml by name, NAME standing for any adapter."""
    found = pipeline_files.read_stages(pipeline_files.content(root, pipeline_files.PIPELINE))
    return {name: stage.of("NAME") for name, stage in found.items()}


def writer(table: str, root: Path) -> Stage:
    """The stage that writes results/`table`.csv; RenderError if there is none."""
    path = f"results/{table}.csv"
    for stage in stages(root).values():
        if path in stage.writes:
            return stage
    raise RenderError(f"no stage of dvc.yaml writes {path}; declare it there, or mend the name")


@lru_cache(maxsize=8)
def last_runs(root: Path) -> dict[str, LastRun]:
    """How the stages last ran, those of each adapter apart; empty before the first run."""
    content = pipeline_files.content(root, pipeline_files.LOCK)
    return {} if content is None else pipeline_files.read_last_runs(content)


def read_by(stage: Stage, root: Path) -> dict[str, str]:
    """Path -> md5 of the data that the stage rests on, itself or through others, as it last ran.

    A folder stands for the paths inside it. Empty if the stage has not run, or reads no data.
    """
    entries = last_runs(root)
    waiting = [name for name in entries if name.split("@")[0] == stage.name]
    seen, found = set(waiting), {}
    while waiting:
        read = entries[waiting.pop()].read
        found |= {
            path: md5
            for path, md5 in read.items()
            if any(_inside(path, source) for source in SOURCES)
        }
        for name, other in entries.items():
            if name not in seen and any(
                _overlap(out, path) for out in other.written for path in read
            ):
                seen.add(name)
                waiting.append(name)
    return _outermost(found)


def _outermost(found: dict[str, str]) -> dict[str, str]:
    """Without the paths that lie in a folder which is there too; sorted."""
    return {
        path: found[path]
        for path in sorted(found)
        if not any(_inside(path, other) for other in found if other != path)
    }


def inputs(root: Path, run: Archived | None = None) -> dict[str, str]:
    """Path -> md5 of everything the stages last read that no stage makes and no code is.

    Of an archived run the data are those that it names.
    """
    found = [read_by(stage, root) for stage in stages(root).values()]
    if run:
        found = [
            {path: md5 for path, md5 in one.items() if not _inside(path, "data")} for one in found
        ]
        found.append(run.read_by())
    return _outermost({path: md5 for each in found for path, md5 in each.items()})


def pinned(root: Path) -> dict[str, str]:
    """Package -> version of constraints.txt."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.removesuffix(" \\").split("==") for line in lines if line.count("==") == 1)


def written(folder: str, root: Path, run: Archived | None = None) -> dict[str, str]:
    """Name -> md5 of what stages last wrote into a folder, e.g. "adapters"."""
    if run:
        return run.written(folder)
    return {
        PurePosixPath(path).name: md5
        for run in last_runs(root).values()
        for path, md5 in run.written.items()
        if str(PurePosixPath(path).parent) == folder
    }


def as_written(table: str, root: Path) -> bool:
    """Whether results/`table`.csv is the file that its stage wrote down in dvc.lock."""
    path = f"results/{table}.csv"
    known = [run.written[path] for run in last_runs(root).values() if path in run.written]
    return not known or known == [pipeline_files.md5(root / path)]


def _inside(path: str, folder: str) -> bool:
    """Whether a path is the folder or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)


def _overlap(first: str, second: str) -> bool:
    """Whether one path is the other or holds it."""
    one, other = (PurePosixPath(path).parts for path in (first, second))
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def data_hash(root: Path) -> str:
    """md5 of data/ as data.dvc pins it."""
    pins = pipeline_files.read_pins(pipeline_files.content(root, pipeline_files.DATA))
    if "data" not in pins:
        raise pipeline_files.malformed(pipeline_files.DATA)
    return pins["data"]


def note(
    tables: tuple[str, ...], root: Path, document: str = "", run: Archived | None = None
) -> str:
    """One line of Markdown: files, the stage that wrote them, its parameters, and the data.

    Tables of a run are those of `run`, if one is given, else those at hand. On a web page its words
    link to the sections of the methods page that hold the rest.
    """
    made: dict[str, list[str]] = {}
    data: dict[str, str] = {}
    for table in tables:
        stage = writer(table, root)
        if run and table in result_tables.OF_RUN:
            made.setdefault(stage.name, []).append(f"`{run.place}results/{table}.csv`")
            data |= run.read_by()
            continue
        changed = "" if as_written(table, root) else " (changed since)"
        made.setdefault(stage.name, []).append(f"`results/{table}.csv`{changed}")
        data |= read_by(stage, root)
    parts = []
    for name, files in made.items():
        stage = stages(root)[name]
        keys = ", ".join(f"`{key}`" for key in stage.parameters)
        said = [f"{', '.join(files)} by stage {_linked(f'`{name}`', PIPELINE_SECTION, document)}"]
        said += [f"parameters {_linked(keys, PARAMETERS_SECTION, document)}"] if keys else []
        parts.append(", ".join(said))
    hashes = ", ".join(f"`{path}` `{md5[:HASH_DIGITS]}`" for path, md5 in sorted(data.items()))
    parts += [f"read from {_linked(hashes, DATA_SECTION, document)}"] if hashes else []
    parts += [f"code {run.code}"] if run and {*tables} & {*result_tables.OF_RUN} else []
    return f"[Source: {'; '.join(parts)}.]{STYLE}"


def note_of_runs(tables: tuple[str, ...], runs: dict[str, str]) -> str:
    """One line of Markdown: the files of archived runs; `runs`: name -> the code that made it."""
    files = ", ".join(f"`results/{table}.csv`" for table in tables)
    made = ", ".join(f"`runs/{name}/` ({code})" for name, code in runs.items())
    return f"[Source: {files} of {made or 'no run'}.]{STYLE}"


def _linked(text: str, section: str, document: str) -> str:
    """A link into the methods page; plain in a PDF, which may be read without that page's own.

    Plain too under the published protocol, whose profile (_quarto-published.yml) has no such page.
    """
    if os.environ.get("QUARTO_PROFILE") == "published":
        return text
    if document == METHODS:
        return f"[{text}]({section})"
    page = f'[[{text}]({METHODS}.qmd{section})]{{.content-visible when-format="html"}}'
    return f'{page}[{text}]{{.content-hidden when-format="html"}}'


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
