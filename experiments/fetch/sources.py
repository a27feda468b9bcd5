"""Files of source repositories, over HTTPS or from a local copy, checked by their git blob ids."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from experiments.corpora import pins
from experiments.corpora.pins import SourceFile
from experiments.errors import DataError, DownloadError

ATTEMPTS, FIRST_WAIT_SECONDS, TIMEOUT_SECONDS = 4, 1.0, 60.0  # the wait doubles each time
RETRIED = {408, 425, 429, 500, 502, 503, 504}
CHUNK_BYTES = 1 << 18


def collect_sources(
    sources: dict[SourceFile, bool], mirror: Path | None, data: Path, fresh: Path
) -> None:
    """Write those source files below `fresh` that `data` does not hold yet.

    DataError if a file is not the pinned one, or is needed and the mirror lacks it; DownloadError
    if a server does not give a needed one. What is missing otherwise is told.
    """
    if mirror is not None and not mirror.is_dir():
        raise DataError(f"--mirror: there is no folder {mirror}; mend the path or leave it out")
    for file, needed in sources.items():
        if pins.is_pinned(data / file.name, file):
            continue
        content = served(file, needed) if mirror is None else mirrored(file, mirror, needed)
        if content is None:
            continue
        if pins.git_blob(content) != file.git_blob:
            raise DataError(
                f"{file.path} {'as served' if mirror is None else f'in {mirror}'} is not the file "
                f"of {file.repository.name} at commit {file.repository.commit} (its git blob id "
                "differs); data/ is left as it was"
            )
        target = fresh / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def mirrored(file: SourceFile, mirror: Path, needed: bool) -> bytes | None:
    """The file in the mirror; None, and a line that says what for, if absent and not needed."""
    path = mirror / file.place
    if path.is_file():
        return path.read_bytes()
    if needed:
        raise DataError(
            f"{mirror} lacks {file.place}, and without it there is no {file.use}; add it, leave "
            "--mirror out to download it, or choose otherwise in params.yaml"
        )
    print(f"{mirror} lacks {file.place}; without it there is no {file.use}", flush=True)
    return None


def served(file: SourceFile, needed: bool) -> bytes | None:
    """The file from its server; None, and a line that says what for, if not given nor needed."""
    try:
        return download_file(file)
    except DownloadError as error:
        if needed:
            raise
        print(f"{error}; without it there is no {file.use}", flush=True)
        return None


def download_file(file: SourceFile) -> bytes:
    """The file as its server gives it, tried a few times; DownloadError if that does not help."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
        try:
            return read_url(file.url, file.place)
        except urllib.error.HTTPError as error:
            reason = f"status {error.code}"
            if error.code not in RETRIED:
                break
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
    raise DownloadError(
        f"{file.url} could not be downloaded ({reason}); check the network and run the command "
        "again, or give a local copy by --mirror"
    )


def read_url(url: str, name: str) -> bytes:
    """The whole body of a response, with a progress bar on a terminal."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        size = int(response.headers.get("Content-Length") or 0)
        with tqdm(
            desc=name.rpartition("/")[2],
            total=size or None,
            unit="B",
            unit_scale=True,
            disable=None,
        ) as bar:
            parts = []
            while part := response.read(CHUNK_BYTES):
                parts.append(part)
                bar.update(len(part))
    content = b"".join(parts)
    if len(content) < size:
        raise http.client.IncompleteRead(content, size - len(content))
    return content
