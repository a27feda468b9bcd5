"""Greedy replies for many prompts, side by side in a fixed number of slots."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch

from experiments.engine.asking.prefix import Pass, PrefixCache
from experiments.engine.attention import additive, attend, logits_of, planned_forward
from experiments.engine.model import LanguageModel
from experiments.engine.request import Text
from experiments.errors import ModelError
from experiments.params import Engine

COMPILED_STEP = 256  # a compiled step attends to a multiple of so many tokens


@dataclass
class Writing:
    """A tokenized `Generate`, and its reply so far."""

    prompt: np.ndarray
    max_tokens: int
    done: Callable[[Text], None]
    written: list[int] = field(default_factory=list)

    def finished(self, tokenizer, ends: frozenset[int]) -> Text | None:
        """The reply, if its last token ended it."""
        ended = self.written[-1] in ends
        if not ended and len(self.written) < self.max_tokens:
            return None
        kept = self.written[:-1] if ended else self.written
        text = tokenizer.decode(kept, skip_special_tokens=True)
        return Text(text, "end" if ended else "length")


class Slots:
    """The replies being written: row i of every tensor is reply i."""

    def __init__(
        self, model, count: int, ends: frozenset[int] = frozenset(), *, backend: str | None = None
    ):
        self.model, self.count, self.ends = model, count, ends
        self.compiled = backend is not None
        self.forward = planned_forward
        if self.compiled:
            mode = {"mode": "reduce-overhead"} if backend == "inductor" else {}
            self.forward = torch.compile(planned_forward, backend=backend, dynamic=False, **mode)
        self.writings: list[Writing] = []
        self.layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self.lengths = torch.zeros(count, dtype=torch.long, device=model.device)
        self.next_tokens = torch.zeros(count, dtype=torch.long, device=model.device)

    @classmethod
    def of(cls, language_model: LanguageModel, settings: Engine) -> Slots:
        """Slots for replies of a model; on CUDA their steps are compiled if `settings` say so."""
        compiled = settings.compiled and language_model.device.type == "cuda"
        backend, count = "inductor" if compiled else None, settings.generation_slots
        return cls(language_model.model, count, end_tokens(language_model), backend=backend)

    def admit(self, writing: Writing, token: int, path: np.ndarray, cache: PrefixCache) -> None:
        """Give the next row to a prompt whose keys and values are in the cache."""
        row, places = len(self.writings), cache.places(path)
        for layer, ring in cache.layers.items():
            buffers = self._reserve(layer, ring, len(path) + writing.max_tokens)
            for buffer, slots in zip(buffers, ring, strict=True):
                buffer[row, :, : len(path)] = slots.index_select(0, places).transpose(0, 1)
        self.lengths[row], self.next_tokens[row] = len(path), token
        writing.written.append(token)
        self.writings.append(writing)

    def _reserve(self, layer: int, ring, room: int) -> tuple[torch.Tensor, ...]:
        """Buffers [slots, heads, room or more, size] of a layer; longer ones take over content."""
        buffers = self.layers.get(layer)
        if buffers is None or buffers[0].shape[2] < room:
            room = -(-room // COMPILED_STEP) * COMPILED_STEP
            longer = tuple(s.new_zeros(self.count, s.shape[1], room, s.shape[2]) for s in ring)
            for new, old in zip(longer, buffers or (), strict=False):
                new[:, :, : old.shape[2]] = old
            if self.compiled:
                for buffer in longer:
                    torch._dynamo.mark_static_address(buffer)
            self.layers[layer] = longer
        return self.layers[layer]

    def leave(self, row: int) -> None:
        """Give the row of a finished reply to the last one."""
        last = len(self.writings) - 1
        length = int(self.lengths[last])
        for buffers in self.layers.values():
            for buffer in buffers:
                buffer[row, :, :length] = buffer[last, :, :length]
        self.lengths[row], self.next_tokens[row] = self.lengths[last], self.next_tokens[last]
        self.writings[row] = self.writings[last]
        self.writings.pop()

    def step(self) -> list[int]:
        """Write one token for every reply; return them."""
        writing = len(self.writings)
        # A compiled step has few shapes: it also computes rows that are free.
        rows = self.count if self.compiled else writing
        longest = int(self.lengths[:writing].max()) + 1
        self.room = -(-longest // COMPILED_STEP) * COMPILED_STEP if self.compiled else longest
        self.positions = self.lengths[:rows].clamp(max=self.room - 1)
        self.rows = torch.arange(rows, device=self.positions.device)
        self.masks = {window: self._mask(window) for window in _windows(self.model)}
        hidden = self.forward(
            self.model, self, self.next_tokens[:rows, None], self.positions[:, None]
        )
        self.next_tokens[:writing] = most_likely(logits_of(self.model, hidden[:writing, -1]))
        self.lengths[:writing] += 1
        return self.next_tokens[:writing].tolist()

    def _mask(self, window: int | None) -> torch.Tensor:
        here = self.positions[:, None]
        there = torch.arange(self.room, device=here.device)[None]
        hidden = there > here
        if window is not None:
            hidden |= here - there >= window
        return additive(hidden, self.model.dtype)[:, None, None]

    def attend(self, layer, query, key, value, scaling, window, softcap) -> torch.Tensor:
        history = []
        for buffer, new in zip(self.layers[layer], (key, value), strict=True):
            buffer[self.rows, :, self.positions] = new[:, :, 0]
            history.append(buffer[: len(self.rows), :, : self.room])
        # Query heads that share a key head are taken as so many queries of that head.
        grouped = query.reshape(len(self.rows), key.shape[1], -1, query.shape[3])
        output = attend(grouped, *history, self.masks[window], scaling, softcap)
        return output.reshape(len(self.rows), 1, query.shape[1], -1)


def _windows(model) -> set[int | None]:
    return {None, getattr(model.config.get_text_config(), "sliding_window", None)}


@torch.inference_mode()
def generate(
    tokenizer,
    slots: Slots,
    cache: PrefixCache,
    settings: Engine,
    waiting: deque[Writing],
    progress: Callable[[int], None],
) -> None:
    """Write replies until none waits; each goes to its `done` at once, which may add to `waiting`.

    `progress` is told the tokens computed. Only the largest logit counts: sampling and repetition
    settings of the model's generation_config are not applied. If a step fails, unfinished replies
    are back in `waiting`, to be written anew.
    """
    try:
        while waiting or slots.writings:
            if waiting and len(slots.writings) < slots.count:
                progress(_prefill(slots, cache, settings, waiting))
            else:
                for writing, token in zip(slots.writings, slots.step(), strict=True):
                    writing.written.append(token)
                progress(len(slots.writings))
            for row in reversed(range(len(slots.writings))):
                writing = slots.writings[row]
                if (text := writing.finished(tokenizer, slots.ends)) is not None:
                    slots.leave(row)
                    writing.done(text)
    except Exception:
        for writing in slots.writings:
            writing.written.clear()
        waiting.extendleft(slots.writings)
        raise


def most_likely(logits: torch.Tensor) -> torch.Tensor:
    """The most likely token of each row; ModelError where a row has no largest finite logit."""
    largest = logits.max(-1)
    if not largest.values.isfinite().all():
        raise ModelError("The model's scores are not finite; train or fetch it again.")
    return largest.indices


def end_tokens(language_model: LanguageModel) -> frozenset[int]:
    """Tokens that end the assistant's turn, by the model's generation_config or its tokenizer."""
    ends = language_model.model.generation_config.eos_token_id
    ends = language_model.tokenizer.eos_token_id if ends is None else ends
    return frozenset([ends] if isinstance(ends, int) else ends or [])


def _prefill(slots: Slots, cache: PrefixCache, settings: Engine, waiting: deque) -> int:
    """Move prompts from the queue to free rows, with the first token of their replies."""
    batch, paths = Pass(cache, settings.row_tokens), []
    for writing in islice(waiting, slots.count - len(slots.writings)):
        if batch.full(settings.token_budget, len(writing.prompt)):
            break
        paths.append(batch.add(writing.prompt, len(writing.prompt) - 1, remember=True))
    hidden = batch.run(slots.model)
    last_rows = torch.tensor([path[-1] - batch.first for path in paths], device=hidden.device)
    tokens = most_likely(logits_of(slots.model, hidden[last_rows])).tolist()
    for path, token in zip(paths, tokens, strict=True):
        slots.admit(waiting[0], token, path, cache)
        waiting.popleft()
    return batch.count
