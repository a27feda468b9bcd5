"""Log-likelihoods of continuations, many requests per forward pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from experiments.engine.model import EngineSettings, LanguageModel
from experiments.engine.prefix import Pass, PrefixCache
from experiments.engine.request import Likelihoods


@dataclass(frozen=True)
class Question:
    """A tokenized `Choose`."""

    prompt: np.ndarray
    continuations: tuple[np.ndarray, ...]


@torch.inference_mode()
def score_next(
    language_model: LanguageModel,
    cache: PrefixCache,
    settings: EngineSettings,
    questions: Iterable[Question],
) -> tuple[list[Likelihoods], int]:
    """Answer as many questions, from the first on, as one pass of token_budget holds.

    Returns their replies, in the queue's order, and the number of tokens computed; the questions
    stay in the queue. Neighbours should begin alike. Logits are computed only where a
    continuation is predicted.
    """
    batch = Pass(cache, settings.row_tokens)
    rows, targets, spans = [], [], []
    for question in questions:
        if batch.count >= settings.token_budget:
            break
        spans.append(_add(batch, question, rows, targets))
    unique, inverse = np.unique(np.concatenate(rows), return_inverse=True)
    logits = batch.run(language_model.model, unique)
    log_probabilities = torch.log_softmax(logits.float(), dim=-1)
    at = torch.from_numpy(inverse).to(logits.device)
    target = torch.from_numpy(np.concatenate(targets)).to(logits.device)
    values = iter(log_probabilities[at, target].double().cpu().split([n for s in spans for n in s]))
    replies = [
        Likelihoods(tuple(float(next(values).sum()) for _ in lengths), tuple(lengths))
        for lengths in spans
    ]
    return replies, batch.count


def _add(batch: Pass, question: Question, rows: list, targets: list) -> list[int]:
    """Queue one question; return its continuations' lengths."""
    prompt = question.prompt
    batch.add(prompt, len(prompt) - 1, remember=True)
    for continuation in question.continuations:
        # The last token predicts nothing that is asked for.
        sequence = np.concatenate([prompt, continuation[:-1]])
        path = batch.add(sequence, len(prompt) - 1)
        rows.append(path[len(prompt) - 1 :] - batch.first)
        targets.append(continuation.astype(np.int64))
    return [len(continuation) for continuation in question.continuations]
