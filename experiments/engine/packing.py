"""Training examples as tokens, and packs of them: padding-free rows behind a shared prefix.

Examples lie end to end in one row. What all of a pack begin with (the chat header, a common
instruction) is there once. Linear layers see one long row; `packed_attention` goes example by
example, so each example gets the same hidden states as alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jinja2 import TemplateError
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedTokenizerBase

from experiments.errors import DataError

ATTENTION = "packed"


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
        raise DataError("its completion is empty")
    try:
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except (TemplateError, KeyError, TypeError) as error:
        raise DataError(f"the model's chat template refuses its messages ({error})") from None
    prompt_tokens = tokenizer(prompt, add_special_tokens=False).input_ids
    answer = tokenizer(completion, add_special_tokens=False).input_ids
    return Example((*prompt_tokens, *answer, end_of_turn(tokenizer)), len(prompt_tokens))


@lru_cache(maxsize=8)
def end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int:
    """The special token with which the chat template closes an assistant turn."""
    reply = "reply"
    turns = [{"role": "user", "content": "ask"}, {"role": "assistant", "content": reply}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    tail = tokenizer(text[text.rindex(reply) + len(reply) :], add_special_tokens=False).input_ids
    closing = (token for token in tail if token in tokenizer.all_special_ids)
    return next(closing, tokenizer.eos_token_id)


def pack(examples: Iterable[Example], token_budget: int) -> list[dict]:
    """Packs of at most `token_budget` tokens (a longer example is a pack of its own).

    Sorting by tokens puts examples with long common prefixes side by side. Each pack holds
    `input_ids` and `position_ids` (1, T); `segments`, the lengths of the shared prefix and of every
    example after it; `predict` (C,), the positions whose logits are needed, and `targets` (C,).
    """
    groups: list[list[Example]] = []
    for example in sorted(examples, key=lambda example: (example.tokens, example.prompt)):
        if groups and packed_length([*groups[-1], example]) <= token_budget:
            groups[-1].append(example)
        else:
            groups.append([example])
    return [lay_out(group) for group in groups]


def shared_prefix(group: Sequence[Example]) -> int:
    """Tokens that a sorted group shares, short of every last prompt token: it predicts a target."""
    if len(group) == 1:
        return 0
    first, last = group[0].tokens, group[-1].tokens
    limit = min(example.prompt - 1 for example in group)
    return next((i for i in range(limit) if first[i] != last[i]), limit)


def packed_length(group: Sequence[Example]) -> int:
    """Tokens of the pack that the group makes."""
    return sum(len(example.tokens) for example in group) - (len(group) - 1) * shared_prefix(group)


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
    module, query, key, value, attention_mask, *, segments, dropout=0.0, scaling=None,
    sliding_window=None, softcap=None, **_,
):  # fmt: skip
    """Causal attention within each segment, and from each segment to the shared prefix.

    A transformers attention function: query (1, heads, T, size) to output (1, T, heads, size).
    """
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    (prefix_query, *queries), (prefix_key, *keys), (prefix_value, *values) = (
        states.split(segments, dim=2) for states in (query, key, value)
    )
    rows = [(prefix_query, prefix_key, prefix_value)] if segments[0] else []
    for one_query, one_key, one_value in zip(queries, keys, values, strict=True):
        if segments[0]:
            one_key = torch.cat((prefix_key, one_key), dim=2)
            one_value = torch.cat((prefix_value, one_value), dim=2)
        rows.append((one_query, one_key, one_value))
    attended = [attend(*row, dropout, scaling, sliding_window, softcap) for row in rows]
    return torch.cat([output.transpose(1, 2) for output in attended], dim=1), None


AttentionInterface.register(ATTENTION, packed_attention)


def attend(query, key, value, dropout, scaling, window, softcap):
    """Attention of the last rows of one causal sequence to all of it."""
    length, total = query.shape[2], key.shape[2]
    if softcap is None:
        plain = length == total and (window is None or total <= window)
        mask = None if plain else visible(length, total, window, query.device)
        return functional.scaled_dot_product_attention(
            query, key, value, mask, dropout, is_causal=plain, scale=scaling, enable_gqa=True
        )
    # No fused kernel takes soft-capped scores (Gemma 2).
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = softcap * torch.tanh(query @ key.transpose(2, 3) * scaling / softcap)
    scores = scores.masked_fill(~visible(length, total, window, query.device), -math.inf)
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    return functional.dropout(weights, dropout) @ value


@lru_cache(maxsize=128)
def visible(length: int, total: int, window: int | None, device: torch.device) -> torch.Tensor:
    """Bool (length, total): which positions the last `length` of `total` tokens attend to."""
    mask = torch.ones(length, total, dtype=torch.bool, device=device).tril(total - length)
    return mask if window is None else mask.triu(total - length - window + 1)
