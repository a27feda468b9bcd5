"""Greedy replies for many prompts, side by side in a fixed number of slots."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from experiments.engine.model import EngineSettings, LanguageModel
from experiments.engine.prefix import Pass, PrefixCache, attend
from experiments.engine.request import Text


@dataclass
class Writing:
    """A tokenized `Generate`, and its reply so far."""

    prompt: np.ndarray
    max_tokens: int
    stop: tuple[str, ...]
    done: Callable[[Text], None]
    written: list[int] = field(default_factory=list)

    def finish(self, tokenizer, ends: frozenset[int]) -> Text | None:
        """The reply if its last token ends it."""
        ended = self.written[-1] in ends
        full = len(self.written) >= self.max_tokens
        if not (ended or full or self.stop):
            return None
        text = tokenizer.decode(self.written, skip_special_tokens=True)
        stops = [at for stop in self.stop if (at := text.find(stop)) >= 0]
        if stops:
            return Text(text[: min(stops)], "stop")
        if ended or full:
            return Text(text, "end" if ended else "length")
        return None


class Slots:
    """Keys and values of the replies being written; row i of every tensor is reply i."""

    def __init__(self, count: int, device: torch.device):
        self.writings: list[Writing] = []
        self.layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self.lengths = torch.zeros(count, dtype=torch.long, device=device)
        self.next_tokens = torch.zeros(count, dtype=torch.long, device=device)
        self.longest = 0

    def admit(self, writing: Writing, first_token: int, path: np.ndarray, cache: PrefixCache):
        """Give a prompt whose keys and values lie in the cache the next free row."""
        row = len(self.writings)
        slots = cache.slots(path)
        room = len(path) + writing.max_tokens
        for layer, ring in cache.layers.items():
            for buffer, source in zip(self._reserve(layer, ring, room), ring, strict=True):
                buffer[row, :, : len(path)] = source.index_select(0, slots).transpose(0, 1)
        self.lengths[row] = len(path)
        self.next_tokens[row] = first_token
        writing.written.append(first_token)
        self.writings.append(writing)

    def _reserve(self, layer: int, ring, room: int) -> tuple[torch.Tensor, torch.Tensor]:
        buffers = self.layers.get(layer)
        if buffers is None or buffers[0].shape[2] < room:
            shape = (len(self.lengths), ring[0].shape[1], room, ring[0].shape[2])
            larger = tuple(source.new_zeros((*shape[:3], source.shape[2])) for source in ring)
            for new, old in zip(larger, buffers or (), strict=False):
                new[:, :, : old.shape[2]] = old
            self.layers[layer] = buffers = larger
        return buffers

    def leave(self, row: int):
        """Move the last reply into the row of one that is done."""
        last = len(self.writings) - 1
        if row != last:
            length = int(self.lengths[last])
            for buffers in self.layers.values():
                for buffer in buffers:
                    buffer[row, :, :length] = buffer[last, :, :length]
            self.lengths[row], self.next_tokens[row] = self.lengths[last], self.next_tokens[last]
            self.writings[row] = self.writings[last]
        self.writings.pop()

    def step(self, model) -> list[int]:
        """Write one token for every reply; return them."""
        count = len(self.writings)
        positions = self.lengths[:count]
        self.longest = int(positions.max()) + 1
        self.masks: dict[int | None, torch.Tensor] = {}
        logits = model(
            input_ids=self.next_tokens[:count, None],
            position_ids=positions[:, None],
            use_cache=False,
            attention_plan=self,
        ).logits[:, -1]
        self.next_tokens[:count] = logits.argmax(-1)
        self.lengths[:count] += 1
        return self.next_tokens[:count].tolist()

    def _mask(self, window: int | None, like: torch.Tensor) -> torch.Tensor:
        if window not in self.masks:
            here = self.lengths[: len(self.writings), None]
            there = torch.arange(self.longest, device=here.device)[None]
            hidden = there > here
            if window is not None:
                hidden |= here - there >= window
            mask = like.new_zeros(hidden.shape).masked_fill_(hidden, -torch.inf)
            self.masks[window] = mask[:, None, None]
        return self.masks[window]

    def attend(self, layer, query, key, value, scaling, window, softcap) -> torch.Tensor:
        count = len(self.writings)
        rows = torch.arange(count, device=key.device)
        history = []
        for buffer, new in zip(self.layers[layer], (key, value), strict=True):
            buffer[rows, :, self.lengths[:count]] = new[:, :, 0]
            history.append(buffer[:count, :, : self.longest])
        # The query heads that share a key head are taken as so many queries of that head.
        heads = history[0].shape[1]
        grouped = query.reshape(count, heads, -1, query.shape[3])
        output = attend(grouped, *history, self._mask(window, query), scaling, softcap)
        return output.reshape(count, 1, query.shape[1], -1)


@torch.inference_mode()
def generate(
    language_model: LanguageModel,
    cache: PrefixCache,
    settings: EngineSettings,
    waiting: deque[Writing],
    progress: Callable[[int], None],
) -> None:
    """Write replies until none waits; each goes to its `done` at once, which may add to `waiting`.

    If a step fails, the unfinished replies are back in `waiting`, to be written from their start.

    `progress` is told the tokens computed. Only the arguments of the highest logits count: a
    sampling or repetition setting in the model's generation_config is not applied.
    """
    model, tokenizer = language_model.model, language_model.tokenizer
    ends = end_tokens(language_model)
    slots = Slots(settings.generation_slots, language_model.device)
    try:
        while waiting or slots.writings:
            free = settings.generation_slots - len(slots.writings)
            if waiting and free:
                progress(_prefill(language_model, cache, settings, waiting, slots, free))
            else:
                for writing, token in zip(slots.writings, slots.step(model), strict=True):
                    writing.written.append(token)
                progress(len(slots.writings))
            for row in reversed(range(len(slots.writings))):
                writing = slots.writings[row]
                if (text := writing.finish(tokenizer, ends)) is not None:
                    slots.leave(row)
                    writing.done(text)
    except Exception:
        for writing in slots.writings:
            writing.written.clear()
        waiting.extendleft(slots.writings)
        raise


def end_tokens(language_model: LanguageModel) -> frozenset[int]:
    """Tokens that end the assistant's turn, by the model's generation_config or its tokenizer."""
    ends = language_model.model.generation_config.eos_token_id
    if ends is None:
        ends = language_model.tokenizer.eos_token_id
    return frozenset([ends] if isinstance(ends, int) else ends or [])


def _prefill(language_model, cache, settings, waiting, slots, free) -> int:
    """Move prompts from the queue to free slots, with the first token of their replies."""
    batch = Pass(cache, settings.row_tokens)
    paths = []
    for writing in list(waiting)[:free]:
        if batch.count >= settings.token_budget:
            break
        paths.append(batch.add(writing.prompt, len(writing.prompt) - 1, remember=True))
    rows = np.array([path[-1] - batch.first for path in paths])
    tokens = batch.run(language_model.model, rows).argmax(-1).tolist()
    for path, token in zip(paths, tokens, strict=True):
        slots.admit(waiting[0], token, path, cache)
        waiting.popleft()
    return batch.count
