"""The counts of the source study's data files: tracked, and recomputed when the files are there."""

from __future__ import annotations

import json
from pathlib import Path

from experiments import files
from experiments.audit import contamination, option_position, prompts, repeats, validation
from experiments.audit.mirror import Mirror
from experiments.errors import DataError


def recompute(mirror: Mirror, letters: str) -> dict:
    """Every count, by kind of check."""
    return {
        "contamination": contamination.count(mirror),
        "option_position": option_position.count(mirror),
        "prompts": prompts.count(mirror, letters),
        "repeats": repeats.count(mirror),
        "sizes": validation.count(mirror),
    }


def compare(tracked: dict, recomputed: dict, path: Path) -> None:
    """DataError naming the first count that differs from the tracked ones in `path`."""
    for key, value in leaves(recomputed).items():
        known = leaves(tracked).get(key)
        if known != value:
            raise DataError(
                f"{path} says {key} = {known}, the mirror gives {value}; if the count was changed "
                "on purpose, run `python -m experiments.audit --record`"
            )
    extra = sorted(leaves(tracked).keys() - leaves(recomputed).keys())
    if extra:
        raise DataError(
            f"{path} holds {extra[0]}, which is no longer counted; "
            "run `python -m experiments.audit --record`"
        )


def leaves(tree: dict, prefix: str = "") -> dict[str, float]:
    """A nested dictionary with its keys joined by dots."""
    flat = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat |= leaves(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def write(counts: dict, path: Path) -> None:
    """Counts as indented JSON with sorted keys."""
    files.write_text(path, json.dumps(counts, indent=2, sort_keys=True) + "\n")
