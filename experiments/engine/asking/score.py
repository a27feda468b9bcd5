"""Log-likelihoods of continuations, many questions per forward pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from experiments.engine.asking.prefix import Pass, PrefixCache
from experiments.engine.attention import logits_of, planned_attention
from experiments.engine.matmul import is_rounded
from experiments.engine.request import Likelihoods
from experiments.errors import ModelError
from experiments.params import Engine

BATCH_ROPES = ("dynamic", "longrope")
LOGITS_AT_ONCE = 2**24  # 64 MB in float32
PROBE = Engine(token_budget=1, row_tokens=8, cache_gib=0.2, generation_slots=1, threads=1)


@dataclass(frozen=True)
class Question:
    """A tokenized `Choose`."""

    prompt: np.ndarray
    continuations: tuple[np.ndarray, ...]


@torch.inference_mode()
def score_next(
    model, cache: PrefixCache, settings: Engine, questions: Iterable[Question]
) -> tuple[list[Likelihoods], int]:
    """Answer as many questions, from the first on, as one pass of token_budget new tokens holds.

    Neighbours should begin alike. Returns the replies in the order of the questions and the number
    of tokens computed. Logits are computed only where a continuation is predicted.
    Raises ModelError if the model gives a log-likelihood that is not finite.
    """
    batch = Pass(cache, settings.row_tokens)
    rows, targets, lengths = [], [], []
    for question in questions:
        prompt = question.prompt
        if batch.full(settings.token_budget, len(prompt) + sum(map(len, question.continuations))):
            break
        batch.add(prompt, len(prompt) - 1, remember=True)
        for continuation in question.continuations:
            # Its last token is predicted, and predicts nothing.
            sequence = np.concatenate([prompt, continuation[:-1]])
            path = batch.add(sequence, len(prompt) - 1)
            rows.append(path[len(prompt) - 1 :] - batch.first)
            targets.append(continuation)
        lengths.append(tuple(map(len, question.continuations)))
    hidden = batch.run(model)
    values = _log_probabilities(model, hidden, np.concatenate(rows), np.concatenate(targets))
    if not np.isfinite(values).all():
        raise ModelError("The model's scores are not finite; train or fetch it again.")
    sums = iter(np.add.reduceat(values, np.cumsum([0, *np.concatenate(lengths)[:-1]])).tolist())
    return [Likelihoods(tuple(next(sums) for _ in one), one) for one in lengths], batch.count


def _log_probabilities(model, hidden, rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Log-probability (float64) of target token i after row i; a row may occur many times."""
    distinct, which = np.unique(rows, return_inverse=True)
    values = np.empty(len(rows))
    step = max(1, LOGITS_AT_ONCE // model.get_output_embeddings().weight.shape[0])
    for begin in range(0, len(distinct), step):
        part = torch.from_numpy(distinct[begin : begin + step]).to(hidden.device)
        scores = torch.log_softmax(logits_of(model, hidden[part]), dim=-1)
        chosen = np.flatnonzero((which >= begin) & (which < begin + step))
        row, target = (
            torch.from_numpy(index.astype(np.int64)).to(hidden.device)
            for index in (which[chosen] - begin, targets[chosen])
        )
        values[chosen] = scores[row, target].double().cpu().numpy()
    return values


@torch.inference_mode()
def check_model(model) -> None:
    """Raise ModelError unless two short prompts score as they do in the model's own forward."""
    config = model.config.get_text_config()
    tokens = np.arange(24) * 7 % config.vocab_size
    questions = [
        Question(tokens[:20], (tokens[20:],)),
        Question(np.append(tokens[:12], tokens[:4]), (tokens[20:],)),
    ]
    refused = f"The engine cannot run models of type {config.model_type!r} ({{}}); choose another."
    # These scale positions by the longest sequence of a batch.
    if any(f"'{kind}'" in str(getattr(config, "rope_parameters", "")) for kind in BATCH_ROPES):
        raise ModelError(refused.format("its scores would depend on the batch"))
    try:
        plain = [_plain_score(model, question) for question in questions]
        with planned_attention(model):
            cache = PrefixCache(model, PROBE.cache_gib)
            ours = [
                score_next(model, cache, PROBE, [question])[0][0].log_likelihoods[0]
                for question in questions
            ]
    except (TypeError, ValueError, AttributeError, LookupError, RuntimeError) as error:
        raise ModelError(refused.format(f"{type(error).__name__}: {error}")) from error
    exact = model.dtype == torch.float32 and not is_rounded(model)
    tolerance = 1e-3 if exact else 0.5
    if not np.allclose(plain, ours, rtol=1e-5, atol=tolerance):
        raise ModelError(refused.format(f"it scores {ours} where the model itself scores {plain}"))


def _plain_score(model, question: Question) -> float:
    prompt, continuation = question.prompt, question.continuations[0]
    sequence = torch.from_numpy(np.concatenate([prompt, continuation])[None]).to(model.device)
    scores = torch.log_softmax(model(sequence, use_cache=False).logits[0].float(), dim=-1)
    rows = np.arange(len(prompt) - 1, sequence.shape[1] - 1)
    return float(scores[rows, continuation].sum())
