"""Which models can be studied, and how their files come into data/model/, pinned and verified.

A model is a preset of this file, a repository of the Hugging Face hub at a commit, or a local
folder. Only safetensors, configuration and tokenizer are taken; remote code never runs and pickled
weights are never read. A fetched folder ends with MANIFEST.json, the sha256 of each of its files.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from experiments.corpora import pins
from experiments.errors import DataError, DownloadError, ModelError, ParameterError, ReportError
from experiments.params import Model

MANIFEST = "MANIFEST.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
CONFIG, TOKENIZER_CONFIG = "config.json", "tokenizer_config.json"
SMALL_FILES = frozenset(
    {
        CONFIG, INDEX, TOKENIZER_CONFIG, "generation_config.json", "tokenizer.json",
        "tokenizer.model", "special_tokens_map.json", "added_tokens.json", "vocab.json",
        "merges.txt", "chat_template.jinja", "chat_template.json",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder with a gated feed-forward layer (Llama, Gemma, Qwen, Mistral).

    `softcap`: attention scores are capped, so no fused kernel takes them (Gemma 2).
    """

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    tied: bool  # the output layer is the input embedding
    softcap: bool = False

    @property
    def queries(self) -> int:
        """Width of all query heads."""
        return self.heads * self.head_size

    @property
    def keys(self) -> int:
        """Width of all key heads, which is that of all value heads."""
        return self.kv_heads * self.head_size

    @property
    def linears(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the linear layers of one decoder layer, which low-rank adapters wrap."""
        return (
            (self.hidden, self.queries),
            (self.hidden, self.keys),
            (self.hidden, self.keys),
            (self.queries, self.hidden),
            (self.hidden, self.intermediate),
            (self.hidden, self.intermediate),
            (self.intermediate, self.hidden),
        )

    @property
    def linear_weights(self) -> int:
        """Weights of the decoder layers' linear layers."""
        return self.layers * sum(rows * columns for rows, columns in self.linears)

    @property
    def embedding_weights(self) -> int:
        """Weights of the input embedding, and of the output layer where it is another."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)


@dataclass(frozen=True)
class Preset:
    """A model under a short name. `parameters` is the published count, `gated` asks for consent.

    Without a repository the files come from a wheel (experiments/corpora/pins.py).
    """

    repository: str | None
    revision: str | None
    licence: str
    gated: bool
    parameters: int
    shape: Shape


# Shapes: config.json of each repository at its revision. Parameters: the safetensors metadata shown
# on its hub page, which the shapes add up to but for the norms.
PRESETS: dict[str, Preset] = {
    "smollm2-135m-instruct": Preset(
        repository=None,
        revision=None,
        licence="Apache-2.0",
        gated=False,
        parameters=134_515_008,
        shape=Shape(30, 576, 1536, 9, 3, 64, 49_152, tied=True),
    ),
    "smollm2-1.7b-instruct": Preset(
        repository="HuggingFaceTB/SmolLM2-1.7B-Instruct",
        revision="31b70e2e869a7173562077fd711b654946d38674",
        licence="Apache-2.0",
        gated=False,
        parameters=1_711_376_384,
        shape=Shape(24, 2048, 8192, 32, 32, 64, 49_152, tied=True),
    ),
    "llama-2-7b-chat": Preset(
        repository="meta-llama/Llama-2-7b-chat-hf",
        revision="f5db02db724555f92da89c216ac04704f23d4590",
        licence="Llama 2 Community License",
        gated=True,
        parameters=6_738_415_616,
        shape=Shape(32, 4096, 11_008, 32, 32, 128, 32_000, tied=False),
    ),
    "gemma-2-2b-it": Preset(
        repository="google/gemma-2-2b-it",
        revision="299a8560bedf22ed1c72a8a11e7dce4a7f9f51f8",
        licence="Gemma Terms of Use",
        gated=True,
        parameters=2_614_341_888,
        shape=Shape(26, 2304, 9216, 8, 4, 256, 256_000, tied=True, softcap=True),
    ),
}


@dataclass(frozen=True)
class Source:
    """Where files come from: `repository` at `revision`, a local `folder`, or neither (a wheel)."""

    repository: str | None = None
    revision: str | None = None
    folder: Path | None = None

    @property
    def in_wheel(self) -> bool:
        return self.repository is None and self.folder is None


def resolve(model: Model) -> Source:
    """Where the files of `model` come from; ParameterError for a name that means nothing."""
    if model.is_folder:
        folder = Path(model.name)
        if folder.name in ("", "..", *PRESETS):
            raise ParameterError(
                f"model.name: {model.name!r} gives no name of its own to the copy in data/model/; "
                "name the folder itself, and not as a preset"
            )
        return Source(folder=folder)
    if model.on_hub:
        return Source(model.name, model.revision)
    if model.name not in PRESETS:
        raise ParameterError(
            f"model.name: there is no preset {model.name!r}; use one of {', '.join(PRESETS)}, a "
            "hub repository (org/name, with model.revision), or a local folder (./path)"
        )
    preset = PRESETS[model.name]
    return Source(preset.repository, preset.revision)


def fetch_model(model: Model, folder: Path) -> None:
    """Bring the files of `model` into `folder`, checked, with MANIFEST.json as the last of them.

    A folder that already holds them is left alone. Downloads go on where they were interrupted.
    DownloadError if the hub cannot give the files; ModelError for a model that cannot be used
    here: no safetensors, remote code, no chat template, too little disk. The model in the wheel is
    made by experiments/fetch.py.
    """
    source = resolve(model)
    if source.in_wheel:
        raise ValueError(f"{model.name} is made from a wheel by experiments.fetch.write_model")
    if manifest_matches(model, folder):
        return
    partial = folder.with_name(folder.name + ".partial")
    if source.folder is not None:
        if source.folder.resolve() == folder.resolve():
            raise ModelError(
                f"model.name: {model.name} is where the fetch would copy it to; keep the model "
                "outside of data/model/"
            )
        check_folder(source.folder, model.name)
        shutil.rmtree(partial, ignore_errors=True)
        copy(source.folder, partial)
    else:
        download(source.repository, source.revision, partial)
        check_folder(partial, model.name)
    write_manifest(model, partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def verify_model(model: Model, folder: Path) -> None:
    """Check every file of a fetched model; DataError names the first that differs."""
    if resolve(model).in_wheel:
        pins.verify(folder.parents[1], f"model/{folder.name}/")
        return
    remedy = "delete the folder and run `python -m experiments.fetch`"
    content = read_json(folder / MANIFEST)
    if content is None:
        raise DataError(f"{folder} holds no whole model; run `python -m experiments.fetch`")
    if content["model"] != identity(model):
        raise DataError(f"{folder} is another model than params.yaml names; {remedy}")
    files = {path.name for path in folder.iterdir()} - {MANIFEST}
    for name, wanted in content["files"].items():
        if name not in files:
            raise DataError(f"{folder / name} is missing; {remedy}")
        if pins.digest(folder / name) != wanted:
            raise DataError(f"{folder / name} is not the file that was fetched; {remedy}")
    if stray := sorted(files - set(content["files"])):
        raise DataError(f"{folder / stray[0]} is no file of the model; {remedy}")


def identity(model: Model) -> dict[str, str | None]:
    """What a manifest says of the model it belongs to; a folder is known by its content alone."""
    source = resolve(model)
    return {"repository": source.repository, "revision": source.revision}


def manifest_matches(model: Model, folder: Path) -> bool:
    """Whether `folder` already holds the whole model, and for a local folder the same files."""
    try:
        verify_model(model, folder)
    except DataError:
        return False
    source = resolve(model).folder
    if source is None:
        return True
    files = read_json(folder / MANIFEST)["files"]
    return source.is_dir() and files == digests([source / name for name in wanted_of(source)])


def write_manifest(model: Model, folder: Path) -> None:
    """sha256 of each file, written when all of them are there."""
    content = {"model": identity(model), "files": digests(sorted(folder.iterdir()))}
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def digests(paths: list[Path]) -> dict[str, str]:
    return {path.name: pins.digest(path) for path in paths}


def wanted(names: list[str]) -> list[str]:
    """The files taken of a repository or folder: the weights and what belongs to them."""
    return sorted(
        name
        for name in names
        if name in SMALL_FILES or (name.startswith("model") and name.endswith(".safetensors"))
    )


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


def require_disk(size: int, folder: Path, what: object) -> None:
    """ModelError if the disk of `folder` does not hold `size` bytes more."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ModelError(
            f"{what} needs {size / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB left; free "
            "space and run the same command again"
        )


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
    templates = (folder / file for file in ("chat_template.jinja", "chat_template.json"))
    if not (tokenizer or {}).get("chat_template") and not any(map(Path.is_file, templates)):
        raise ModelError(
            f"the tokenizer of {name} has no chat template, and every test here is a dialogue; "
            "choose a chat model"
        )


