"""Training examples as tokens, and packs of them: padding-free rows behind a shared prefix.

Examples lie end to end in one row. What all of a pack begin with (the chat header, a common
instruction) is there once. Linear layers see one long row; `packed_attention` goes example by
example, so each example gets the same hidden states as alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from transformers import AttentionInterface, PreTrainedTokenizerBase

from experiments.engine.attention import additive, attend
from experiments.engine.model import render
from experiments.engine.request import Message
from experiments.errors import DataError

ATTENTION = "packed"


@dataclass(frozen=True)
class Example:
    """Tokens of one training row; the loss is on `tokens[prompt:]`."""

    tokens: tuple[int, ...]
    prompt: int


def encode(
    tokenizer: PreTrainedTokenizerBase,
    messages: list[dict],
    completion: str,
    loss_on: str = "completion",
) -> Example:
    """The chat-templated messages as prompt; the completion and the end-of-turn token as target.

    Without messages the completion is a plain text: no chat template, but the special tokens that
    the tokenizer adds by itself, and the end-of-text token. Its targets, and with `loss_on` "text"
    those of every row, are all tokens but the first. DataError if the chat template refuses the
    messages or the completion is empty.
    """
    if not completion.strip():
        raise DataError("its completion is empty")
    if not messages:
        text = tokenizer(completion).input_ids
        end = tokenizer.eos_token_id
        return Example((*text, *([end] if text[-1] != end else [])), 1)
    turns = tuple(Message(turn["role"], turn["content"]) for turn in messages)
    try:
        prompt = tokenizer(render(tokenizer, turns), add_special_tokens=False).input_ids
    except ValueError as error:
        raise DataError(str(error)) from None
    answer = tokenizer(completion, add_special_tokens=False).input_ids
    tokens = (*prompt, *answer, end_of_turn(tokenizer))
    return Example(tokens, 1 if loss_on == "text" else len(prompt))


@lru_cache(maxsize=8)
def end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int:
    """The special token with which the chat template closes an assistant turn."""
    reply = "reply"
    turns = [{"role": "user", "content": "ask"}, {"role": "assistant", "content": reply}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    tail = tokenizer(text[text.rindex(reply) + len(reply) :], add_special_tokens=False).input_ids
    # transformers 5 leaves tokens without a role (Gemma's <end_of_turn>) out of all_special_ids
    marked = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    closing = (token for token in tail if token in marked | set(tokenizer.all_special_ids))
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
    outputs = []
    for one_query, one_key, one_value in rows:
        length, total = one_query.shape[2], one_key.shape[2]
        causal = softcap is None and length == total and total <= (sliding_window or total)
        mask = None
        if not causal:
            mask = causal_mask(length, total, sliding_window, query.dtype, query.device)
        output = attend(
            one_query, one_key, one_value, mask, scaling, softcap, causal=causal, dropout=dropout
        )
        outputs.append(output.transpose(1, 2))
    return torch.cat(outputs, dim=1), None


AttentionInterface.register(ATTENTION, packed_attention)


@lru_cache(maxsize=128)
def causal_mask(
    length: int, total: int, window: int | None, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """Additive mask (length, total): what the last `length` of `total` tokens do not attend to."""
    seen = torch.ones(length, total, dtype=torch.bool, device=device).tril(total - length)
    if window is not None:
        seen = seen.triu(total - length - window + 1)
    return additive(~seen, dtype)
