"""The pool asks groups apart, names what fails, gives way to small memory, and mixes up nothing."""

from dataclasses import replace

import pytest
import torch

from experiments.engine.asking import pool as pool_module
from experiments.engine.asking.generate import Slots
from experiments.engine.asking.pool import run
from experiments.engine.request import Choose, Generate, Likelihoods, Message, Text
from experiments.errors import ModelError, OutcomeError
from tests.engine import tiny


def ask(text):
    replies = yield (Choose(text, ("A", "B")), Generate(text, 3), Choose(text, ("yes",)))
    return [{"text": text, "replies": replies}]


def questions(count):
    """Protocols that score and write, on prompts of different lengths."""
    return [ask(f"Question {i} {'and so on ' * i}") for i in range(count)]


def test_replies_come_in_the_order_of_requests(llama, settings):
    found = tiny.answers(llama, settings, [ask(f"Question {i}") for i in range(9)])
    for i, rows in enumerate(found):
        assert rows[0]["text"] == f"Question {i}"
        choice, text, other = rows[0]["replies"]
        assert isinstance(choice, Likelihoods) and len(choice.log_likelihoods) == 2
        assert isinstance(text, Text)
        assert len(other.log_likelihoods) == 1


@pytest.mark.parametrize("family", tiny.CONFIGS)
def test_a_group_is_answered_as_if_no_other_had_been_asked(settings, family):
    """To the last bit; the groups share prompts, which a cache could hand on."""
    model = tiny.language_model(family)
    keyed = list(enumerate(questions(7)))
    groups = [keyed[:4], [], keyed[4:], list(enumerate(questions(7)))]
    first, empty, second, all_again = run(groups, model, settings, "test")
    assert empty == []
    assert first == tiny.answers(model, settings, questions(4))
    assert second == tiny.answers(model, settings, questions(7)[4:])
    assert all_again == tiny.answers(model, settings, questions(7))


def test_groups_are_handed_over_before_the_run_ends(llama, settings):
    """An interrupted run keeps what was done."""

    def interrupted():
        yield (Choose("Question", ("A", "B")),)
        raise KeyboardInterrupt

    answers = run([[(0, ask("Q"))], [(1, interrupted())]], llama, settings, "test")
    assert len(next(answers)) == 1
    with pytest.raises(KeyboardInterrupt):
        next(answers)


def test_dialogues_end_before_all_have_begun(llama, settings):
    """A second turn follows while its first is in the cache."""
    begun, done_after = [], []

    def two_turns(i):
        first = f"Question {i} {'and so on ' * 8}"
        yield (Choose(first, ("A", "B")),)
        begun.append(i)
        yield (Choose(f"{first} Are you sure?", ("A", "B")),)
        done_after.append(len(begun))
        return [i]

    tiny.answers(llama, replace(settings, token_budget=60), map(two_turns, range(30)))
    assert len(done_after) == 30 and done_after[0] < 20


def empty_reply():
    return []
    yield


def test_a_protocol_may_ask_nothing(llama, settings):
    assert tiny.answers(llama, settings, [empty_reply()]) == [[]]
    assert tiny.answers(llama, settings, []) == []


def yields(*values):
    yield from values
    return []


