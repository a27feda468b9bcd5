"""Load a model with its tokenizer, and turn prompts into tokens."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from experiments.engine.request import Prompt
from experiments.errors import ModelError

QUANTIZATIONS = {
    "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "int8": {"load_in_8bit": True},
}
# What transformers, peft and bitsandbytes raise for folders that are not what they should be.
LOADING_ERRORS = (
    OSError, ValueError, RuntimeError, LookupError, ImportError, AttributeError, TypeError,
    SafetensorError,
)  # fmt: skip


@dataclass(frozen=True)
class EngineSettings:
    """How much the engine does at once; none of it changes a reply beyond rounding."""

    token_budget: int  # new tokens per forward pass
    row_tokens: int  # new tokens that attend to each other under one mask
    cache_gib: float  # keys and values kept for prompts that begin alike
    generation_slots: int  # replies written side by side
    threads: int  # CPU threads


@dataclass
class LanguageModel:
    model: torch.nn.Module
    tokenizer: object
    device: torch.device


def load_model(
    path: Path,
    *,
    dtype: str = "auto",
    device: str = "auto",
    adapter: Path | None = None,
    quantization: str | None = None,
) -> LanguageModel:
    """Load a checkpoint folder, with an adapter merged into its weights if one is given.

    `adapter` is a PEFT folder or a fully tuned checkpoint, which then takes the place of `path`.
    Only safetensors and no remote code are read, and nothing is downloaded. dtype "auto" is
    float32 on a CPU and bfloat16 on CUDA. `quantization` is "nf4", "int8" or None; an adapter on
    quantised weights stays unmerged, since merging would round it. Raises ModelError.
    """
    keep_large_blocks()
    device = torch.device(
        ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    )
    if dtype == "auto":
        dtype = "bfloat16" if device.type == "cuda" else "float32"
    if quantization is not None and quantization not in QUANTIZATIONS:
        raise ModelError(
            f"Quantization {quantization!r} is unknown; use one of {list(QUANTIZATIONS)}."
        )
    weights, peft_folder = path, None
    if adapter is not None:
        if (adapter / "adapter_config.json").is_file():
            peft_folder = adapter
        elif (adapter / "config.json").is_file():
            weights = adapter
        else:
            raise ModelError(
                f"{adapter} holds neither an adapter nor a checkpoint; train it again."
            )
    if not (weights / "config.json").is_file():
        raise ModelError(f"{weights} holds no model (config.json is missing); fetch it again.")
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            weights if (weights / "tokenizer_config.json").is_file() else path, **options
        )
        model = AutoModelForCausalLM.from_pretrained(
            weights,
            dtype=getattr(torch, dtype),
            device_map={"": device},
            use_safetensors=True,
            quantization_config=quantization and BitsAndBytesConfig(**QUANTIZATIONS[quantization]),
            **options,
        )
        if peft_folder is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, peft_folder)
            model = model if quantization else model.merge_and_unload(safe_merge=True)
    except LOADING_ERRORS as error:
        raise ModelError(
            f"{adapter or path} cannot be loaded ({type(error).__name__}: {error}); "
            "fetch or train it again."
        ) from error
    return LanguageModel(model.eval(), tokenizer, device)


def keep_large_blocks() -> None:
    """Have glibc reuse freed activations instead of returning them page by page to the system."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
        mallopt(M_TOP_PAD, 1 << 26)


def render(tokenizer, prompt: Prompt) -> str:
    """The text of a prompt: a dialogue through the chat template, a string as it is.

    Raises ValueError for a dialogue that ends with the assistant or that the template refuses.
    """
    if isinstance(prompt, str):
        return prompt
    if not prompt or prompt[-1].role == "assistant":
        raise ValueError("a dialogue must end with a turn that the assistant can answer")
    messages = [{"role": turn.role, "content": turn.content} for turn in prompt]
    try:
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    except Exception as error:  # jinja's own classes, or whatever a template raises
        raise ValueError(f"the model's chat template refuses the dialogue ({error})") from error


def tokenize(tokenizer, texts: Iterable[str], *, special_tokens: bool) -> dict[str, np.ndarray]:
    """Token ids (int32) of every distinct text. `special_tokens` lets the tokenizer add its own."""
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return {}
    ids = tokenizer(distinct, add_special_tokens=special_tokens)["input_ids"]
    return {text: np.array(row, dtype=np.int32) for text, row in zip(distinct, ids, strict=True)}
