"""One forward pass over many sequences in which every distinct beginning is computed once.

The new tokens of all sequences lie end to end in one row, so nothing is padded. Their keys and
values go into a ring of slots; a sequence is a path of slots. Sequences that begin alike share the
beginning of their paths, within a pass and with earlier passes whose slots are still in the ring
(as in RadixAttention: Zheng et al. 2024, SGLang, section 3; here the oldest slots go first).
Attention runs block by block: a block is a small tree of new tokens, on a past that all of it sees.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field

import numpy as np
import torch

from experiments.engine.attention import additive, attend, planned_forward
from experiments.errors import ModelError

Path = np.ndarray  # int64 [tokens], increasing: the slot of each token of a sequence
NO_PATH = np.empty(0, dtype=np.int64)


def sort_key(tokens: np.ndarray) -> bytes:
    """Bytes that sort as the token ids do."""
    return tokens.astype(">u4").tobytes()


def common_length(left: bytes, right: bytes) -> int:
    """Number of leading tokens that two sort keys share."""
    count = min(len(left), len(right)) // 4
    differs = np.frombuffer(left, "u4", count) != np.frombuffer(right, "u4", count)
    return int(differs.argmax()) if differs.any() else count


@dataclass
class Block:
    """New tokens [start, stop) of a pass, on the past that all of them see."""

    past: Path
    start: int
    stop: int
    # Runs [begin, end) within the block, and the block's earlier tokens that a run continues.
    runs: list[tuple[int, int, np.ndarray]] = field(default_factory=list)

    def visible(self, positions: np.ndarray, window: int | None) -> np.ndarray:
        """Boolean [new, past + new]: which token each new token sees; positions of all new ones."""
        past, new = len(self.past), self.stop - self.start
        visible = np.zeros((new, past + new), dtype=bool)
        visible[:, :past] = True
        for begin, end, continued in self.runs:
            visible[begin:end, past + continued] = True
            visible[begin:end, past + begin : past + end] = np.tri(end - begin, dtype=bool)
        if window is not None:
            here = positions[self.start : self.stop]
            there = np.concatenate([np.arange(past), here])
            visible &= here[:, None] - there[None, :] < window
        return visible


class PrefixCache:
    """The ring of slots, and the paths of known sequences whose slots are still there."""

    def __init__(self, model, cache_gib: float):
        config = model.config.get_text_config()
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        per_token = 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
        self.capacity = max(2, int(cache_gib * 2**30 / per_token))
        self.device, self.dtype = model.device, model.dtype
        self.head = 0  # slots are numbered on and on; slot i lies at i modulo the capacity
        self.layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self.paths: dict[bytes, Path] = {}

    def store(self, layer: int, first: int, key: torch.Tensor, value: torch.Tensor):
        """Write [1, heads, tokens, size] from slot `first` on; return all slots of the layer."""
        if layer not in self.layers:
            self.layers[layer] = tuple(
                new.new_empty(self.capacity, new.shape[1], new.shape[3]) for new in (key, value)
            )
        begin = first % self.capacity
        for slots, new in zip(self.layers[layer], (key, value), strict=True):
            slots[begin : begin + new.shape[2]] = new[0].transpose(0, 1)
        return self.layers[layer]

    def places(self, path: Path) -> torch.Tensor:
        return torch.from_numpy(path % self.capacity).to(self.device)


class Pass:
    """Collects sequences for one forward pass; each reuses what is known of its beginning."""

    def __init__(self, cache: PrefixCache, block_tokens: int):
        self.cache, self.block_tokens = cache, block_tokens
        self.most = cache.capacity // 2
        # New slots lie in one piece, over the older half of the ring.
        if cache.head % cache.capacity + self.most > cache.capacity:
            cache.head += -cache.head % cache.capacity
        self.first = cache.head
        oldest = self.first + self.most - cache.capacity
        cache.paths = {key: path for key, path in cache.paths.items() if path[0] >= oldest}
        self.known = sorted(cache.paths)
        self.added: dict[bytes, Path] = {}
        self.last: tuple[bytes, Path] = (b"", NO_PATH)
        self.tokens: list[np.ndarray] = []
        self.positions: list[np.ndarray] = []
        self.count = 0
        self.blocks: list[Block] = []
        self.masks: dict[int | None, list[torch.Tensor]] = {}

    def full(self, token_budget: int, most_new: int) -> bool:
        """Whether to run before adding a request of up to `most_new` new tokens."""
        return self.count >= token_budget or 0 < self.count > self.most - most_new

    def add(self, tokens: np.ndarray, needed: int, *, remember: bool = False) -> Path:
        """Add a sequence; return its path.

        From token `needed` on, token i is row `path[i] - first` of the pass. Sequences that begin
        alike share most if they are added in sorted order. `remember` makes the sequence known to
        later passes.
        """
        key = sort_key(tokens)
        path, in_block = self.last[1][: common_length(key, self.last[0])], True
        at = bisect(self.known, key)
        for neighbour in self.known[max(at - 1, 0) : at + 1]:
            shared = common_length(key, neighbour)
            if shared > len(path):
                path, in_block = self.cache.paths[neighbour][:shared], False
        if len(path) > needed and path[needed] < self.first:
            path = path[:needed]
        path = self._extend(path, tokens, in_block)
        self.last = (key, path)
        if remember:
            self.added[key] = path
        return path

    def _extend(self, path: Path, tokens: np.ndarray, in_block: bool) -> Path:
        """Take up the tokens that the path lacks, in the last block if it continues that."""
        while len(path) < len(tokens):
            missing = len(tokens) - len(path)
            block = self.blocks[-1] if self.blocks and in_block else None
            room = self.block_tokens - (block.stop - block.start) if block else 0
            fits = missing <= room or (room > 0 and missing > self.block_tokens)
            if not (block and fits and len(path) >= len(block.past)):
                block, room, in_block = Block(path, self.count, self.count), self.block_tokens, True
                self.blocks.append(block)
            new = min(missing, room)
            begin = block.stop - block.start
            continued = path[len(block.past) :] - self.first - block.start
            block.runs.append((begin, begin + new, continued))
            block.stop += new
            self.tokens.append(tokens[len(path) : len(path) + new])
            self.positions.append(np.arange(len(path), len(path) + new))
            path = np.concatenate([path, self.first + self.count + np.arange(new)])
            self.count += new
        return path

    def run(self, model) -> torch.Tensor:
        """Last hidden states [rows, size] of the new tokens."""
        if self.count > self.most:
            raise ModelError(
                f"A pass of {self.count} tokens does not fit a cache of {self.cache.capacity}; "
                "raise cache_gib or lower token_budget."
            )
        new_slots = self.first + np.arange(self.count)
        self.places = [
            self.cache.places(np.concatenate([block.past, new_slots[block.start : block.stop]]))
            for block in self.blocks
        ]
        tokens, positions = (
            torch.from_numpy(np.concatenate(parts).astype(np.int64))[None].to(self.cache.device)
            for parts in (self.tokens, self.positions)
        )
        hidden = planned_forward(model, self, tokens, positions)[0]
        self.cache.head += self.count
        self.cache.paths |= self.added
        return hidden

    def attend(self, layer, query, key, value, scaling, window, softcap) -> torch.Tensor:
        keys, values = self.cache.store(layer, self.first, key, value)
        output = query.new_empty(1, query.shape[2], query.shape[1], value.shape[3])
        masks = self._masks(window)
        for block, places, mask in zip(self.blocks, self.places, masks, strict=True):
            output[:, block.start : block.stop] = attend(
                query[:, :, block.start : block.stop],
                keys.index_select(0, places).transpose(0, 1)[None],
                values.index_select(0, places).transpose(0, 1)[None],
                mask,
                scaling,
                softcap,
            ).transpose(1, 2)
        return output

    def _masks(self, window: int | None) -> list[torch.Tensor]:
        """One mask [new, past + new] per block, made once for all layers with that window."""
        if window not in self.masks:
            positions = np.concatenate(self.positions)
            hidden = (torch.from_numpy(~one.visible(positions, window)) for one in self.blocks)
            self.masks[window] = [
                additive(one, self.cache.dtype).to(self.cache.device) for one in hidden
            ]
        return self.masks[window]
