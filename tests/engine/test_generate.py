"""Generated text equals that of transformers' `generate` at batch size one."""

from dataclasses import replace

import pytest
import torch

from experiments.engine.model import render
from experiments.engine.pool import run
from experiments.engine.request import Choose, Generate, Message, Text

PROMPTS = [
    (Message("system", "You are a helpful assistant."), Message("user", "Is the earth flat?")),
    (Message("system", "You are a helpful assistant."), Message("user", "I think so. " * 20)),
    (Message("user", "The"),),
    "The quick brown fox jumps over",
    "12 + 30 =",
    "Question: which of these is right? (A) one (B) two (C) three " * 3,
    "Are you sure about that?",
]


def ask(request):
    return [(yield (request,))[0]]


def replies(language_model, settings, requests):
    found = {}
    run(enumerate(map(ask, requests)), language_model, settings, found.__setitem__, "test")
    return [found[i][0] for i in range(len(requests))]


def plain_text(language_model, request) -> tuple[str, bool]:
    """The reply of `generate` alone, and whether the end token was written."""
    tokenizer, model = language_model.tokenizer, language_model.model
    raw = isinstance(request.prompt, str)
    ids = tokenizer(
        render(tokenizer, request.prompt), add_special_tokens=raw, return_tensors="pt"
    )["input_ids"]
    with torch.inference_mode():
        written = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=request.max_tokens,
            do_sample=False,
        )[0, ids.shape[1] :]
    return tokenizer.decode(written, skip_special_tokens=True), int(written[-1]) == 1


@pytest.mark.parametrize("slots", [1, 3, 16])
def test_equals_generate_at_batch_one(any_model, settings, slots):
    requests = [
        Generate(prompt, max_tokens) for max_tokens in (1, 5, 24) for prompt in PROMPTS
    ]
    chosen = replace(settings, generation_slots=slots, cache_gib=0.02)
    for request, reply in zip(requests, replies(any_model, chosen, requests), strict=True):
        text, ended = plain_text(any_model, request)
        assert reply == Text(text, "end" if ended else "length")


def test_end_of_turn_ends_the_reply(build, settings):
    """A model that ends its turn after a few tokens: rows leave at different times."""
    model = build("llama")
    with torch.no_grad():
        model.model.lm_head.weight[1] *= 3
    requests = [Generate(prompt, 60) for prompt in PROMPTS]
    found = replies(model, replace(settings, cache_gib=0.02), requests)
    assert {reply.finish for reply in found} >= {"end"}
    for request, reply in zip(requests, found, strict=True):
        text, ended = plain_text(model, request)
        assert reply == Text(text, "end" if ended else "length")


def test_generation_config_names_the_end_of_turn(build, settings):
    model = build("llama")
    request = Generate(PROMPTS[0], 12)
    full = replies(model, settings, [request])[0]
    tokens = model.tokenizer(full.text, add_special_tokens=False)["input_ids"]
    model.model.generation_config.eos_token_id = [1, tokens[3]]
    cut = replies(model, settings, [request])[0]
    assert cut.finish == "end" and len(cut.text) < len(full.text)


def test_stop_string_is_cut_off(llama, settings):
    full = replies(llama, settings, [Generate(PROMPTS[0], 20)])[0].text
    stop = full[7:10]
    at = full.find(stop)
    found = replies(llama, settings, [Generate(PROMPTS[0], 20, ("never there", stop))])[0]
    assert found == Text(full[:at], "stop")


def test_generation_and_scoring_mix(llama, settings):
    """A dialogue that goes on from a generated reply, beside ones that only choose."""

    def interview(prompt):
        (reply,) = yield (Generate(prompt, 6),)
        (final,) = yield (
            Choose((*prompt, Message("assistant", reply.text), Message("user", "?")), ("A", "B")),
        )
        return [reply.text, final.log_likelihoods]

    dialogues = [prompt for prompt in PROMPTS if not isinstance(prompt, str)]
    together, alone = {}, {}
    run(enumerate(map(interview, dialogues)), llama, settings, together.__setitem__, "test")
    for i, dialogue in enumerate(dialogues):
        run([(i, interview(dialogue))], llama, settings, alone.__setitem__, "test")
    for i in alone:
        assert together[i][0] == alone[i][0]
        assert together[i][1] == pytest.approx(alone[i][1], abs=1e-4)
