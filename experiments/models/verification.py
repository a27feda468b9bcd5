"""Whether a model's folder is whole, usable here, and the one that was fetched.

Only safetensors, configuration and tokenizer are taken; code that comes with a model never runs and
pickled weights are never read. A fetched folder holds MANIFEST.json, the sha256 of its files.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from experiments import files
from experiments.corpora import pins
from experiments.errors import DataError, ModelError
from experiments.models.presets import resolve
from experiments.params import Model

MANIFEST = "MANIFEST.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
CONFIG, TOKENIZER_CONFIG = "config.json", "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
SHARD = re.compile(r"[\w-][\w.-]*\.safetensors")  # a name and no path
SMALL_FILES = frozenset(
    {
        CONFIG, INDEX, TOKENIZER_CONFIG, "generation_config.json", "tokenizer.json",
        "tokenizer.model", "special_tokens_map.json", "added_tokens.json", "vocab.json",
        "merges.txt", TEMPLATE, "chat_template.json",
    }
)  # fmt: skip


def verify_model(model: Model, folder: Path) -> dict[str, str]:
    """Check every file of a fetched model; returns the sha256 of each, by its name.

    DataError names the first that differs.
    """
    if resolve(model).in_wheel:
        prefix = f"model/{folder.name}/"
        pins.verify(folder.parents[1], prefix)
        return {
            name.removeprefix(prefix): digest
            for name, digest in pins.FILES.items()
            if name.startswith(prefix)
        }
    remedy = "delete the folder and run `python -m experiments.fetch`"
    content = read_json(folder / MANIFEST)
    if content is None or not all(isinstance(content.get(key), dict) for key in ("model", "files")):
        raise DataError(f"{folder} holds no whole model; run `python -m experiments.fetch`")
    if content["model"] != identity(model):
        raise DataError(f"{folder} is another model than params.yaml names; {remedy}")
    if fault := first_difference(folder, content["files"], MANIFEST):
        raise DataError(f"{fault}; {remedy}")
    return content["files"]


def first_difference(folder: Path, wanted: dict[str, str], record: str) -> str | None:
    """What in `folder`, but for its `record`, has other names or sha256; None if nothing has."""
    for name, digest in wanted.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            return f"{path} is missing"
        if files.digest(path) != digest:
            return f"{path} is not the file that belongs there (its sha256 differs)"
    strays = sorted({path.name for path in folder.iterdir()} - {*wanted, record})
    return f"{folder / strays[0]} does not belong there" if strays else None


def identity(model: Model) -> dict[str, str | None]:
    """What a manifest says of the model it belongs to; a folder is known by its content alone."""
    source = resolve(model)
    if source.split is not None:
        return {"sha256": source.split.sha256}
    return {"repository": source.repository, "revision": source.revision}


def write_manifest(model: Model, folder: Path) -> None:
    """sha256 of each file, written when all of them are there."""
    content = {"model": identity(model), "files": digests(sorted(folder.iterdir()))}
    files.write_text(folder / MANIFEST, json.dumps(content, indent=1) + "\n")


def digests(paths: list[Path]) -> dict[str, str]:
    """sha256 of files, by their names."""
    return {path.name: files.digest(path) for path in paths}


def check_folder(folder: Path, name: str) -> None:
    """ModelError, in one sentence, unless the folder holds a model that can be used here."""
    if not folder.is_dir():
        raise ModelError(f"model.name: there is no folder {folder}; mend the path")
    check_texts(folder, name)
    check_weights(folder, name)


def check_texts(folder: Path, name: str) -> None:
    """ModelError for a model without configuration or chat template, or with code of its own."""
    config, tokenizer = (read_json(folder / file) for file in (CONFIG, TOKENIZER_CONFIG))
    if config is None:
        raise ModelError(f"{name} holds no model: {CONFIG} is missing or holds no JSON object")
    if "auto_map" in config or "auto_map" in (tokenizer or {}):
        raise ModelError(
            f"{name} needs code that comes with the model (auto_map), which is never run here; "
            "choose a model that transformers supports itself"
        )
    if not any((folder / file).is_file() for file in ("tokenizer.json", "tokenizer.model")):
        raise ModelError(f"{name} holds no tokenizer (tokenizer.json); add the model's own")
    templates = (folder / file for file in (TEMPLATE, "chat_template.json"))
    if not (tokenizer or {}).get("chat_template") and not any(map(Path.is_file, templates)):
        raise ModelError(
            f"the tokenizer of {name} has no chat template, and every test here is a dialogue; "
            "choose a chat model"
        )


def check_weights(folder: Path, name: str) -> None:
    """ModelError unless all weights are there as safetensors, inside of the folder."""
    shards, indexed = {WEIGHTS}, (folder / INDEX).exists()
    if indexed:
        weight_map = (read_json(folder / INDEX) or {}).get("weight_map")
        shards = set(weight_map.values()) if isinstance(weight_map, dict) else set()
        if not shards or not all(isinstance(one, str) and SHARD.fullmatch(one) for one in shards):
            raise ModelError(
                f"{name} cannot be used: {INDEX} must name a safetensors file beside it for each "
                "weight; get the model again"
            )
    missing = sorted(shard for shard in shards if not (folder / shard).is_file())
    if not missing:
        return
    if indexed:
        raise ModelError(f"{name} lacks {missing[0]}, which {INDEX} names")
    pickled = any(path.suffix in (".bin", ".pt", ".pth") for path in folder.iterdir())
    found = "only pickled weights, which can run code when read" if pickled else "no weights"
    raise ModelError(f"{name} holds {found}; only safetensors are read here, so convert them first")


def wanted(names: list[str]) -> list[str]:
    """The files taken of a repository or folder: the weights and what belongs to them."""
    return sorted(
        name
        for name in names
        if name in SMALL_FILES or (name.startswith("model") and name.endswith(".safetensors"))
    )


def read_json(path: Path) -> dict | None:
    """The object in a file; None if there is no such file or no object in it."""
    if not path.is_file():  # nor a pipe, which would be waited for
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
