"""Parameters and content hashes on both sides of a comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from experiments.pipeline import DATA, LOCK, read_last_runs, read_mapping, read_pins
from experiments.revisions.snapshot import Snapshot

# Git sees what is under results/ itself; the rest of DVC's outputs it knows by hash alone.
IN_GIT = "results/"
PARAMS = "params.yaml"


@dataclass(frozen=True)
class Setting:
    """A parameter or hash; None where that side has none."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class SettingChanges:
    """Those that differ, in the order of the new side, removed ones last; how many do not."""

    changes: tuple[Setting, ...]
    unchanged: int


def compare_parameters(old: Snapshot, new: Snapshot) -> SettingChanges:
    """Parameters of params.yaml."""
    return compare_settings(parameters(old), parameters(new))


def parameters(side: Snapshot) -> dict[str, str]:
    """Dotted key -> value as text; empty without a params.yaml."""
    text = side.content(PARAMS)
    return {} if text is None else dict(leaves(read_mapping(text, f"{PARAMS} of {side.label}")))


def compare_hashes(old: Snapshot, new: Snapshot) -> SettingChanges:
    """md5 of data/ and of what the stages wrote outside of git."""
    return compare_settings(content_hashes(old), content_hashes(new))


def compare_settings(old: dict[str, str], new: dict[str, str]) -> SettingChanges:
    """Entries of two mappings that differ."""
    names = [*new, *(name for name in old if name not in new)]
    changes = tuple(
        Setting(name, old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    )
    return SettingChanges(changes, len(names) - len(changes))


def content_hashes(side: Snapshot) -> dict[str, str]:
    """Path -> md5: first data/ (data.dvc), then outputs of dvc.lock that git does not hold."""
    pinned, lock = (side.content(name) for name in (DATA, LOCK))
    found = {} if pinned is None else read_pins(pinned, f"{DATA} of {side.label}")
    runs = {} if lock is None else read_last_runs(lock, f"{LOCK} of {side.label}")
    made = {path: md5 for run in runs.values() for path, md5 in run.written.items()}
    return found | {path: made[path] for path in sorted(made) if not path.startswith(IN_GIT)}


def leaves(content: object, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted path, text) of every leaf of a mapping; a list of plain values is one leaf."""
    if isinstance(content, dict) and content:
        for name, part in content.items():
            yield from leaves(part, f"{path}.{name}" if path else str(name))
    elif isinstance(content, list) and any(isinstance(part, dict | list) for part in content):
        for index, part in enumerate(content):
            yield from leaves(part, f"{path}.{index}" if path else str(index))
    else:
        yield path, content if isinstance(content, str) else json.dumps(content, default=str)
