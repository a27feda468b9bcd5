"""What an interrupted training had finished, kept beside its adapters until the stage ends.

adapters/NAME/KEY.finished.partial holds what was made (the record of a seed, the base model's own
answers) and the fingerprint of all it was made from: with another one it is made anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments import files
from experiments.models.verification import read_json


def keep(folder: Path, key: str, fingerprint: str, content: Any) -> None:
    """Keep `content`, which JSON can write, as `key` of the adapter's folder."""
    files.write_text(
        place(folder, key), json.dumps({"made_from": fingerprint, "content": content}) + "\n"
    )


def kept(folder: Path, key: str, fingerprint: str) -> Any | None:
    """What `keep` wrote; None if there is none, or it was made from something else."""
    found = read_json(place(folder, key))
    return found.get("content") if found and found.get("made_from") == fingerprint else None


def place(folder: Path, key: str) -> Path:
    return folder / f"{key}.finished.partial"
