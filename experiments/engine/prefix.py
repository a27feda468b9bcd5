"""One forward pass over many sequences in which every distinct prefix is computed once.

The new tokens of all sequences lie end to end in one row, so nothing is padded. Their keys and
values go into a ring of slots; a sequence is a path of slots. Sequences that begin alike share the
beginning of their paths, within a pass and with the passes whose slots are still in the ring
(RadixAttention of Zheng et al. 2024, SGLang, section 3, without its eviction order). Attention
runs block by block: a block is a small tree of new tokens under one mask, on a past they share.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from experiments.errors import ModelError

Path = np.ndarray  # int64 slot of each token of a sequence, increasing
NO_PATH = np.empty(0, dtype=np.int64)


def sort_key(tokens: np.ndarray) -> bytes:
    """Bytes that sort as the token ids do."""
    return tokens.astype(">u4").tobytes()


def common_length(left: bytes, right: bytes) -> int:
    """Number of leading tokens that two sort keys share."""
    count = min(len(left), len(right)) // 4
    differs = np.frombuffer(left, "u4", count) != np.frombuffer(right, "u4", count)
    return int(differs.argmax()) if differs.any() else count


def attend(query, key, value, mask, scaling, softcap=None) -> torch.Tensor:
    """Attention of [batch, heads, queries, size] on fewer key heads; `mask` is added."""
    if softcap is None:
        return scaled_dot_product_attention(
            query, key, value, attn_mask=mask, scale=scaling, enable_gqa=True
        )
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = torch.tanh(query @ key.transpose(2, 3) * scaling / softcap) * softcap + mask
    return torch.softmax(scores.float(), dim=-1).to(query.dtype) @ value


def _planned_attention(
    module, query, key, value, attention_mask, *, attention_plan, scaling=None,
    sliding_window=None, softcap=None, **_,
):  # fmt: skip
    """What transformers calls in each layer: let the plan store keys and values, then attend."""
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    output = attention_plan.attend(
        module.layer_idx, query, key, value, scaling, sliding_window, softcap
    )
    return output, None


AttentionInterface.register("planned", _planned_attention)


@dataclass
class Block:
    """New tokens [start, stop) of a pass, on the past that all of them see."""

    past: Path
    start: int
    stop: int
    ancestors: list[tuple[int, int, np.ndarray]] = field(default_factory=list)

    def visible(self, positions: np.ndarray, window: int | None) -> np.ndarray:
        """Boolean [new tokens, past + new tokens]: who may be seen."""
        past, new = len(self.past), self.stop - self.start
        visible = np.zeros((new, past + new), dtype=bool)
        visible[:, :past] = True
        for start, stop, seen in self.ancestors:
            visible[start:stop, past + seen] = True
            visible[start:stop, past + start : past + stop] = np.tri(stop - start, dtype=bool)
        if window is not None:
            here = positions[self.start : self.stop]
            there = np.concatenate([np.arange(past), here])
            visible &= here[:, None] - there[None, :] < window
        return visible


class PrefixCache:
    """The ring of slots, and the known sequences whose slots are still there."""

    def __init__(self, model, cache_gib: float):
        config = model.config.get_text_config()
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        per_token = 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
        self.capacity = int(cache_gib * 2**30 / per_token)
        self.device, self.dtype = model.device, model.dtype
        self.head = 0
        self.layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self.paths: dict[bytes, Path] = {}

    def store(self, layer: int, start: int, key: torch.Tensor, value: torch.Tensor):
        """Write [1, heads, tokens, size] from slot `start` on; return the layer's whole ring."""
        if layer not in self.layers:
            shape = (self.capacity, key.shape[1], key.shape[3])
            self.layers[layer] = (key.new_empty(shape), value.new_empty(shape))
        ring = self.layers[layer]
        start %= self.capacity
        for slots, new in zip(ring, (key, value), strict=True):
            slots[start : start + new.shape[2]] = new[0].transpose(0, 1)
        return ring

    def slots(self, path: Path) -> torch.Tensor:
        return torch.from_numpy(path % self.capacity).to(self.device)