def fails():
    yield (Choose("Q", ("A",)),)
    raise ZeroDivisionError("no options left")


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        (yields("Q"), "not a tuple of requests"),
        (yields(()), "not a tuple of requests"),
        (yields([Choose("Q", ("A",))]), "not a tuple of requests"),
        (yields((Choose("Q", ()),)), "without continuations"),
        (yields((Choose("Q", ("",)),)), "without tokens"),
        (yields((Choose("", ("A",)),)), "without tokens"),
        (yields((Generate("Q", 0),)), "max_tokens"),
        (yields(("Q",)), "neither Choose nor Generate"),
        (yields((Choose("far too long " * 300, ("A",)),)), "512"),
        (yields((Generate("Q", 512),)), "512"),
        (yields((Choose((Message("assistant", "Hi"),), ("A",)),)), "assistant"),
        (yields((Choose((), ("A",)),)), "assistant"),
        (yields((Choose((Message("system", "Hi"),), ("A",)),)), "a system turn alone"),
        (fails(), "ZeroDivisionError: no options left"),
    ],
)
def test_a_faulty_protocol_is_named(llama, settings, protocol, message):
    others = [(i, ask(f"Question {i}")) for i in range(2)]
    with pytest.raises(OutcomeError, match=r"\('mmlu', 7\)") as caught:
        list(run([[*others, (("mmlu", 7), protocol)]], llama, settings, "test"))
    assert message in str(caught.value)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_out_of_memory_halves_the_budget_for_the_group(monkeypatch, capsys, llama, settings, error):
    budgets, original = [], pool_module.score_next

    def scarce(model, cache, settings, questions):
        budgets.append(settings.token_budget)
        if settings.token_budget > 40:
            raise error("out of memory")
        return original(model, cache, settings, questions)

    expected = tiny.answers(llama, settings, questions(9))
    monkeypatch.setattr(pool_module, "score_next", scarce)
    groups = [list(enumerate(questions(9))) for _ in range(2)]
    found, again = run(groups, llama, settings, "test")
    assert budgets[:3] == [128, 64, 32] and set(budgets) == {128, 64, 32}
    assert capsys.readouterr().err.count("Out of memory") == 2 * 2
    assert again == found  # the second group does not know what became of the first
    for ours, theirs in zip(found, expected, strict=True):
        ours, theirs = ours[0]["replies"], theirs[0]["replies"]
        assert ours[0].log_likelihoods == pytest.approx(theirs[0].log_likelihoods, abs=1e-4)
        assert ours[1] == theirs[1]


def test_out_of_memory_while_writing_loses_no_reply(monkeypatch, llama, settings):
    original, steps = Slots.step, []

    def scarce(self):
        steps.append(len(self.writings))
        if len(steps) == 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return original(self)

    expected = tiny.answers(llama, settings, questions(7))
    monkeypatch.setattr(Slots, "step", scarce)
    found = tiny.answers(llama, settings, questions(7))
    assert [rows[0]["replies"][1] for rows in found] == [rows[0]["replies"][1] for rows in expected]
    assert max(steps[2:]) == 1


@pytest.mark.parametrize("request_", [Choose("Q", ("A", "B")), Generate("Q", 3)])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scores_that_are_not_finite_are_an_error(monkeypatch, settings, request_, bad):
    """As a training that diverged leaves them."""
    model = tiny.language_model("llama")
    with torch.no_grad():
        model.model.lm_head.weight[7] = bad
    monkeypatch.setattr(pool_module, "check_model", lambda model: None)
    with pytest.raises(ModelError, match="not finite"):
        tiny.answers(model, settings, [yields((request_,))])


def test_memory_for_nothing_is_an_error(monkeypatch, llama, settings):
    def none(*_):
        raise MemoryError

    monkeypatch.setattr(pool_module, "score_next", none)
    with pytest.raises(ModelError, match="Memory does not hold"):
        tiny.answers(llama, settings, [ask("Q")])


def test_other_errors_are_not_taken_for_memory(monkeypatch, llama, settings):
    def broken(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(pool_module, "score_next", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        tiny.answers(llama, settings, [ask("Q")])


def test_a_small_cache_gives_way_to_small_passes(llama, settings):
    """The token budget is far more than fits; any single request is not."""
    small = replace(settings, token_budget=10_000, cache_gib=0.0001)
    texts = [f"Question {i} {'and so on ' * (5 * i % 25)}" for i in range(12)]
    expected = tiny.answers(llama, settings, map(ask, texts))
    found = tiny.answers(llama, small, map(ask, texts))
    for ours, theirs in zip(found, expected, strict=True):
        ours, theirs = ours[0]["replies"], theirs[0]["replies"]
        assert ours[0].log_likelihoods == pytest.approx(theirs[0].log_likelihoods, abs=1e-4)
        assert ours[1] == theirs[1]


def test_a_cache_too_small_is_an_error(llama, settings):
    with pytest.raises(ModelError, match="cache_gib"):
        tiny.answers(llama, replace(settings, cache_gib=1e-6), [ask("Question " * 60)])


def test_the_models_own_attention_comes_back(llama, settings):
    before = llama.model.config._attn_implementation
    tiny.answers(llama, settings, [ask("Q")])
    with pytest.raises(OutcomeError):
        tiny.answers(llama, settings, [fails()])
    assert llama.model.config._attn_implementation == before
