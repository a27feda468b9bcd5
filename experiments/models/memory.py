"""How much memory training and evaluation will need, from sizes alone, before a model is loaded.

The estimates count the tensors that the engine keeps for the longest packs and replies that
params.yaml allows; they are not measurements. For SmolLM2-135M on a CPU they say 2.8 GB for LoRA
training and 3.0 GB for evaluation, where 2.5 and 2.2 GB were measured. `require_training` and
`require_evaluation` compare them with the device's free memory and fail with one sentence that says
what to lower.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from experiments import processes
from experiments.errors import ModelError
from experiments.models.shape import Shape, shape_of
from experiments.params import Evaluate, Params, Train

NF4 = 0.5 + 4 / 64  # bytes per weight: 4 bits, and a float32 scale for every 64 weights
RUNTIME = {"cpu": 0.4e9, "cuda": 1.0e9}  # libraries; the CUDA context and its workspaces
# CUDA's allocator keeps freed blocks of other sizes; the engine has glibc use them again.
FRAGMENTATION = {"cpu": 1.0, "cuda": 1.2}
COMPLETION_SHARE = 0.5  # of a pack's tokens, where the loss is on completions only
REPLY_STEP = 256  # the engine lengthens the buffers of replies by so many tokens
LOGITS_AT_ONCE = 2**24  # scores that the engine has at one time, float32, three times over


@dataclass(frozen=True)
class Estimate:
    """Bytes on one device, by what they are for; `runtime` is there whatever the model."""

    weights: float
    activations: float
    logits: float
    runtime: float
    states: float = 0.0  # gradients and the optimizer's
    cache: float = 0.0  # keys and values of shared beginnings
    replies: float = 0.0  # keys and values of replies being written

    @property
    def total(self) -> float:
        return sum(vars(self).values())

    @property
    def largest(self) -> str:
        """The part, but for the runtime, that takes most."""
        parts = {name: size for name, size in vars(self).items() if name != "runtime"}
        return max(parts, key=parts.__getitem__)


REMEDIES = {
    "training": {
        "weights": "choose train.method: qlora or a smaller model",
        "states": "choose train.method: lora, or divide the model with launch/fsdp.yaml",
        "activations": "set train.gradient_checkpointing: true or lower train.token_budget",
        "logits": "lower train.token_budget",
    },
    "evaluation": {
        "weights": (
            "set evaluate.dtype: bfloat16 or evaluate.quantization: nf4, or choose a smaller model"
        ),
        "activations": "lower evaluate.engine.token_budget",
        "logits": "choose a smaller model",
        "cache": "lower evaluate.engine.cache_gib",
        "replies": "lower evaluate.engine.generation_slots",
    },
}


@dataclass(frozen=True)
class Device:
    """A kind of device ("cuda" or "cpu"), and its free memory in bytes for one process."""

    kind: str
    free: float


def require_training(model_folder: Path, settings: Train) -> None:
    """ModelError if this process's device cannot hold the training; unknown memory is enough."""
    device = this_device()
    if device is not None:
        estimate = training(
            shape_of(model_folder), settings, device.kind, processes.count(), sharded=is_sharded()
        )
        compare(estimate, device, "training")


def require_evaluation(model_folder: Path, parameters: Params) -> None:
    """ModelError if this process's device cannot hold the evaluation; unknown memory is enough."""
    device = this_device()
    if device is not None:
        estimate = evaluation(shape_of(model_folder), parameters, device.kind)
        compare(estimate, device, "evaluation")


def compare(estimate: Estimate, device: Device, what: str) -> None:
    """ModelError naming what to lower if `estimate` is more than the device has."""
    if estimate.total <= device.free:
        return
    raise ModelError(
        f"{what} would take about {estimate.total / 1e9:.1f} GB (of which {estimate.largest} "
        f"{getattr(estimate, estimate.largest) / 1e9:.1f} GB) and the {device.kind} device has "
        f"{device.free / 1e9:.1f} GB free for this process; {REMEDIES[what][estimate.largest]}"
    )


