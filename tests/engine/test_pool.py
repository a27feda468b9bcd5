"""The pool streams, names what fails, gives way to small memory, and mixes up nothing."""

from dataclasses import replace

import pytest
import torch

from experiments.engine.asking import pool as pool_module
from experiments.engine.asking.pool import run
from experiments.engine.request import Choose, Generate, Likelihoods, Message, Text
from experiments.errors import ModelError, OutcomeError


def ask(text):
    replies = yield (Choose(text, ("A", "B")), Generate(text, 3), Choose(text, ("yes",)))
    return [{"text": text, "replies": replies}]


def test_replies_come_in_the_order_of_requests(llama, settings):
    found = {}
    run([(i, ask(f"Question {i}")) for i in range(9)], llama, settings, found.__setitem__, "test")
    assert set(found) == set(range(9))
    for i, rows in found.items():
        assert rows[0]["text"] == f"Question {i}"
        choice, text, other = rows[0]["replies"]
        assert isinstance(choice, Likelihoods) and len(choice.log_likelihoods) == 2
        assert isinstance(text, Text)
        assert len(other.log_likelihoods) == 1


def test_rows_are_handed_over_before_the_run_ends(llama, settings):
    """An interrupted run keeps what was done."""
    found = []

    def one(i):
        yield (Choose(f"Question {i} {'and so on ' * 10}", ("A", "B")),)
        if len(found) == 3:
            raise KeyboardInterrupt
        return [i]

    with pytest.raises(KeyboardInterrupt):
        run(
            [(i, one(i)) for i in range(20)],
            llama,
            replace(settings, token_budget=1),
            lambda key, rows: found.append(key),
            "test",
        )
    assert len(found) == 3


def test_dialogues_end_before_all_have_begun(llama, settings):
    """A second turn follows while its first is in the cache; done dialogues are handed over."""
    begun, done_after = [], []

    def two_turns(i):
        first = f"Question {i} {'and so on ' * 8}"
        yield (Choose(first, ("A", "B")),)
        begun.append(i)
        yield (Choose(f"{first} Are you sure?", ("A", "B")),)
        return [i]

    run(
        [(i, two_turns(i)) for i in range(30)],
        llama,
        replace(settings, token_budget=60),
        lambda key, rows: done_after.append(len(begun)),
        "test",
    )
    assert len(done_after) == 30 and done_after[0] < 20


def empty_reply():
    return []
    yield


def test_a_protocol_may_ask_nothing(llama, settings):
    found = {}
    run([("quiet", empty_reply())], llama, settings, found.__setitem__, "test")
    assert found == {"quiet": []}
    run([], llama, settings, found.__setitem__, "test")


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
        run([*others, (("mmlu", 7), protocol)], llama, settings, lambda key, rows: None, "test")
    assert message in str(caught.value)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_out_of_memory_halves_the_budget_once(monkeypatch, capsys, llama, settings, error):
    budgets, original = [], pool_module.score_next

    def scarce(model, cache, settings, questions):
        budgets.append(settings.token_budget)
        if settings.token_budget > 40:
            raise error("out of memory")
        return original(model, cache, settings, questions)

    expected, found = {}, {}
    items = [(i, f"Question {i} {'and so on ' * i}") for i in range(9)]
    run([(i, ask(t)) for i, t in items], llama, settings, expected.__setitem__, "test")
    monkeypatch.setattr(pool_module, "score_next", scarce)
    ended = run([(i, ask(t)) for i, t in items], llama, settings, found.__setitem__, "test")
    assert budgets[:3] == [128, 64, 32] and set(budgets[3:]) == {32}
    assert ended == replace(settings, token_budget=32)
    assert capsys.readouterr().err.count("Out of memory") == 2
    for i in expected:
        ours, theirs = found[i][0]["replies"], expected[i][0]["replies"]
        assert ours[0].log_likelihoods == pytest.approx(theirs[0].log_likelihoods, abs=1e-4)
        assert ours[1] == theirs[1]


def test_out_of_memory_while_writing_loses_no_reply(monkeypatch, llama, settings):
    from experiments.engine.asking.generate import Slots

    original, steps = Slots.step, []

    def scarce(self):
        steps.append(len(self.writings))
        if len(steps) == 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return original(self)

    items = [(i, f"Question {i} {'and so on ' * i}") for i in range(7)]
    expected, found = {}, {}
    run([(i, ask(t)) for i, t in items], llama, settings, expected.__setitem__, "test")
    monkeypatch.setattr(Slots, "step", scarce)
    run([(i, ask(t)) for i, t in items], llama, settings, found.__setitem__, "test")
    assert {i: rows[0]["replies"][1] for i, rows in found.items()} == {
        i: rows[0]["replies"][1] for i, rows in expected.items()
    }
    assert max(steps[2:]) == 1


def test_memory_for_nothing_is_an_error(monkeypatch, llama, settings):
    def none(*_):
        raise MemoryError

    monkeypatch.setattr(pool_module, "score_next", none)
    with pytest.raises(ModelError, match="Memory does not hold"):
        run([(0, ask("Q"))], llama, settings, lambda key, rows: None, "test")


def test_other_errors_are_not_taken_for_memory(monkeypatch, llama, settings):
    def broken(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(pool_module, "score_next", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        run([(0, ask("Q"))], llama, settings, lambda key, rows: None, "test")


def test_a_small_cache_gives_way_to_small_passes(llama, settings):
    """The token budget is far more than fits; any single request is not."""
    small = replace(settings, token_budget=10_000, cache_gib=0.0001)
    items = [(i, f"Question {i} {'and so on ' * (5 * i % 25)}") for i in range(12)]
    expected, found = {}, {}
    run([(i, ask(t)) for i, t in items], llama, settings, expected.__setitem__, "test")
    run([(i, ask(t)) for i, t in items], llama, small, found.__setitem__, "test")
    for i in expected:
        ours, theirs = found[i][0]["replies"], expected[i][0]["replies"]
        assert ours[0].log_likelihoods == pytest.approx(theirs[0].log_likelihoods, abs=1e-4)
        assert ours[1] == theirs[1]


def test_a_cache_too_small_is_an_error(llama, settings):
    with pytest.raises(ModelError, match="cache_gib"):
        run(
            [(0, ask("Question " * 60))],
            llama,
            replace(settings, cache_gib=1e-6),
            lambda key, rows: None,
            "test",
        )


def test_the_models_own_attention_comes_back(llama, settings):
    before = llama.model.config._attn_implementation
    run([(0, ask("Q"))], llama, settings, lambda key, rows: None, "test")
    with pytest.raises(OutcomeError):
        run([(0, fails())], llama, settings, lambda key, rows: None, "test")
    assert llama.model.config._attn_implementation == before
