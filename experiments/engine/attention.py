"""The door to transformers: a model runs with the attention that a plan of ours lays out.

A plan has `attend(layer, query, key, value, scaling, window, softcap)`: it keeps the keys and
values and decides which token sees which. Everything else of a model stays transformers' own code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional
from transformers import AttentionInterface

# cuDNN's attention builds a plan for every new shape, and here nearly every sequence has its own.
torch.backends.cuda.enable_cudnn_sdp(False)


def _planned(
    module, query, key, value, attention_mask, *, attention_plan, scaling,
    sliding_window=None, softcap=None, **_,
):  # fmt: skip
    layer = module.layer_idx
    return attention_plan.attend(layer, query, key, value, scaling, sliding_window, softcap), None


AttentionInterface.register("planned", _planned)


@contextmanager
def planned_attention(model) -> Iterator[None]:
    """Within this context the model runs by `planned_forward` only."""
    before = model.config._attn_implementation
    model.set_attn_implementation("planned")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def planned_forward(model, plan, tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Last hidden states [batch, tokens, size] of token ids at positions [batch, tokens]."""
    return model.get_decoder()(
        input_ids=tokens, position_ids=positions, use_cache=False, attention_plan=plan
    ).last_hidden_state


def logits_of(model, hidden: torch.Tensor) -> torch.Tensor:
    """Vocabulary logits [rows, vocabulary] in float32 of hidden states [rows, size]."""
    logits = model.get_output_embeddings()(hidden).float()
    softcap = getattr(model.config.get_text_config(), "final_logit_softcapping", None)
    return logits if softcap is None else torch.tanh(logits / softcap) * softcap


def attend(query, key, value, mask, scaling, softcap, *, causal=False, dropout=0.0) -> torch.Tensor:
    """Attention of [batch, heads, tokens, size] on as many or fewer key heads.

    `mask` is added to the scores; `causal` stands for one, and only without a soft cap.
    """
    groups = query.shape[1] // key.shape[1]
    if softcap is not None or query.is_cuda:  # CUDA's fast kernels take a mask or grouped heads
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    if softcap is None:
        grouped = key.shape[1] != query.shape[1]
        return functional.scaled_dot_product_attention(
            query, key, value, mask, dropout, causal, scale=scaling, enable_gqa=grouped
        )
    scores = torch.tanh(query @ key.transpose(2, 3) * (scaling / softcap)) * softcap + mask
    weights = torch.softmax(scores.float(), dim=-1).to(query.dtype)
    return functional.dropout(weights, dropout) @ value


def additive(hidden: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A mask to be added to scores: -inf where the boolean `hidden` is true."""
    return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(
        hidden, -torch.inf
    )
