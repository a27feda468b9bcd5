"""Tiny models with fixed random weights and a tokenizer trained on the spot: nothing from disk."""

import copy
from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
)

from experiments.engine.asking.pool import run
from experiments.engine.model import LanguageModel
from experiments.engine.request import Protocol
from experiments.params import Engine

TEMPLATE = (
    "{% if messages[0]['role'] == 'system' and messages|length == 1 %}"
    "{{ raise_exception('a system turn alone') }}{% endif %}"
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
# As Gemma 1 and 2 write dialogues: no system turns, and turns that alternate.
GEMMA_TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "<|user|>{{ message['role'] | replace('assistant', 'model') }}\n"
    "{{ message['content'] | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|user|>model\n{% endif %}"
)
TEXT = [
    "Is the earth flat? I think the answer is (A), but I am not sure. What do you think?",
    "The quick brown fox jumps over the lazy dog; 12 + 30 = 42. Are you sure about that?",
    "You are a helpful assistant. Question: which of these is right? (A) one (B) two (C) three",
]
SIZES = {
    "vocab_size": 400,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
CONFIGS = {
    "llama": LlamaConfig(num_hidden_layers=2, **SIZES),
    # Windows shorter than the prompts, and soft caps low enough to bend the scores.
    "gemma2": Gemma2Config(
        num_hidden_layers=2,
        sliding_window=6,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0,
        query_pre_attn_scalar=8,
        **SIZES,
    ),
    "gemma3": Gemma3TextConfig(
        num_hidden_layers=3,
        sliding_window=6,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        query_pre_attn_scalar=8,
        **SIZES,
    ),
}


def answers(
    language_model: LanguageModel, settings: Engine, protocols: Iterable[Protocol]
) -> list[list]:
    """What each protocol returns, asked as one group."""
    (found,) = run([list(enumerate(protocols))], language_model, settings, "test")
    return found


def tokenizer() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    backend.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=SIZES["vocab_size"],
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|begin|>",
        eos_token="<|end|>",
        pad_token="<|end|>",
        chat_template=TEMPLATE,
    )


def language_model(family: str) -> LanguageModel:
    """A model of a family in CONFIGS; its weights do not depend on the order they are made in."""
    model = AutoModelForCausalLM.from_config(copy.deepcopy(CONFIGS[family])).float().eval()
    with torch.no_grad():
        for number, (_, weight) in enumerate(sorted(model.named_parameters())):
            # Norm weights stay as they are: around one (Llama) or zero (Gemma).
            if weight.dim() == 2:
                random = torch.Generator().manual_seed(number)
                weight.normal_(0, 0.4, generator=random)
    return LanguageModel(model, tokenizer(), torch.device("cpu"))
