"""Download a model from the Hugging Face hub, each file checked against the hub's own hash."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

from experiments import files
from experiments.corpora import pins
from experiments.errors import DownloadError, ModelError, ReportError
from experiments.models.presets import Turns
from experiments.models.verification import TEMPLATE, check_texts, wanted


def download(repository: str, revision: str, folder: Path, turns: Turns | None = None) -> None:
    """Fetch the wanted files of a commit into `folder`, each checked against the hub's own hash.

    The template of `turns` is there beside them, unless the commit has one.
    """
    import httpx
    from huggingface_hub import errors as hub

    supplied = {TEMPLATE: turns.template} if turns else {}
    try:
        for name, text in supplied.items():
            files.write_text(folder / name, text)
        names = [*download_files(repository, revision, folder), *supplied]
    except PermissionError:
        raise
    except (httpx.HTTPError, hub.HFValidationError, OSError) as error:
        raise explained(error, repository, revision) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()


def download_files(repository: str, revision: str, folder: Path) -> list[str]:
    """Fetch what is not there yet; returns the names of the wanted files."""
    from huggingface_hub import HfApi, get_token, hf_hub_download

    if not re.fullmatch("[!-~]*", get_token() or ""):
        raise DownloadError(
            "HF_TOKEN holds a character that no token has, such as a typographic quote or a space; "
            "set it again"
        )
    place = f"{repository} at revision {revision}"
    listed = HfApi().model_info(repository, revision=revision, files_metadata=True).siblings
    there = {file.rfilename: file for file in listed}
    names = wanted(list(there))
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelError(
            f"{place} has no safetensors, and other formats are never read; choose a revision or a "
            "model that has them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    require_disk(sum(there[name].size or 0 for name in names) - held, folder, place)
    # small files first: what they say can make the large ones useless
    for name in sorted(names, key=lambda name: (name.endswith(".safetensors"), name)):
        if name.endswith(".safetensors"):
            check_texts(folder, place)
        print(f"fetching {name} of {place}", flush=True)
        hf_hub_download(repository, name, revision=revision, local_dir=folder)
        if not is_listed(folder / name, there[name]):
            (folder / name).unlink()
            raise DownloadError(f"{name} of {place} arrived damaged; run the same command again")
    return names


def explained(error: Exception, repository: str, revision: str) -> ReportError:
    """What a failed download means, and what to do about it, in one sentence."""
    from huggingface_hub import errors as hub

    place = f"{repository} at revision {revision}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ModelError(
            f"the disk is full before all of {place} is here; free space and run the same command "
            "again, which goes on where it was"
        )
    sentences = {  # the first that fits: some of these classes are kinds of later ones
        hub.GatedRepoError: f"{repository} is gated: accept its licence on its page of the Hugging "
        "Face hub, make an access token that may read it, set it as HF_TOKEN, and run the same "
        "command again",
        hub.RepositoryNotFoundError: f"the hub has no repository {repository}, or it is private; "
        "mend model.name, or set HF_TOKEN to a token that may read it",
        hub.RevisionNotFoundError: f"{repository} has no revision {revision}; set model.revision "
        "to a commit that its hub page lists",
        hub.HFValidationError: f"model.name: {repository!r} is no name of a hub repository",
        hub.OfflineModeIsEnabled: f"{place} is not here and HF_HUB_OFFLINE forbids to fetch it; "
        "unset it, or give a local folder as model.name",
        hub.HfHubHTTPError: f"the hub refuses {place} ({first_line(error)}); check HF_TOKEN, or "
        "try again later",
    }
    unreachable = (
        f"the hub cannot be reached for {place} ({type(error).__name__}); check the network and "
        "run the same command again, which goes on where it was, or give a local folder as "
        "model.name"
    )
    fitting = (text for kind, text in sentences.items() if isinstance(error, kind))
    return DownloadError(next(fitting, unreachable))


def first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def is_listed(path: Path, file) -> bool:
    """Whether a file has the hash that the hub lists: sha256 of large ones, git's of others."""
    if file.lfs is not None:
        return files.digest(path) == file.lfs.sha256
    return pins.git_blob(path.read_bytes()) == file.blob_id


def require_disk(size: int, folder: Path, what: object) -> None:
    """ModelError if the disk of `folder` does not hold `size` bytes more."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ModelError(
            f"{what} needs {size / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB left; free "
            "space and run the same command again"
        )
