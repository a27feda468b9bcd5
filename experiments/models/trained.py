"""What training notes beside an adapter, and evaluation checks: its files, its base, its settings.

The note is written last, so a folder that was cut short has none. An adapter that was altered,
belongs to another base model, or was trained in another way than params.yaml now says is refused.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from experiments import files
from experiments.errors import ModelError
from experiments.models.verification import digests, first_difference, read_json
from experiments.params import Train

NOTE = "trained.json"


def write_note(folder: Path, base: dict[str, str], settings: Train) -> None:
    """Note the sha256 of the folder's files and of the base model's, and how it was trained."""
    content = {
        "base": base,
        "settings": described(settings),
        "files": digests(sorted(folder.iterdir())),
    }
    files.write_text(folder / NOTE, json.dumps(content, indent=1) + "\n")


def verify_trained(folder: Path, base: dict[str, str], settings: Train) -> None:
    """ModelError unless the folder is whole, of this base model, and trained with these settings.

    `base` holds the sha256 of each file of the base model, by its name.
    """
    remedy = f"run `python -m experiments.train {folder.parent.name}`"
    if not folder.is_dir():
        raise ModelError(f"{folder} is missing; {remedy} first")
    note = read_json(folder / NOTE)
    if note is None or not all(isinstance(note.get(key), dict) for key in ("files", "settings")):
        raise ModelError(f"{folder / NOTE} is missing or damaged; {remedy} again")
    if fault := first_difference(folder, note["files"], NOTE):
        raise ModelError(f"{fault}; {remedy} again")
    if note.get("base") != base:
        raise ModelError(f"{folder} was trained on another model than the base; {remedy} again")
    for key, now in described(settings).items():
        then = note["settings"].get(key)
        if then != now:
            raise ModelError(
                f"{folder} was trained with train.{key} = {then} and params.yaml says {now}; "
                f"{remedy} again"
            )


def described(settings: Train) -> dict:
    """The settings of training that every seed shares."""
    return {key: value for key, value in asdict(settings).items() if key != "seeds"}