class Pass:
    """Collects sequences for one forward pass; each sequence reuses what is known of it."""

    def __init__(self, cache: PrefixCache, block_tokens: int):
        self.cache, self.block_tokens = cache, block_tokens
        self.most = cache.capacity // 2
        # The new tokens take one piece of the ring, and the older half may be overwritten.
        if cache.head % cache.capacity + self.most > cache.capacity:
            cache.head += -cache.head % cache.capacity
        self.first = cache.head
        oldest = self.first + self.most - cache.capacity
        cache.paths = {k: path for k, path in cache.paths.items() if path[0] >= oldest}
        self.known = sorted(cache.paths)
        self.tokens: list[np.ndarray] = []
        self.positions: list[np.ndarray] = []
        self.count = 0
        self.blocks: list[Block] = []
        self.last: tuple[bytes, Path] = (b"", NO_PATH)
        self.remembered: dict[bytes, Path] = {}
        self.masks: dict[int | None, list[torch.Tensor]] = {}

    def add(self, tokens: np.ndarray, needed: int, *, remember: bool = False) -> Path:
        """Add one sequence; hidden states from token `needed` on will be in this pass.

        Returns its path; token i of it is row `path[i] - pass.first` of the pass if i >= needed.
        """
        key = sort_key(tokens)
        shared = common_length(key, self.last[0])
        path, in_tree = self.last[1][:shared], True
        at = bisect(self.known, key)
        for neighbour in self.known[max(at - 1, 0) : at + 1]:
            found = min(common_length(key, neighbour), needed)
            if found > len(path):
                path, in_tree = self.cache.paths[neighbour][:found], False
        if len(path) > needed and path[needed] < self.first:
            path = path[:needed]
        path = self._append(tokens, path, in_tree)
        self.last = (key, path)
        if remember:
            self.remembered[key] = path
        return path

    def _append(self, tokens: np.ndarray, path: Path, in_tree: bool) -> Path:
        while len(path) < len(tokens):
            missing = len(tokens) - len(path)
            block = self.blocks[-1] if self.blocks and in_tree else None
            room = self.block_tokens - (block.stop - block.start) if block else 0
            if (
                not block
                or len(path) < len(block.past)
                or room <= 0
                or room < missing <= self.block_tokens
            ):
                block, room, in_tree = Block(path, self.count, self.count), self.block_tokens, True
                self.blocks.append(block)
            new = min(missing, room)
            seen = path[len(block.past) :] - self.first - block.start
            begin = block.stop - block.start
            block.ancestors.append((begin, begin + new, seen))
            block.stop += new
            self.tokens.append(tokens[len(path) : len(path) + new])
            self.positions.append(np.arange(len(path), len(path) + new))
            slots = np.arange(self.first + self.count, self.first + self.count + new)
            path = np.concatenate([path, slots])
            self.count += new
        return path

    def run(self, model, rows: np.ndarray) -> torch.Tensor:
        """Logits [rows, vocabulary] at the given rows of the pass."""
        if self.count > self.most:
            raise ModelError(
                f"{self.count} new tokens do not fit the cache of {self.cache.capacity} tokens; "
                "raise cache_gib or lower token_budget."
            )
        device = self.cache.device
        self.slots = [
            self.cache.slots(
                np.concatenate([b.past, np.arange(self.first + b.start, self.first + b.stop)])
            )
            for b in self.blocks
        ]
        self.position_ids = np.concatenate(self.positions)
        logits = model(
            input_ids=torch.from_numpy(np.concatenate(self.tokens).astype(np.int64))[None].to(
                device
            ),
            position_ids=torch.from_numpy(self.position_ids)[None].to(device),
            use_cache=False,
            attention_plan=self,
            logits_to_keep=torch.from_numpy(rows).to(device),
        ).logits[0]
        self.cache.head += self.count
        self.cache.paths |= self.remembered
        return logits

    def _masks(self, window: int | None) -> list[torch.Tensor]:
        if window is not None and self.position_ids.max() < window:
            window = None
        if window not in self.masks:
            self.masks[window] = []
            for block in self.blocks:
                visible = torch.from_numpy(block.visible(self.position_ids, window))
                mask = torch.zeros(visible.shape, dtype=self.cache.dtype)
                mask.masked_fill_(~visible, -torch.inf)
                self.masks[window].append(mask.to(self.cache.device))
        return self.masks[window]

    def attend(self, layer, query, key, value, scaling, window, softcap) -> torch.Tensor:
        keys, values = self.cache.store(layer, self.first, key, value)
        output = query.new_empty(1, query.shape[2], query.shape[1], value.shape[3])
        for block, slots, mask in zip(self.blocks, self.slots, self._masks(window), strict=True):
            output[:, block.start : block.stop] = attend(
                query[:, :, block.start : block.stop],
                keys.index_select(0, slots).transpose(0, 1)[None],
                values.index_select(0, slots).transpose(0, 1)[None],
                mask,
                scaling,
                softcap,
            ).transpose(1, 2)
        return output
