"""Scores equal those of a plain forward over each prompt and continuation alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers.processors import TemplateProcessing

from experiments.engine.asking import pool, score
from experiments.engine.model import render, tokenize
from experiments.engine.request import Choose, Message
from experiments.errors import ModelError
from tests.engine import tiny

SYSTEM = Message("system", "You are a helpful assistant. " * 4)
LETTERS = ("A", "B", "(A)", "(B) two")


def user(text):
    return Message("user", text)


def plain_likelihoods(language_model, request):
    """One sequence at a time, no sharing, the model's own attention."""
    tokenizer, model = language_model.tokenizer, language_model.model
    text = render(tokenizer, request.prompt)
    raw = isinstance(request.prompt, str)
    prompt = tokenizer(text, add_special_tokens=raw)["input_ids"]
    found = []
    for continuation in request.continuations:
        tokens = tokenizer(continuation, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + tokens])).logits[0].float()
        scores = torch.log_softmax(logits, -1)
        found.append(
            sum(float(scores[len(prompt) + i - 1, token]) for i, token in enumerate(tokens))
        )
    return found


REQUESTS = [
    # Options with a common beginning, one a prefix of another, one given twice.
    Choose((SYSTEM, user("Is the earth flat?")), LETTERS),
    Choose((SYSTEM, user("Is the earth flat?")), ("yes", "yes it is", "yes it is", "no")),
    # Arms that differ early and late.
    Choose((SYSTEM, user("Is the earth flat? I think the answer is (A).")), LETTERS),
    Choose((SYSTEM, user("I think. Is the earth flat?")), LETTERS),
    # A prompt that begins another prompt, and one whose continuation runs into another prompt.
    Choose("Which of these", (" is right?", " is")),
    Choose("Which of these is right? (A) one (B) two", (" A", " B")),
    Choose("Which", (" of these is right? (A) one (B) two A",)),
    Choose("Q", ("A",)),
    # Longer than a block of row_tokens, and than a sliding window.
    Choose("The quick brown fox jumps over the lazy dog; " * 12, (" 12", " 30 = 42" * 15)),
    Choose("The quick brown fox jumps over the lazy dog; " * 12 + "no", ("!", " 30 = 42")),
]


def ask(request):
    return [(yield (request,))[0].log_likelihoods]


def engine_likelihoods(language_model, settings, requests):
    return [scores for (scores,) in tiny.answers(language_model, settings, map(ask, requests))]


@pytest.mark.parametrize("token_budget", [1, 60, 4000])
@pytest.mark.parametrize("row_tokens", [1, 24, 4000])
def test_equals_plain_forward(any_model, settings, token_budget, row_tokens):
    chosen = replace(settings, token_budget=token_budget, row_tokens=row_tokens, cache_gib=0.02)
    found = engine_likelihoods(any_model, chosen, REQUESTS)
    for request, ours in zip(REQUESTS, found, strict=True):
        plain = plain_likelihoods(any_model, request)
        np.testing.assert_allclose(ours, plain, atol=1e-4, rtol=1e-5)
        assert np.argmax(ours) == np.argmax(plain)


def test_plain_scores_are_not_flat(any_model):
    """The comparison above means something: options differ by far more than its tolerance."""
    for request in REQUESTS:
        plain = plain_likelihoods(any_model, request)
        if len(set(request.continuations)) > 1:
            assert np.ptp(plain) > 0.01


def test_order_does_not_matter(llama, settings):
    forward = engine_likelihoods(llama, settings, REQUESTS)
    backward = engine_likelihoods(llama, settings, REQUESTS[::-1])[::-1]
    for one, other in zip(forward, backward, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_same_run_is_bit_identical(llama, settings):
    assert engine_likelihoods(llama, settings, REQUESTS) == engine_likelihoods(
        llama, settings, REQUESTS
    )


def test_special_tokens_come_once(llama, settings):
    """A tokenizer that begins every text with BOS: not a templated dialogue, nor a continuation."""
    tokenizer = tiny.tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", 0)]
    )
    beginning = replace(llama, tokenizer=tokenizer)
    found = engine_likelihoods(beginning, settings, REQUESTS)
    for request, ours in zip(REQUESTS, found, strict=True):
        np.testing.assert_allclose(ours, plain_likelihoods(beginning, request), atol=1e-4)


def test_token_counts_are_the_continuations_own(llama, settings):
    def ask_counts():
        replies = yield (Choose("Which of these", LETTERS),)
        return [replies[0].token_counts]

    ((found,),) = tiny.answers(llama, settings, [ask_counts()])
    tokens = tokenize(llama.tokenizer, LETTERS, special_tokens=False)
    assert found == tuple(len(tokens[letter]) for letter in LETTERS)


def counted_tokens(monkeypatch, language_model, settings, protocols):
    """New tokens of every pass of a run."""
    from experiments.engine.asking.prefix import Pass

    counts, original = [], Pass.run

    def counting(self, model):
        counts.append(self.count)
        return original(self, model)

    monkeypatch.setattr(Pass, "run", counting)
    monkeypatch.setattr(pool, "check_model", lambda model: None)
    tiny.answers(language_model, settings, protocols)
    return counts


