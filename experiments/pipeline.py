"""What DVC's files say: dvc.yaml of the stages, dvc.lock of their last run, data.dvc of the data.

They are read as they are, at hand or of another revision; DVC's cache is not needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.errors import DataError
from experiments.yaml_files import YAMLProblem, parse_yaml

PIPELINE, LOCK, DATA = "dvc.yaml", "dvc.lock", "data.dvc"
KEY = "${key}"


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml: paths, and keys of params.yaml.

    `each` is the key below which it runs once for each entry, in whose place `${key}` stands.
    """

    name: str
    command: str
    reads: tuple[str, ...]
    parameters: tuple[str, ...]
    writes: tuple[str, ...]
    each: str = ""

    def of(self, key: str) -> Stage:
        """The stage with `key` in the place of `${key}`."""

        def filled(texts: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(text.replace(KEY, key) for text in texts)

        return replace(
            self,
            command=self.command.replace(KEY, key),
            reads=filled(self.reads),
            parameters=filled(self.parameters),
            writes=filled(self.writes),
        )


@dataclass(frozen=True)
class LastRun:
    """How a stage last ran: path -> md5, and key of params.yaml -> value."""

    read: dict[str, str]
    written: dict[str, str]
    parameters: dict[str, object]


def read_stages(content: bytes | None, source: str = PIPELINE) -> dict[str, Stage]:
    """The stages of a dvc.yaml by name, in order; DataError if it cannot be read."""
    try:
        return {
            name: _stage(name, entry)
            for name, entry in read_mapping(content, source)["stages"].items()
        }
    except (AttributeError, KeyError, TypeError):
        raise malformed(source) from None


def read_last_runs(content: bytes | None, source: str = LOCK) -> dict[str, LastRun]:
    """The entries of a dvc.lock by stage, `train@mmlu` apart; DataError if it cannot be read."""
    try:
        return {
            name: LastRun(
                _hashes(entry.get("deps", ())),
                _hashes(entry.get("outs", ())),
                entry.get("params", {}).get("params.yaml", {}),
            )
            for name, entry in read_mapping(content, source)["stages"].items()
        }
    except (AttributeError, KeyError, TypeError):
        raise malformed(source) from None


def read_pins(content: bytes | None, source: str = DATA) -> dict[str, str]:
    """Path -> md5 of what a .dvc file pins; DataError if it cannot be read."""
    try:
        return _hashes(read_mapping(content, source)["outs"])
    except (AttributeError, KeyError, TypeError):
        raise malformed(source) from None


def read_mapping(content: bytes | None, source: str) -> dict:
    """A mapping in YAML; DataError for anything else."""
    try:
        found = parse_yaml(content or b"")
    except YAMLProblem as problem:
        raise malformed(source, f" ({str(problem).split(';')[0]})") from None
    if not isinstance(found, dict):
        raise malformed(source)
    return found


def malformed(source: str, why: str = "") -> DataError:
    """The error for a file of DVC that cannot be read."""
    return DataError(f"{source} is missing or malformed{why}; restore it from git")


def content(root: Path, name: str) -> bytes | None:
    """The content of a file below `root`; None if there is none."""
    path = root / name
    return path.read_bytes() if path.is_file() else None


def md5(path: Path) -> str:
    """The hash by which DVC knows a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _stage(name: str, entry: dict) -> Stage:
    body = entry.get("do", entry)
    writes = [out for kind in ("outs", "metrics", "plots") for out in body.get(kind, ())]
    return Stage(
        name,
        command=body["cmd"],
        reads=_names(body.get("deps", ())),
        parameters=_names(body.get("params", ())),
        writes=_names(writes),
        each=entry.get("foreach", "").strip("${}"),
    )


def _names(listed: Iterable[str | dict]) -> tuple[str, ...]:
    """Entries without their options."""
    return tuple(entry if isinstance(entry, str) else next(iter(entry)) for entry in listed)


def _hashes(entries: Iterable[dict]) -> dict[str, str]:
    return {entry["path"]: entry["md5"] for entry in entries}
