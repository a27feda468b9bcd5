"""Every sequence of a pass gets the hidden states that it has alone, in any order of adding."""

import numpy as np
import pytest
import torch

from experiments.engine.asking.prefix import Pass, PrefixCache, common_length, sort_key
from experiments.engine.attention import planned_attention


def plain_hidden(model, tokens):
    with torch.inference_mode():
        return model.get_decoder()(torch.from_numpy(tokens)[None]).last_hidden_state[0]


def random_sequences(random, count):
    """Sequences that share beginnings, repeat, and begin each other."""
    stems = [random.integers(0, 6, 30) for _ in range(3)]
    return [
        np.concatenate(
            [stems[random.integers(3)][: random.integers(1, 30)], random.integers(0, 6, 3)]
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("block_tokens", [1, 7, 1000])
@pytest.mark.parametrize("ordered", [True, False])
def test_hidden_states_are_those_of_the_sequence_alone(any_model, block_tokens, ordered):
    model, random = any_model.model, np.random.default_rng(0)
    cache = PrefixCache(model, 0.0002)
    for _ in range(12):
        sequences = random_sequences(random, 12)
        if ordered:
            sequences.sort(key=sort_key)
        wanted = [int(random.integers(0, len(tokens))) for tokens in sequences]
        with torch.inference_mode(), planned_attention(model):
            batch = Pass(cache, block_tokens)
            paths = [
                batch.add(tokens, needed, remember=True)
                for tokens, needed in zip(sequences, wanted, strict=True)
            ]
            hidden = batch.run(model)
        for tokens, needed, path in zip(sequences, wanted, paths, strict=True):
            ours = hidden[path[needed:] - batch.first]
            torch.testing.assert_close(
                ours, plain_hidden(model, tokens)[needed:], atol=1e-4, rtol=1e-4
            )


@pytest.mark.parametrize("known", ["before", "after"])
def test_a_known_neighbour_on_either_side_is_reused(llama, known):
    """In sorted order the sequence that shares most may come before or after the new one."""
    stem, end = np.full(20, 5), {"before": 1, "after": 9}[known]
    cache = PrefixCache(llama.model, 0.001)
    with torch.inference_mode(), planned_attention(llama.model):
        for tokens in (np.append(stem, end), np.array([4]), np.array([6])):
            batch = Pass(cache, 8)
            batch.add(tokens, 0, remember=True)
            batch.run(llama.model)
        batch = Pass(cache, 8)
        batch.add(np.append(stem, [7, 7]), 21)
    assert batch.count == 2


def test_a_failed_pass_is_forgotten(llama):
    """Sequences of a pass that ran out of memory were never computed."""
    cache, tokens = PrefixCache(llama.model, 0.001), np.arange(12)
    batch = Pass(cache, 8)
    batch.add(tokens, 11, remember=True)
    batch = Pass(cache, 8)
    batch.add(tokens, 11, remember=True)
    assert batch.count == 12


def test_common_length_of_every_pair():
    random = np.random.default_rng(1)
    pairs = [
        (random.integers(0, 2, 5)[: random.integers(6)], random.integers(0, 2, 5))
        for _ in range(99)
    ]
    for left, right in pairs:
        expected = 0
        while expected < len(left) and left[expected] == right[expected]:
            expected += 1
        assert common_length(sort_key(left), sort_key(right)) == expected


def test_sort_key_sorts_as_tokens_do():
    random = np.random.default_rng(2)
    rows = [random.choice([0, 1, 255, 256, 65536, 49151], 3).tolist() for _ in range(50)]
    assert sorted(rows) == sorted(rows, key=lambda row: sort_key(np.array(row, dtype=np.int32)))