def training(
    shape: Shape, settings: Train, kind: str, processes: int = 1, sharded: bool = False
) -> Estimate:
    """Bytes per process to train: experiments/engine/training/tune.py with its longest packs.

    `kind` is "cuda" (bfloat16 but for a fully tuned model's weights) or "cpu" (float32). `sharded`
    divides gradients and optimizer states among the processes (FSDP); the whole model is loaded on
    every device before it is divided.
    """
    full, cuda = settings.method == "full", kind == "cuda"
    width = 2 if cuda and not full else 4
    most = settings.max_tokens * settings.batch_size // processes  # in one step of a process
    tokens = max(min(settings.token_budget, most), settings.max_tokens)
    tuned = shape.linear_weights + shape.embedding_weights
    if not full:
        tuned = lora_weights(shape, settings)
    # float32 gradients and two moments; moments of 8 bits; a second copy of gradients to exchange
    per_weight = 4 + (2 if settings.method == "qlora" and cuda else 8)
    exchanged = 4 if processes > 1 and not sharded else 0
    states = tuned * (per_weight / (processes if sharded else 1) + exchanged)
    weights = loaded(shape, width, settings.method == "qlora") + (0 if full else 4 * tuned)
    if full and cuda:
        weights += 2 * tuned  # autocast's bfloat16 copies, kept for the backward pass
    layer = tokens * layer_activations(shape, settings, width, cuda)
    layers = shape.layers
    activations = layers * layer
    if settings.gradient_checkpointing:
        activations = layers * tokens * width * shape.hidden + layer
    # Logits, in float32 too if they are not, their log-softmax, and the gradient of each.
    predicted = tokens * (COMPLETION_SHARE if settings.loss_on == "completion" else 1)
    scores = predicted * shape.vocabulary * (16 if width == 2 else 12)
    return Estimate(
        weights=weights,
        states=states,
        activations=FRAGMENTATION[kind] * activations,
        logits=FRAGMENTATION[kind] * scores,
        runtime=RUNTIME[kind],
    )


def layer_activations(shape: Shape, settings: Train, width: int, cuda: bool) -> float:
    """Bytes per token that one decoder layer keeps for the backward pass."""
    # A norm keeps its input and its output, and computes in float32.
    norms = 2 * shape.hidden * (2 * width + (8 if width == 2 else 0))
    # Queries, keys and values after rotation, keys and values behind a shared prefix, the output.
    attention = width * (3 * shape.queries + 4 * shape.keys)
    if shape.softcap:
        attention += 16 * shape.heads * settings.max_tokens
    # Gate, its activation, up, and their product.
    feed_forward = 4 * width * shape.intermediate
    adapters = 0
    if settings.method != "full":
        # Dropout's mask, and what it lets through where the engine's quick layer does not serve.
        quick = settings.method == "lora" and not cuda
        adapters = sum(rows for rows, _ in shape.linears) * (1 if quick else 1 + width)
    return norms + attention + feed_forward + adapters


def evaluation(shape: Shape, parameters: Params, kind: str) -> Estimate:
    """Bytes per process to evaluate; prompts are taken to be as long as train.max_tokens."""
    settings, engine = parameters.evaluate, parameters.evaluate.engine
    width = 2 if settings.dtype == "bfloat16" else 4
    four_bit = settings.quantization == "nf4"
    if four_bit or width == 2:
        adapter = 4 * lora_weights(shape, parameters.train)
    else:  # merged one layer at a time, on a copy
        adapter = 8 * max(rows * columns for rows, columns in shape.linears)
    room = parameters.train.max_tokens + longest_reply(settings, parameters.protocol)
    room = -(-room // REPLY_STEP) * REPLY_STEP
    per_token = 2 * shape.layers * shape.keys * width
    layer = width * (6 * shape.hidden + 3 * shape.queries + 3 * shape.intermediate)
    return Estimate(
        weights=loaded(shape, width, four_bit) + adapter,
        activations=FRAGMENTATION[kind] * engine.token_budget * layer,
        logits=12 * LOGITS_AT_ONCE,
        runtime=RUNTIME[kind],
        cache=engine.cache_gib * 2**30,
        replies=engine.generation_slots * room * per_token,
    )


def lora_weights(shape: Shape, settings: Train) -> int:
    """Weights of a low-rank adapter on all linear layers."""
    return shape.layers * settings.lora.r * sum(map(sum, shape.linears))


def loaded(shape: Shape, width: int, four_bit: bool) -> float:
    """Bytes of a loaded model; embeddings and norms are never quantised."""
    return shape.linear_weights * (NF4 if four_bit else width) + shape.embedding_weights * width


def longest_reply(settings: Evaluate, protocol: str) -> int:
    """Tokens of the longest reply that may be written."""
    if protocol == "published":
        return max(vars(settings.published).values())
    return max(settings.gsm8k_max_tokens, settings.transcripts.max_tokens)


def is_sharded() -> bool:
    """Whether `accelerate launch` was given an FSDP configuration."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in ("true", "1")


def this_device() -> Device | None:
    """The device that the engine will use, as free as it is now; None where that is not known."""
    import torch

    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info(processes.number("LOCAL_RANK", 0))
        return Device("cuda", free)
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    sizes = dict(line.split(":", 1) for line in lines)
    if "MemAvailable" not in sizes:
        return None
    available = int(sizes["MemAvailable"].split()[0]) * 1024
    return Device("cpu", available / processes.number("LOCAL_WORLD_SIZE", 1))
