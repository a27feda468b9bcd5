"""The sizes of a decoder, from which memory is estimated: no weights and no torch needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import ModelError


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder with a gated feed-forward layer (Llama, Gemma, Qwen, Mistral).

    `softcap`: attention scores are capped, so no fused kernel takes them (Gemma 2).
    """

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    tied: bool  # the output layer is the input embedding
    softcap: bool = False

    @property
    def queries(self) -> int:
        """Width of all query heads."""
        return self.heads * self.head_size

    @property
    def keys(self) -> int:
        """Width of all key heads, which is that of all value heads."""
        return self.kv_heads * self.head_size

    @property
    def linears(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the linear layers of one decoder layer, which low-rank adapters wrap."""
        return (
            (self.hidden, self.queries),
            (self.hidden, self.keys),
            (self.hidden, self.keys),
            (self.queries, self.hidden),
            (self.hidden, self.intermediate),
            (self.hidden, self.intermediate),
            (self.intermediate, self.hidden),
        )

    @property
    def linear_weights(self) -> int:
        """Weights of the decoder layers' linear layers."""
        return self.layers * sum(rows * columns for rows, columns in self.linears)

    @property
    def embedding_weights(self) -> int:
        """Weights of the input embedding, and of the output layer where it is another."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)


def shape_of(folder: Path) -> Shape:
    """The sizes in a model folder's config.json; ModelError if it does not name them."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        heads = config["num_attention_heads"]
        return Shape(
            layers=config["num_hidden_layers"],
            hidden=config["hidden_size"],
            intermediate=config["intermediate_size"],
            heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            head_size=config.get("head_dim") or config["hidden_size"] // heads,
            vocabulary=config["vocab_size"],
            # Gemma's configurations leave out that theirs are tied.
            tied=config.get("tie_word_embeddings", "gemma" in config.get("model_type", "")),
            softcap=bool(config.get("attn_logit_softcapping")),
        )
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no model; run `python -m experiments.fetch`") from None
    except (ValueError, AttributeError, TypeError) as error:
        raise ModelError(f"{path} cannot be read ({error}); fetch the model again") from None
    except KeyError as error:
        raise ModelError(
            f"{path} does not name {error.args[0]}, from which memory is estimated; choose a model "
            "of the kind of Llama, Gemma, Qwen or Mistral"
        ) from None
