"""How the files of a model come into data/model/, pinned and verified."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from experiments import files
from experiments.errors import DataError, ModelError
from experiments.fetch.parts import join
from experiments.models.hub import download, require_disk
from experiments.models.presets import PRESETS, Preset, resolve
from experiments.models.verification import (
    check_folder,
    digests,
    verify_model,
    wanted,
    write_manifest,
)
from experiments.params import Model


def fetch_model(model: Model, folder: Path) -> None:
    """Bring the files of `model` into `folder`, checked, with MANIFEST.json as the last of them.

    A folder that already holds them is left alone. Downloads go on where they were interrupted.
    DownloadError if the hub or the index cannot give the files; ModelError for a model that cannot
    be used here: no safetensors, remote code, no chat template, too little disk. The model in the
    wheel is made by experiments/fetch/wheels.py.
    """
    source = resolve(model)
    if source.in_wheel:
        raise ValueError(f"{model.name} is made from a wheel by experiments/fetch/wheels.py")
    if manifest_matches(model, folder):
        return
    partial, parts = (folder.with_name(f"{folder.name}.{end}") for end in ("partial", "parts"))
    if source.folder is not None:
        if source.folder.resolve() == folder.resolve():
            raise ModelError(
                f"model.name: {model.name} is where the fetch would copy it to; keep the model "
                "outside of data/model/"
            )
        check_folder(source.folder, model.name)
        files.remove(partial)
        copy(source.folder, partial)
    elif source.split is not None:
        convert_split(PRESETS[model.name], partial, parts)
    else:
        download(source.repository, source.revision, partial, source.turns)
        check_folder(partial, model.name)
    write_manifest(model, partial)
    files.remove(folder)
    partial.rename(folder)
    files.remove(parts)


def convert_split(preset: Preset, folder: Path, parts: Path) -> None:
    """Make the model's folder of a GGUF file whose parts lie, or come to lie, in `parts`."""
    from experiments.models.gguf import convert_gguf  # imports torch, so only when needed

    whole = join(preset.split, parts)
    require_disk(4 * preset.parameters, folder.parent, f"{preset.split.named} in float32")
    print("converting the model to safetensors (one to two minutes)", flush=True)
    convert_gguf(whole, folder, preset.turns)


def manifest_matches(model: Model, folder: Path) -> bool:
    """Whether `folder` already holds the whole model, and for a local folder the same files."""
    try:
        held = verify_model(model, folder)
    except DataError:
        return False
    source = resolve(model).folder
    if source is None:
        return True
    return source.is_dir() and held == digests([source / name for name in wanted_of(source)])


def wanted_of(folder: Path) -> list[str]:
    return wanted([path.name for path in folder.iterdir() if path.is_file()])


def copy(source: Path, target: Path) -> None:
    """Hard links where the file system allows them, else copies."""
    target.mkdir(parents=True)
    for name in wanted_of(source):
        try:
            os.link((source / name).resolve(), target / name)
        except OSError:
            require_disk((source / name).stat().st_size, target, source / name)
            shutil.copyfile(source / name, target / name)
