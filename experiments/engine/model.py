"""Load a model with its tokenizer, and turn prompts into tokens."""

from __future__ import annotations

import ctypes
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import logging as transformers_logging

from experiments.engine.matmul import round_products
from experiments.engine.request import Message, Prompt
from experiments.errors import ModelError
from experiments.models.verification import check_weights
from experiments.params import Evaluate

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
# What transformers, peft and bitsandbytes raise for folders that are not what they should be.
LOADING_ERRORS = (
    OSError, ValueError, RuntimeError, LookupError, ImportError, AttributeError, TypeError,
    SafetensorError,
)  # fmt: skip
LOCAL = {"local_files_only": True, "trust_remote_code": False}


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
    matmul: str = "ieee",
    date: str | None = None,
) -> LanguageModel:
    """Load a checkpoint folder, with an adapter if one is given: merged where that is exact.

    Only safetensors and no remote code are read, nothing is downloaded, and every weight must be
    there. `adapter` is a PEFT folder or a fully tuned checkpoint, which then takes the place of
    `path`. dtype "auto" is float32 on a CPU and bfloat16 on CUDA. With `quantization` "nf4" all
    linear layers but the last are 4-bit NormalFloats with doubly quantised constants and compute in
    `dtype` (QLoRA: Dettmers et al. 2023, section 3). 8-bit weights are not offered: their products
    depend on the batch. With `matmul` "bf16" frozen float32 weights multiply in bfloat16
    (matmul.py). Low-rank adapters are merged into float32 weights and stay beside all others: most
    changes are smaller than half a step of bfloat16, and merging would round them away. `date` is
    for `load_tokenizer`. Raises ModelError.
    """
    keep_large_blocks()
    transformers_logging.disable_progress_bar()  # of less than a second, amid the stage's own
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto":
        dtype = "bfloat16" if device.startswith("cuda") else "float32"
    if quantization not in (None, "nf4"):
        raise ModelError(f"Quantization {quantization!r} is unknown; use nf4 or none.")
    low_rank = adapter is not None and (adapter / ADAPTER_CONFIG).is_file()
    weights = path if adapter is None or low_rank else adapter
    if not (weights / "config.json").is_file():
        raise ModelError(
            f"{weights} holds no model (config.json is missing); fetch or train it again."
        )
    check_weights(weights, str(weights))
    with_tokenizer = weights if (weights / "tokenizer_config.json").is_file() else path
    tokenizer = load_tokenizer(with_tokenizer, date)
    try:
        four_bit = quantization and BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization,
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        model, found = AutoModelForCausalLM.from_pretrained(
            weights,
            dtype=getattr(torch, dtype),
            device_map={"": torch.device(device)},
            quantization_config=four_bit,
            use_safetensors=True,
            output_loading_info=True,
            **LOCAL,
        )
        # What is missing would be drawn at random, and what is unknown would be left out.
        require_same(set(), found["missing_keys"] | found["unexpected_keys"], weights)
        if matmul == "bf16":
            round_products(model)
        if low_rank:
            model = with_adapter(model, adapter)
            if dtype == "float32" and not quantization and matmul == "ieee":
                model = model.merge_and_unload(safe_merge=True)
    except LOADING_ERRORS as error:
        raise unreadable(adapter or path, error) from error
    for module in model.modules():
        # bitsandbytes repacks 4-bit weights in an evaluation forward on some CPUs, for a product
        # that rounds to bfloat16 and has no gradient: scores would change with the machine, and
        # training on after an evaluation would go wrong without a word.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return LanguageModel(model.eval(), tokenizer, torch.device(device))


def load_asked(
    path: Path,
    settings: Evaluate,
    *,
    adapter: Path | None = None,
    device: str = "auto",
    date: str | None = None,
) -> LanguageModel:
    """`load_model` in the precision in which `evaluate` of params.yaml asks models."""
    return load_model(
        path,
        dtype=settings.dtype,
        device=device,
        adapter=adapter,
        quantization=None if settings.quantization == "none" else settings.quantization,
        matmul=settings.matmul,
        date=date,
    )


def with_adapter(model: torch.nn.Module, folder: Path) -> torch.nn.Module:
    """The model with a PEFT adapter; ModelError unless every one of its weights has its place."""
    # peft takes a second to import, which the base need not wait
    from peft import PeftModel, get_peft_model_state_dict

    from experiments.engine.lora import quicken

    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise ModelError(
            f"{folder} lacks {ADAPTER_WEIGHTS}, and no other format is read; train it again."
        )
    with safe_open(folder / ADAPTER_WEIGHTS, "pt") as file:
        names = file.keys()
        held = {(name, tuple(file.get_slice(name).get_shape())) for name in names}
    with quiet_peft():
        adapted = PeftModel.from_pretrained(model, folder)
    state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    require_same(held, {(name, tuple(weight.shape)) for name, weight in state.items()}, folder)
    quicken(adapted)
    return adapted


def unreadable(folder: Path, error: Exception) -> ModelError:
    reason = textwrap.shorten(f"{type(error).__name__}: {error}", 300)
    return ModelError(f"{folder} cannot be loaded ({reason}); fetch or train it again.")


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Without peft's warnings: of a property that transformers renamed, and of missing weights."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        warnings.filterwarnings("ignore", "Found missing adapter keys", UserWarning)
        yield


def require_same(held: set, wanted: set, folder: Path) -> None:
    """ModelError naming the first weight that a folder lacks, or holds in vain."""
    if differing := sorted(held ^ wanted):
        raise ModelError(
            f"{folder} does not hold the weights that its configuration asks for ({len(differing)} "
            f"are missing or unknown, the first is {differing[0]}); fetch or train it again."
        )


def load_tokenizer(folder: Path, date: str | None = None):
    """The tokenizer of a folder; `date` (YYYY-MM-DD) is today for its chat template.

    ModelError for a template that asks for today without a `date`: the same prompt would have
    other tokens tomorrow.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **LOCAL)
    except LOADING_ERRORS as error:
        raise unreadable(folder, error) from error
    if "strftime_now" not in str(tokenizer.chat_template):
        return tokenizer
    if date is None:
        raise ModelError(
            f"the chat template of {folder} writes today's date into every prompt; set model.date "
            '(such as "2025-01-31") in params.yaml'
        )
    tokenizer.chat_template = dated(tokenizer.get_chat_template(), datetime.fromisoformat(date))
    return tokenizer


def dated(template: str, day: datetime) -> str:
    """The template with a macro in the place of the clock; transformers takes no function."""
    written = "".join(
        f"|replace('%{code}', '{day.strftime(f'%{code}')}')"
        for code in ("-d", "-m", *"aAbBdHIjmMpSyY")
    )
    return (
        f"{{%- macro strftime_now(format) -%}}{{{{ format{written} }}}}{{%- endmacro -%}}{template}"
    )


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
