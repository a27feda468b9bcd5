"""The one way in which stages write: beside the old file or folder, which is replaced when whole.

A stage that is stopped, or finds the disk full, leaves what stood there; its partial file or folder
(`NAME.partial`) is removed, at the latest by the next run. An OSError names the path that was asked
for, so that errors.py can say what to mend.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(content: str | bytes) -> str:
    """sha256 of a text (as UTF-8) or of bytes, in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a whole file as UTF-8, with the line ends of `text`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with new_file(path) as partial:
        partial.write_bytes(content)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield where to write the file; it replaces `path` if the block ends without an error."""
    with _beside(path) as partial:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it replaces `path` if the block ends without an error.

    The old folder is deleted last. If a kill falls between the two renames, the next call (or
    `restore`) puts the old one back.
    """
    restore(path)
    with _beside(path) as partial:
        partial.mkdir()
        yield partial
        for inside in (*partial.rglob("*"), partial):
            _flush(inside)
        previous = _previous(path)
        if os.path.lexists(path):
            os.replace(path, previous)
        try:
            os.replace(partial, path)
        finally:
            restore(path)
        _flush(path.parent)


def restore(path: Path) -> None:
    """Put the old folder of an interrupted `new_folder` back; delete it if the new one stands."""
    previous = _previous(path)
    if os.path.lexists(path):
        remove(previous)
    elif previous.exists():
        os.replace(previous, path)


def remove(path: Path) -> None:
    """Delete a file, a link or a whole folder; nothing happens if there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A free path beside `path`, removed at the end; errors of the system name `path`."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(partial)
        yield partial
    except OSError as error:
        # a full disk names no file, and a failed rename the partial one
        named = error.filename or partial
        if error.errno and Path(os.fsdecode(named)).is_relative_to(partial):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        remove(partial)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous.partial")


def _flush(path: Path) -> None:
    """Have the system write a file or the entries of a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
