"""Fine-tune a causal language model on completions: LoRA, QLoRA, or every weight.

transformers' Trainer runs the loop. Two things make a step cheap at an unchanged loss:

- Examples are packed end to end without padding, behind the prefix they share (the chat header, a
  common instruction, the same question asked twice), which is computed once. Linear layers see one
  long row; attention goes example by example.
- Vocabulary logits exist only at the positions that predict a completion token.

The loss of an optimizer step is the mean over all its completion tokens, whatever the packing.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from jinja2 import TemplateError
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn import functional
from transformers import (
    AttentionInterface,
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from experiments.errors import DataError, TrainingError
from experiments.params import Train


@dataclass(frozen=True)
class Example:
    """Tokens of one training row; the loss is on `tokens[prompt:]`."""

    tokens: tuple[int, ...]
    prompt: int


def encode(tokenizer: PreTrainedTokenizerBase, messages: list[dict], completion: str) -> Example:
    """The chat-templated messages as prompt; the completion and the end-of-turn token as target.

    DataError if the chat template refuses the messages or the completion is empty.
    """
    if not completion.strip():
        raise DataError("the completion is empty")
    try:
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except (TemplateError, KeyError, TypeError) as error:
        raise DataError(f"the chat template refuses its messages ({error})") from None
    prompt_tokens = tokenizer(prompt, add_special_tokens=False).input_ids
    answer = tokenizer(completion, add_special_tokens=False).input_ids
    return Example((*prompt_tokens, *answer, end_of_turn(tokenizer)), len(prompt_tokens))


def end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int:
    """The special token with which the chat template closes an assistant turn."""
    content = "reply"
    turns = [{"role": "user", "content": "ask"}, {"role": "assistant", "content": content}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    tail = tokenizer(text[text.rindex(content) + len(content) :], add_special_tokens=False)
    special = [token for token in tail.input_ids if token in tokenizer.all_special_ids]
    return special[0] if special else tokenizer.eos_token_id


def pack(examples: Iterable[Example], token_budget: int) -> list[dict]:
    """Packs of at most `token_budget` tokens (a longer example is a pack of its own).

    Sorting by tokens puts examples with long common prefixes side by side. Each pack holds
    `input_ids` and `position_ids` (1, T); `segments`, the lengths of the shared prefix and of every
    example after it; `predict` (C,), the positions whose logits are needed, and `targets` (C,).
    """
    groups: list[list[Example]] = []
    for example in sorted(examples, key=lambda example: example.tokens):
        if groups and packed_length([*groups[-1], example]) <= token_budget:
            groups[-1].append(example)
        else:
            groups.append([example])
    return [lay_out(group) for group in groups]


def shared_prefix(group: Sequence[Example]) -> int:
    """Tokens shared by all, at least one prompt token short of the first completion."""
    if len(group) == 1:
        return 0
    shared = len(os.path.commonprefix([example.tokens for example in group]))
    return min(shared, *(example.prompt - 1 for example in group))


def packed_length(group: Sequence[Example]) -> int:
    prefix = shared_prefix(group)
    return prefix + sum(len(example.tokens) - prefix for example in group)


def lay_out(group: Sequence[Example]) -> dict:
    prefix = shared_prefix(group)
    tokens, positions = list(group[0].tokens[:prefix]), list(range(prefix))
    predict, targets = [], []
    for example in group:
        start = len(tokens) - prefix
        predict += range(start + example.prompt - 1, start + len(example.tokens) - 1)
        targets += example.tokens[example.prompt :]
        tokens += example.tokens[prefix:]
        positions += range(prefix, len(example.tokens))
    return {
        "input_ids": torch.tensor([tokens]),
        "position_ids": torch.tensor([positions]),
        "segments": (prefix, *(len(example.tokens) - prefix for example in group)),
        "predict": torch.tensor(predict),
        "targets": torch.tensor(targets),
    }


def packed_attention(
    module, query, key, value, attention_mask, dropout=0.0, scaling=None, segments=None,
    sliding_window=None, softcap=None, **kwargs,
):  # fmt: skip
    """Causal attention within each segment and from each segment to the shared prefix.

    A transformers attention function: query (1, heads, T, size) to output (1, T, heads, size).
    Without `segments` every row is one segment.
    """
    lengths = segments or (0, query.shape[2])
    (first_query, *queries), (first_key, *keys), (first_value, *values) = (
        states.split(lengths, dim=2) for states in (query, key, value)
    )
    rows = [(first_query, first_key, first_value)] if lengths[0] else []
    for one_query, one_key, one_value in zip(queries, keys, values, strict=True):
        if lengths[0]:
            one_key = torch.cat((first_key, one_key), dim=2)
            one_value = torch.cat((first_value, one_value), dim=2)
        rows.append((one_query, one_key, one_value))
    attended = [attend(*row, dropout, scaling, sliding_window, softcap) for row in rows]
    return torch.cat([one.transpose(1, 2) for one in attended], dim=1), None


def attend(query, key, value, dropout, scaling, window, softcap):
    """Attention of the last rows of a causal sequence to all of it."""
    length, total = query.shape[2], key.shape[2]
    whole = length == total and (window is None or total <= window)
    mask = None if whole and softcap is None else visible(length, total, window, query.device)
    if softcap is None:
        return functional.scaled_dot_product_attention(
            query, key, value, mask, dropout, is_causal=mask is None, scale=scaling, enable_gqa=True
        )
    groups = query.shape[1] // key.shape[1]
    key, value = (states.repeat_interleave(groups, dim=1) for states in (key, value))
    scores = softcap * torch.tanh(query @ key.transpose(2, 3) * scaling / softcap)
    weights = scores.masked_fill(~mask, -math.inf).softmax(-1, torch.float32).to(query.dtype)
    return functional.dropout(weights, dropout) @ value


@lru_cache(maxsize=128)
def visible(length: int, total: int, window: int | None, device: torch.device) -> torch.Tensor:
    mask = torch.ones(length, total, dtype=torch.bool, device=device).tril(total - length)
    return mask if window is None else mask.triu(total - length - window + 1)


AttentionInterface.register("packed", packed_attention)


def load(folder: Path, settings: Train) -> PreTrainedModel:
    """The model ready to be tuned: 4-bit for QLoRA; bfloat16 on a GPU unless all weights train."""
    on_gpu = torch.cuda.is_available()
    half = torch.bfloat16 if on_gpu else torch.float32
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=half,
    )
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32 if settings.method == "full" else half,
        attn_implementation="packed",
        quantization_config=quantization if settings.method == "qlora" else None,
        device_map={"": torch.cuda.current_device()} if on_gpu else None,
    )
    for module in model.modules():
        # On CPU bitsandbytes repacks 4-bit weights in an evaluation forward, into a layout whose
        # matrix product has no backward: the training after it would go wrong without an error.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def adapt(model: PreTrainedModel, settings: Train, seed: int) -> PreTrainedModel | PeftModel:
    """Wrap the model with fresh low-rank adapters on all linear layers; full tuning needs none."""
    set_seed(seed)
    if settings.method == "full":
        return model
    return get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            target_modules="all-linear",
            r=settings.lora.r,
            lora_alpha=settings.lora.alpha,
            lora_dropout=settings.lora.dropout,
        ),
    )


def negative_log_likelihood(model: torch.nn.Module, packed: dict) -> torch.Tensor:
    """Sum in nats over the completion tokens of a pack."""
    logits = model(
        input_ids=packed["input_ids"],
        position_ids=packed["position_ids"],
        logits_to_keep=packed["predict"],
        segments=packed["segments"],
        use_cache=False,
    ).logits[0]
    return functional.cross_entropy(logits.float(), packed["targets"], reduction="sum")


@torch.no_grad()
def mean_loss(model: torch.nn.Module, packs: list[dict]) -> float:
    """Negative log-likelihood in nats per completion token, without dropout."""
    model.eval()
    device = next(model.parameters()).device
    moved = [{k: v.to(device) if hasattr(v, "to") else v for k, v in p.items()} for p in packs]
    total = sum(negative_log_likelihood(model, packed).item() for packed in moved)
    return total / sum(len(packed["targets"]) for packed in packs)


class CompletionTrainer(Trainer):
    """One batch is one optimizer step, run as packs whose gradients add up to the exact mean."""

    def training_step(self, model, inputs, num_items_in_batch=None):
        model.train()
        packs = self._prepare_inputs(inputs["packs"])
        count = sum(len(packed["targets"]) for packed in packs)
        processes = self.accelerator.num_processes
        tokens = self.accelerator.reduce(torch.tensor(count, device=self.args.device), "sum").item()
        loss = torch.zeros((), device=self.args.device)
        for packed in packs:
            # Processes hold different numbers of packs, so gradients are exchanged at the last.
            last = packed is packs[-1]
            with nullcontext() if last else self.accelerator.no_sync(model):
                part = negative_log_likelihood(model, packed) * (processes / tokens)
                self.accelerator.backward(part)
            loss += part.detach()
        loss = self.accelerator.reduce(loss, "mean")
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the loss of step {self.state.global_step + 1} is {loss.item()}; "
                "lower train.learning_rate or look for a corrupt model"
            )
        self.state.log_history.append({"loss": loss.item(), "tokens": tokens})
        return loss


def tune(
    model: torch.nn.Module,
    training: Sequence[Example],
    validation: Sequence[Example],
    settings: Train,
    seed: int,
) -> dict:
    """Train `model` in place. Returns losses in nats per completion token.

    TrainingError if there is nothing to train on or a loss is not a number.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            seed=seed,
            num_train_epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=settings.warmup_share,
            weight_decay=settings.weight_decay,
            gradient_checkpointing=settings.gradient_checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            remove_unused_columns=False,
            bf16=torch.cuda.is_available(),
            optim="paged_adamw_8bit" if paged(settings) else "adamw_torch",
        )
        arguments.per_device_train_batch_size = settings.batch_size // arguments.world_size
        trainer = CompletionTrainer(
            model=model,
            args=arguments,
            train_dataset=list(training),
            data_collator=lambda batch: {"packs": pack(batch, settings.token_budget)},
        )
        held_out = pack(validation, settings.token_budget)
        before = mean_loss(model, held_out)
        trainer.train()
        after = mean_loss(model, held_out)
    if not math.isfinite(after):
        raise TrainingError(f"the validation loss is {after}; lower train.learning_rate")
    steps = [entry for entry in trainer.state.log_history if "tokens" in entry]
    return {
        "steps": len(steps),
        "trained_tokens": sum(entry["tokens"] for entry in steps),
        "validation_loss_before": before,
        "validation_loss_after": after,
        "loss": [entry["loss"] for entry in steps],
    }


def paged(settings: Train) -> bool:
    """QLoRA's paged 8-bit optimizer exists on CUDA only."""
    return settings.method == "qlora" and torch.cuda.is_available()


def save(model: PreTrainedModel | PeftModel, folder: Path, base_name: str) -> None:
    """Write the adapter, or a full checkpoint, with nothing of this machine in it."""
    model.save_pretrained(folder)
    config_path = folder / "adapter_config.json"
    if config_path.is_file():
        config = json.loads(config_path.read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = base_name
        # peft writes a set in the order of this process's hash seed
        config["target_modules"] = sorted(config["target_modules"])
        config_path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")
        (folder / "README.md").unlink()
