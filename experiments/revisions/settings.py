"""Parameters and content hashes on both sides of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from experiments.revisions.revisions import RevisionError, Snapshot
from experiments.revisions.tables import flattened

# Git sees what is under results/ itself; the rest of DVC's outputs it knows by hash alone.
IN_GIT = "results/"


@dataclass(frozen=True)
class Setting:
    """A parameter or hash; None where that side has none."""

    name: str
    old: str | None
    new: str | None


def compare_parameters(old: Snapshot, new: Snapshot) -> tuple[list[Setting], int]:
    """Parameters of params.yaml that differ, in the order of the file; how many do not."""
    return compare(*(dict(flattened(read_yaml(side, "params.yaml"))) for side in (old, new)))


def compare_hashes(old: Snapshot, new: Snapshot) -> tuple[list[Setting], int]:
    """md5 of data/ and of what the stages wrote that differ; how many do not."""
    return compare(hashes(old), hashes(new))


def compare(old: dict[str, str], new: dict[str, str]) -> tuple[list[Setting], int]:
    """Entries that differ, in the order of `new`, removed ones last; how many are the same."""
    names = [*new, *(name for name in old if name not in new)]
    different = [
        Setting(name, old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    ]
    return different, len(names) - len(different)


def hashes(side: Snapshot) -> dict[str, str]:
    """Path -> md5: first data/ (data.dvc), then outputs of dvc.lock that git does not hold."""
    return dict(pinned(side)) | dict(sorted(outputs(side)))


def pinned(side: Snapshot) -> Iterator[tuple[str, str]]:
    """What data.dvc pins."""
    for out in read_yaml(side, "data.dvc").get("outs") or ():
        yield out["path"], str(out.get("md5", ""))


def outputs(side: Snapshot) -> Iterator[tuple[str, str]]:
    """What dvc.lock says the stages wrote."""
    for stage in (read_yaml(side, "dvc.lock").get("stages") or {}).values():
        for out in stage.get("outs") or ():
            if not out["path"].startswith(IN_GIT):
                yield out["path"], str(out.get("md5", ""))


def read_yaml(side: Snapshot, path: str) -> dict:
    """A YAML file of one side; empty if there is none."""
    try:
        content = yaml.safe_load(side.text(path) or "")
    except yaml.YAMLError:
        raise RevisionError(f"{path} of {side.label} is not YAML; restore it from git") from None
    return content if isinstance(content, dict) else {}
