"""Load a model with its tokenizer, and turn prompts into tokens."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from experiments.engine.request import Message, Prompt
from experiments.errors import ModelError

# What transformers, peft and bitsandbytes raise for folders that are not what they should be.
LOADING_ERRORS = (
    OSError, ValueError, RuntimeError, LookupError, ImportError, AttributeError, TypeError,
    SafetensorError,
)  # fmt: skip


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
    """Load a checkpoint folder, with an adapter if one is given: merged where that is exact.

    Only safetensors and no remote code are read, and nothing is downloaded. `adapter` is a PEFT
    folder or a fully tuned checkpoint, which then takes the place of `path`. dtype "auto" is
    float32 on a CPU and bfloat16 on CUDA. With `quantization` "nf4" all linear layers but the last
    are 4-bit NormalFloats with doubly quantised constants and compute in `dtype` (QLoRA: Dettmers
    et al. 2023, section 3). 8-bit weights are not offered: their products depend on the batch.
    Low-rank adapters are merged into float32 weights and stay beside all others: most changes are
    smaller than half a step of bfloat16, and merging would round them away. Raises ModelError.
    """
    keep_large_blocks()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto":
        dtype = "bfloat16" if device.startswith("cuda") else "float32"
    if quantization not in (None, "nf4"):
        raise ModelError(f"Quantization {quantization!r} is unknown; use nf4 or none.")
    low_rank = adapter is not None and (adapter / "adapter_config.json").is_file()
    weights = path if adapter is None or low_rank else adapter
    if not (weights / "config.json").is_file():
        raise ModelError(
            f"{weights} holds no model (config.json is missing); fetch or train it again."
        )
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        four_bit = quantization and BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization,
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        tokenizer = AutoTokenizer.from_pretrained(
            weights if (weights / "tokenizer_config.json").is_file() else path, **local
        )
        model = AutoModelForCausalLM.from_pretrained(
            weights,
            dtype=getattr(torch, dtype),
            device_map={"": torch.device(device)},
            quantization_config=four_bit,
            use_safetensors=True,
            **local,
        )
        if low_rank:
            from peft import PeftModel  # a second, which the base model need not wait

            model = PeftModel.from_pretrained(model, adapter)
            if dtype == "float32" and not quantization:
                model = model.merge_and_unload(safe_merge=True)
    except LOADING_ERRORS as error:
        raise ModelError(
            f"{adapter or path} cannot be loaded ({type(error).__name__}: {error}); "
            "fetch or train it again."
        ) from error
    for module in model.modules():
        # bitsandbytes repacks 4-bit weights in an evaluation forward on some CPUs, for a product
        # that rounds to bfloat16 and has no gradient: scores would change with the machine, and
        # training on after an evaluation would go wrong without a word.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return LanguageModel(model.eval(), tokenizer, torch.device(device))


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

    Where the template has no place for a system turn (Gemma 1 and 2), a leading one begins the
    first user turn, with an empty line after it, as Gemma 3's own template does. Raises ValueError
    for a dialogue that ends with the assistant or that the template refuses.
    """
    if isinstance(prompt, str):
        return prompt
    if not prompt or prompt[-1].role == "assistant":
        raise ValueError("a dialogue must end with a turn that the assistant can answer")
    if [turn.role for turn in prompt[:2]] == ["system", "user"] and not writes_system(tokenizer):
        system, user, *rest = prompt
        prompt = (Message("user", f"{system.content}\n\n{user.content}"), *rest)
    messages = [asdict(turn) for turn in prompt]
    try:
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    except Exception as error:  # jinja's own classes, or whatever a template raises
        raise ValueError(f"the model's chat template refuses the dialogue ({error})") from error


@lru_cache(maxsize=8)
def writes_system(tokenizer) -> bool:
    """Whether the chat template writes a system turn: some refuse it, some leave it out."""
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    try:
        return turns[0]["content"] in tokenizer.apply_chat_template(turns, tokenize=False)
    except Exception:
        return False


def tokenize(tokenizer, texts: Iterable[str], *, special_tokens: bool) -> dict[str, np.ndarray]:
    """Token ids (int32) of every distinct text. `special_tokens` lets the tokenizer add its own."""
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return {}
    ids = tokenizer(distinct, add_special_tokens=special_tokens)["input_ids"]
    return {text: np.array(row, dtype=np.int32) for text, row in zip(distinct, ids, strict=True)}
