"""Generated text equals that of transformers' `generate` at batch size one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from experiments.engine.asking.generate import Slots, Writing, end_tokens
from experiments.engine.asking.pool import run
from experiments.engine.asking.prefix import Pass, PrefixCache
from experiments.engine.attention import planned_attention
from experiments.engine.model import render
from experiments.engine.request import Choose, Generate, Message, Text
from tests.engine import tiny

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
    return [text for (text,) in tiny.answers(language_model, settings, map(ask, requests))]


def plain_text(language_model, request) -> tuple[str, bool]:
    """The reply of `generate` alone, and whether the end token was written."""
    tokenizer, model = language_model.tokenizer, language_model.model
    raw = isinstance(request.prompt, str)
    ids = tokenizer(render(tokenizer, request.prompt), add_special_tokens=raw, return_tensors="pt")[
        "input_ids"
    ]
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
    requests = [Generate(prompt, max_tokens) for max_tokens in (1, 5, 24) for prompt in PROMPTS]
    chosen = replace(settings, generation_slots=slots, cache_gib=0.02)
    for request, reply in zip(requests, replies(any_model, chosen, requests), strict=True):
        text, ended = plain_text(any_model, request)
        assert reply == Text(text, "end" if ended else "length")


def test_end_of_turn_ends_the_reply(settings):
    """A model that ends its turn after a few tokens: rows leave at different times."""
    model = tiny.language_model("llama")
    with torch.no_grad():
        model.model.lm_head.weight[1] *= 3
    requests = [Generate(prompt, 60) for prompt in PROMPTS]
    found = replies(model, replace(settings, cache_gib=0.02), requests)
    assert {reply.finish for reply in found} >= {"end"}
    for request, reply in zip(requests, found, strict=True):
        text, ended = plain_text(model, request)
        assert reply == Text(text, "end" if ended else "length")


def test_generation_config_names_the_end_of_turn(settings):
    model = tiny.language_model("llama")
    ids = model.tokenizer(PROMPTS[3], return_tensors="pt")["input_ids"]
    written = model.model.generate(ids, max_new_tokens=12, do_sample=False)[0, ids.shape[1] :]
    model.model.generation_config.eos_token_id = [1, int(written[5])]
    before = written.tolist().index(int(written[5]))
    text = model.tokenizer.decode(written[:before])
    assert replies(model, settings, [Generate(PROMPTS[3], 12)]) == [Text(text, "end")]


def test_decoding_logits_equal_a_plain_forward(any_model):
    check_decoding(any_model.model, None)


def test_compiled_decoding_logits_equal_a_plain_forward():
    """What CUDA compiles, without its kernels: fixed shapes, free rows, no graph breaks."""
    check_decoding(tiny.language_model("gemma2").model, "aot_eager")


def test_compiled_slots_serve_one_group_after_the_other(monkeypatch, settings):
    """CUDA compiles once for all groups; what the first wrote must not show in the second."""
    model = tiny.language_model("llama")
    chosen = replace(settings, cache_gib=0.02)
    groups = [[ask(Generate(prompt, 9)) for prompt in part] for part in (PROMPTS[3:], PROMPTS[:3])]
    alone = [tiny.answers(model, chosen, [ask(Generate(prompt, 9)) for prompt in part])
             for part in (PROMPTS[3:], PROMPTS[:3])]  # fmt: skip
    made = []

    def compiled(language_model, settings):
        slots = settings.generation_slots
        made.append(Slots(model.model, slots, end_tokens(model), backend="aot_eager"))
        return made[-1]

    monkeypatch.setattr(Slots, "of", compiled)
    keyed = [list(enumerate(group)) for group in groups]
    assert list(run(keyed, model, chosen, "test")) == alone
    assert len(made) == 1


def check_decoding(model, backend):
    """Equal texts could hide a window that is one token too long; logits cannot."""
    prompts = [np.arange(length) * 7 % 400 for length in (5, 40, 11)]
    seen = []
    hook = model.lm_head.register_forward_hook(lambda _, __, logits: seen.append(logits))
    try:
        with torch.inference_mode(), planned_attention(model):
            cache = PrefixCache(model, 0.01)
            slots = Slots(model, 4, backend=backend)
            for prompt in prompts:
                batch = Pass(cache, 16)
                path = batch.add(prompt, len(prompt) - 1)
                batch.run(model)
                slots.admit(Writing(prompt, 50, print), 3, path, cache)
            steps = [slots.step() for _ in range(9)]
            slots.leave(0)
            steps.append([None, *slots.step()[::-1]])
            seen[-1] = torch.cat([seen[-1][:1], seen[-1].flip(0)])
    finally:
        hook.remove()
    for row, prompt in enumerate(prompts):
        replies = [3] + [step[row] for step in steps[:-1]]
        with torch.inference_mode():
            plain = model(torch.tensor([[*prompt, *replies]])).logits[0, len(prompt) :]
            softcap = getattr(model.config, "final_logit_softcapping", None)
            ours = torch.stack([logits[row] for logits in seen])
            ours = torch.tanh(ours / softcap) * softcap if softcap else ours
        count = 9 if row == 0 else 10
        torch.testing.assert_close(ours[:count], plain[:count], atol=1e-4, rtol=1e-4)


def test_buffers_grow_while_replies_are_written(llama, settings):
    """Each reply asks for one to a much longer prompt, beside replies that are half done."""

    def chain(prompt, max_tokens):
        (first,) = yield (Generate(prompt, max_tokens),)
        (second,) = yield (Generate(prompt + " and so on" * 45, 4),)
        return [first.text, second.text]

    asked = [(prompt, 4 + 9 * i) for i, prompt in enumerate(PROMPTS[3:5] + PROMPTS[6:])]
    found = tiny.answers(llama, settings, [chain(*one) for one in asked])
    for (prompt, max_tokens), texts in zip(asked, found, strict=True):
        second = Generate(prompt + " and so on" * 45, 4)
        plain = [plain_text(llama, one)[0] for one in (Generate(prompt, max_tokens), second)]
        assert texts == plain


def test_generation_and_scoring_mix(llama, settings):
    """A dialogue that goes on from a generated reply, beside ones that only choose."""

    def interview(prompt):
        (reply,) = yield (Generate(prompt, 6),)
        (final,) = yield (
            Choose((*prompt, Message("assistant", reply.text), Message("user", "?")), ("A", "B")),
        )
        return [reply.text, final.log_likelihoods]

    dialogues = [prompt for prompt in PROMPTS if not isinstance(prompt, str)]
    together = tiny.answers(llama, settings, map(interview, dialogues))
    for dialogue, (text, scores) in zip(dialogues, together, strict=True):
        ((text_alone, scores_alone),) = tiny.answers(llama, settings, [interview(dialogue)])
        assert text == text_alone
        assert scores == pytest.approx(scores_alone, abs=1e-4)
