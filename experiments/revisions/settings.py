"""Parameters and content hashes on both sides of a comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from experiments.revisions.snapshot import Snapshot
from experiments.yaml_files import YAMLProblem, parse_yaml

# Git sees what is under results/ itself; the rest of DVC's outputs it knows by hash alone.
IN_GIT = "results/"


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
    return compare_settings(
        *(dict(leaves(read_mapping(side, "params.yaml"))) for side in (old, new))
    )


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
    pinned = read_mapping(side, "data.dvc")
    locked = read_mapping(side, "dvc.lock")
    try:
        data = {out["path"]: out.get("md5", "") for out in pinned.get("outs", ())}
        stages = locked.get("stages", {}).values()
        made = {
            out["path"]: out.get("md5", "") for stage in stages for out in stage.get("outs", ())
        }
    except (AttributeError, KeyError, TypeError):
        raise side.damaged("data.dvc or dvc.lock", "is not as DVC writes it") from None
    return data | {path: made[path] for path in sorted(made) if not path.startswith(IN_GIT)}


def read_mapping(side: Snapshot, path: str) -> dict:
    """A YAML file of one side; empty if there is none. RevisionError if it holds no mapping."""
    text = side.content(path)
    if text is None:
        return {}
    try:
        content = parse_yaml(text)
    except YAMLProblem as problem:
        raise side.damaged(path, str(problem).split(";")[0]) from None
    if not isinstance(content, dict):
        raise side.damaged(path, "is empty or holds no mapping")
    return content


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