def check_weights(folder: Path, name: str) -> None:
    """ModelError unless all weights are there as safetensors."""
    index = read_json(folder / INDEX)
    shards = {WEIGHTS} if index is None else set(index.get("weight_map", {}).values())
    missing = sorted(shard for shard in shards if not (folder / shard).is_file())
    if shards and not missing:
        return
    if index is not None:
        raise ModelError(f"{name} lacks {(missing or ['its weights'])[0]}, which {INDEX} names")
    pickled = any(path.suffix in (".bin", ".pt", ".pth") for path in folder.iterdir())
    found = "only pickled weights, which can run code when read" if pickled else "no weights"
    raise ModelError(f"{name} holds {found}; only safetensors are read here, so convert them first")


def read_json(path: Path) -> dict | None:
    """The object in a file; None if there is no such file or no object in it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def download(repository: str, revision: str, folder: Path) -> None:
    """Fetch the wanted files of a commit into `folder`, each checked against the hub's own hash."""
    import httpx
    from huggingface_hub import errors as hub

    try:
        names = download_files(repository, revision, folder)
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
    from huggingface_hub import HfApi, hf_hub_download

    place = f"{repository} at revision {revision}"
    listed = HfApi().model_info(repository, revision=revision, files_metadata=True).siblings
    files = {file.rfilename: file for file in listed}
    names = wanted(list(files))
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelError(
            f"{place} has no safetensors, and other formats are never read; choose a revision or a "
            "model that has them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    require_disk(sum(files[name].size or 0 for name in names) - there, folder, place)
    # small files first: what they say can make the large ones useless
    for name in sorted(names, key=lambda name: (name.endswith(".safetensors"), name)):
        if name.endswith(".safetensors"):
            check_texts(folder, place)
        print(f"fetching {name} of {place}", flush=True)
        hf_hub_download(repository, name, revision=revision, local_dir=folder)
        if not is_listed(folder / name, files[name]):
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
        return pins.digest(path) == file.lfs.sha256
    content = path.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return blob.hexdigest() == file.blob_id
