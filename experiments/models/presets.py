"""Which models can be studied: a preset, a repository of the Hugging Face hub, or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.errors import ParameterError
from experiments.models.shape import Shape
from experiments.params import Model


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