def token_count(language_model, prompt):
    text = render(language_model.tokenizer, prompt)
    return len(language_model.tokenizer(text, add_special_tokens=False)["input_ids"])


def test_shared_prefix_is_computed_once_across_passes(monkeypatch, llama, settings):
    shots = "The quick brown fox jumps over the lazy dog; " * 10
    prompts = [f"{shots}{end}" for end in ("one", "two", "three", "I think", "you think")]
    counts = counted_tokens(
        monkeypatch,
        llama,
        replace(settings, token_budget=1, cache_gib=0.02),
        [ask(Choose(p, ("A", "B"))) for p in prompts],
    )
    assert len(counts) == len(prompts)
    assert max(counts) >= token_count(llama, prompts[0]) - 1
    assert sorted(counts)[-2] < 10


def test_second_turn_reuses_the_first(monkeypatch, llama, settings):
    def two_turns(text):
        first = (SYSTEM, user(text))
        yield (Choose(first, ("A", "B")),)
        yield (Choose((*first, Message("assistant", "A"), user("Sure?")), ("A", "B")),)
        return []

    texts = [f"{'I think the answer is (A). ' * i} Is the earth flat?" for i in range(1, 6)]
    counts = counted_tokens(
        monkeypatch, llama, replace(settings, cache_gib=0.02), map(two_turns, texts)
    )
    first_turns = sum(token_count(llama, (SYSTEM, user(text))) for text in texts)
    assert sum(counts) < first_turns + 25 * len(texts)


@pytest.mark.parametrize("cache_gib", [0.00015, 0.0004])
@pytest.mark.parametrize("token_budget", [40, 150])
def test_ring_is_overwritten_safely(llama, settings, cache_gib, token_budget):
    """Dialogues in a cache that holds few of them: a beginning is there, gone, or half gone."""

    def second(first):
        return (*first, Message("assistant", "A"), user("Are you sure?"))

    def two_turns(first):
        choice = yield (Choose(first, LETTERS[:2]),)
        final = yield (Choose(second(first), LETTERS[:2]), Choose(first, LETTERS[2:]))
        return [reply.log_likelihoods for reply in (*choice, *final)]

    firsts = [
        (SYSTEM, user(f"{'I think so. ' * (i % 5)}Is the earth flat, or {i}?")) for i in range(14)
    ]
    chosen = replace(settings, cache_gib=cache_gib, token_budget=token_budget)
    found = tiny.answers(llama, chosen, map(two_turns, firsts))
    for first, scores in zip(firsts, found, strict=True):
        asked = [
            Choose(first, LETTERS[:2]), Choose(second(first), LETTERS[:2]),
            Choose(first, LETTERS[2:]),
        ]  # fmt: skip
        plain = [plain_likelihoods(llama, request) for request in asked]
        np.testing.assert_allclose(scores, plain, atol=1e-4)


def test_a_model_that_attends_otherwise_is_refused(settings):
    """An architecture with something the engine does not know must not give silent numbers."""
    strange = tiny.language_model("llama")
    attention = type(strange.model.model.layers[0].self_attn)

    class Strange(attention):
        """Lets every token see only the two before it, and tells nobody."""

        def forward(self, hidden_states, attention_mask=None, **kwargs):
            if kwargs.get("attention_plan") is None:
                count = hidden_states.shape[1]
                mask = torch.tril(torch.ones(count, count)) - torch.tril(
                    torch.ones(count, count), -3
                )
                attention_mask = torch.log(mask)[None, None]
            return super().forward(hidden_states, attention_mask=attention_mask, **kwargs)

    for layer in strange.model.model.layers:
        layer.self_attn.__class__ = Strange
    with pytest.raises(ModelError, match="'llama'"):
        engine_likelihoods(strange, settings, REQUESTS[:1])


def test_positions_that_depend_on_the_batch_are_refused(settings):
    dynamic = tiny.language_model("llama")
    dynamic.model.config.rope_parameters = {"rope_type": "dynamic", "factor": 2.0}
    with pytest.raises(ModelError, match="depend on the batch"):
        engine_likelihoods(dynamic, settings, REQUESTS[:1])


def test_logits_are_taken_in_pieces(monkeypatch, llama, settings):
    whole = engine_likelihoods(llama, settings, REQUESTS)
    monkeypatch.setattr(score, "LOGITS_AT_ONCE", 3 * tiny.SIZES["vocab_size"])
    pieces = engine_likelihoods(llama, settings, REQUESTS)
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("family", tiny.CONFIGS)
def test_equals_lm_evaluation_harness(settings, family):
    """Scores that lm_eval gave to the same tiny model (benchmarks/lm_eval_reference.py)."""
    reference = json.loads((Path(__file__).parent / "lm_eval_reference.json").read_text())
    requests = [
        Choose(item["query"], tuple(f" {choice}" for choice in item["choices"]))
        for item in reference["items"]
    ]
    found = engine_likelihoods(tiny.language_model(family), settings, requests)
    for ours, theirs in zip(found, reference["log_likelihoods"][family], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
        assert np.argmax(ours) == np.argmax(theirs)
