"""Whether the results at hand are those of the parameters, code and data at hand.

dvc.lock says for every stage with which parameters it ran, what it read and what it wrote. Only
this is read, not DVC's cache, so it works in a fresh clone too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from experiments import pipeline
from experiments.pipeline import LastRun, Stage

IGNORED = ".dvcignore"
# Their outputs are not of a run: the audit reads published figures, the documents read runs.
APART = ("audit", "render")
# Large, and absent from a fresh clone: known by the lock alone, which later stages must agree with.
NOT_HASHED = ("data", "adapters")
KEPT_HASHES = ("data", "curated", "prepared", "adapters", "outcomes")


def stale(root: Path) -> str | None:
    """The first reason why results/ is not what the pipeline would make now; None if it is.

    A reason is a clause, e.g. "train.epochs is not what train@mmlu ran with".
    """
    params = pipeline.read_mapping(pipeline.content(root, "params.yaml"), "params.yaml")
    runs = last_runs(root)
    ignored = _ignored(root)
    made: dict[str, str] = {}
    for stage in stages(root, params):
        run = runs.get(stage.name)
        if run is None:
            return f"the stage {stage.name} has not run"
        for key in stage.parameters:
            if key not in run.parameters or run.parameters[key] != _value(params, key):
                return f"{key} is not what {stage.name} ran with"
        hashes = run.read | run.written
        for path in (*stage.reads, *stage.writes):
            if path not in hashes:
                return f"{stage.name} ran without {path}"
            if path in stage.reads and made.get(path, hashes[path]) != hashes[path]:
                return f"{stage.name} has not run since {path} changed"
            known = path.split("/")[0] not in NOT_HASHED
            at_hand = _hash(root / path, ignored) if known else None
            if at_hand is not None and at_hand != hashes[path]:
                return f"{path} is not what {stage.name} {_verb(path, stage)}"
            if at_hand is None and path in stage.writes and path.startswith("results/"):
                return f"{path} is missing"
        made |= {path: hashes[path] for path in stage.writes}
    return None


def last_runs(root: Path) -> dict[str, LastRun]:
    """How the stages last ran, by name; DataError if dvc.lock cannot be read."""
    return pipeline.read_last_runs(pipeline.content(root, pipeline.LOCK))


def stages(root: Path, params: dict[str, Any]) -> Iterator[Stage]:
    """The stages that make a run's results, one per adapter where dvc.yaml says so, in order."""
    for stage in pipeline.read_stages(pipeline.content(root, pipeline.PIPELINE)).values():
        if stage.name in APART:
            continue
        if not stage.each:
            yield stage
        for key in _value(params, stage.each) or () if stage.each else ():
            yield replace(stage.of(key), name=f"{stage.name}@{key}")


def inputs_and_models(root: Path) -> dict[str, str]:
    """md5 of everything below data/, adapters/ and what is made in between, as the lock has it."""
    found = {}
    for run in last_runs(root).values():
        for path, md5 in (run.read | run.written).items():
            if path.split("/")[0] in KEPT_HASHES:
                found[path] = md5
    return dict(sorted(found.items()))


def _verb(path: str, stage: Stage) -> str:
    return "wrote" if path in stage.writes else "read"


def _value(content: Any, key: str) -> Any:
    """The value at a dotted key, None if there is none."""
    for part in key.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _ignored(root: Path) -> list[str]:
    """Patterns of names that DVC does not look at."""
    path = root / IGNORED
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _hash(path: Path, ignored: list[str]) -> str | None:
    """md5 of a file, or of the list of a folder's files as DVC writes it; None if there is none."""
    if path.is_file():
        return pipeline.md5(path)
    if not path.is_dir():
        return None
    listed = [
        {"md5": pipeline.md5(file), "relpath": file.relative_to(path).as_posix()}
        for file in path.rglob("*")
        if file.is_file() and not _is_ignored(file.relative_to(path), ignored)
    ]
    listed.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def _is_ignored(path: Path, patterns: list[str]) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in patterns)
