"""Whether the results at hand are those of the parameters, code and data at hand.

dvc.lock says for every stage with which parameters it ran, what it read and what it wrote. Only
this is read, not DVC's cache, so it works in a fresh clone too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from experiments.errors import ArchiveError

PARAMS, PIPELINE, LOCK, IGNORED = "params.yaml", "dvc.yaml", "dvc.lock", ".dvcignore"
# Their outputs are not of a run: the audit reads published figures, the documents read runs.
APART = ("audit", "render")
# Large, and absent from a fresh clone: known by the lock alone, which later stages must agree with.
NOT_HASHED = ("data", "adapters")


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml as it should run now: keys of params.yaml, and paths."""

    name: str
    parameters: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def locked(root: Path) -> dict[str, dict]:
    """The stages of dvc.lock by name; ArchiveError if there is no such file."""
    return _read(root / LOCK)["stages"]


def stale(root: Path) -> str | None:
    """The first reason why results/ is not what the pipeline would make now; None if it is.

    A reason is a clause, e.g. "train.epochs is not what train@mmlu ran with".
    """
    params, lock = _read(root / PARAMS), locked(root)
    ignored = _ignored(root)
    made: dict[str, str] = {}
    for stage in stages(root, params):
        entry = lock.get(stage.name)
        if entry is None:
            return f"the stage {stage.name} has not run"
        used = entry.get("params", {}).get(PARAMS, {})
        for key in stage.parameters:
            if key not in used or used[key] != _value(params, key):
                return f"{key} is not what {stage.name} ran with"
        hashes = {part["path"]: part["md5"] for kind in ("deps", "outs") for part in entry[kind]}
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


def stages(root: Path, params: dict[str, Any]) -> Iterator[Stage]:
    """The stages that make a run's results, one per adapter where dvc.yaml says so, in order."""
    for name, entry in _read(root / PIPELINE)["stages"].items():
        if name in APART:
            continue
        if "foreach" not in entry:
            yield _stage(name, entry, "")
            continue
        for key in _value(params, entry["foreach"].strip("${}")):
            yield _stage(f"{name}@{key}", entry["do"], key)


def inputs_and_models(root: Path) -> dict[str, str]:
    """md5 of everything below data/, adapters/ and what is made in between, as the lock has it."""
    found = {}
    for entry in locked(root).values():
        for part in (*entry.get("deps", ()), *entry.get("outs", ())):
            if part["path"].split("/")[0] in (
                "data",
                "curated",
                "prepared",
                "adapters",
                "outcomes",
            ):
                found[part["path"]] = part["md5"]
    return dict(sorted(found.items()))


def _stage(name: str, entry: dict, key: str) -> Stage:
    def filled(listed: list) -> tuple[str, ...]:
        plain = (one if isinstance(one, str) else next(iter(one)) for one in listed)
        return tuple(one.replace("${key}", key) for one in plain)

    writes = [path for kind in ("outs", "metrics", "plots") for path in entry.get(kind, ())]
    return Stage(
        name, filled(entry.get("params", [])), filled(entry.get("deps", [])), filled(writes)
    )


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
        return _digest(path)
    if not path.is_dir():
        return None
    listed = [
        {"md5": _digest(file), "relpath": file.relative_to(path).as_posix()}
        for file in path.rglob("*")
        if file.is_file() and not _is_ignored(file.relative_to(path), ignored)
    ]
    listed.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _is_ignored(path: Path, patterns: list[str]) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in patterns)


def _read(path: Path) -> Any:
    """A YAML file as DVC reads it: YAML 1.2, in which 1e-05 is a number."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArchiveError(f"{path.name} is missing here; run `dvc repro` first") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from None
