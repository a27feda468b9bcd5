"""A control's labels are the base model's own answers: likeliest choices, or greedy replies."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from dataclasses import replace

import pytest
import torch

from experiments import own_answers, train
from experiments.engine.request import Generate, Text
from experiments.errors import DataError, TrainingError
from experiments.params import Params
from tests.engine import tiny
from tests.test_train import (  # noqa: F401
    NAME,
    contents,
    interrupt_before,
    parameters,
    repository,
    row,
    write,
)

LETTERS = ["A", "B", "C", "D"]
ENDINGS = ["was right.", "is not flat at all, I think.", "jumps over the lazy dog; 12 + 30 = 42."]


@pytest.fixture
def own(parameters: Params) -> Params:  # noqa: F811
    """The parameters, in which the adapter learns the base model's own answers."""
    adapter = replace(parameters.adapters[NAME], labels="own")
    return replace(parameters, adapters=parameters.adapters | {NAME: adapter})


def rows(part: str, count: int) -> list[dict]:
    """Rows that offer letters and such that offer endings; the first choice but one is gold."""
    return [
        row(number, part, choices=choices, completion=choices[1])
        for number in range(count)
        for choices in [[*LETTERS[: 2 + number % 3]] if number % 2 else ENDINGS]
    ]


def written(write, training: int, validation: int) -> list[dict]:  # noqa: F811
    """Rows of both splits, as they were prepared."""
    parts = {"train": rows("train", training), "validation": rows("validation", validation)}
    for part, listed in parts.items():
        write(part, listed)
    return parts["train"] + parts["validation"]


def plain_answer(one: dict) -> str:
    """The choice with the highest log-likelihood per character, each in a forward pass alone."""
    language_model = tiny.language_model("llama")
    tokenizer = language_model.tokenizer
    text = tokenizer.apply_chat_template(
        one["messages"], add_generation_prompt=True, tokenize=False
    )
    prompt = tokenizer(text, add_special_tokens=False).input_ids
    scores = {}
    for choice in one["choices"]:
        tokens = tokenizer(choice, add_special_tokens=False).input_ids
        with torch.no_grad():
            logits = language_model.model(torch.tensor([prompt + tokens])).logits[0]
        predicted = torch.log_softmax(logits[len(prompt) - 1 : -1], dim=-1)
        scores[choice] = float(predicted[range(len(tokens)), tokens].sum()) / len(choice)
    return max(scores, key=scores.__getitem__)


def trained_on(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """A list that fills with the rows that a later training encodes."""
    seen, encoded = [], train.encoded

    def recorded(listed: list[dict], *others: object) -> list:
        seen.extend(listed)
        return encoded(listed, *others)

    monkeypatch.setattr(train, "encoded", recorded)
    return seen


def test_the_likeliest_choice_is_trained_on_and_the_gold_share_recorded(
    own: Params,
    repository,  # noqa: F811
    write,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = written(write, 12, 4)
    seen = trained_on(monkeypatch)
    train.train_adapter(NAME, own)
    wanted = [plain_answer(one) for one in given]
    assert [one["completion"] for one in seen] == wanted
    assert [one["gold"] for one in seen] == [one["completion"] for one in given]
    assert len(set(wanted)) > 2  # the tiny model does not always say the same
    path = repository / "results" / "training" / f"{NAME}.json"
    record, text = json.loads(path.read_text()), path.read_text()
    pairs = zip(given[:12], wanted[:12], strict=True)
    share = sum(one["completion"] == best for one, best in pairs) / 12
    assert record["own_answers_gold"] == round(share, 4) and 0 < share < 1
    assert list(record["seeds"]) == ["1", "2"]
    assert len(seen) == 16  # once for all seeds
    train.train_adapter(NAME, own, only_seed=2)
    assert path.read_text() == text
    train.train_adapter(NAME, replace(own, adapters=own.adapters | {NAME: gold(own)}), only_seed=2)
    assert "own_answers_gold" not in json.loads(path.read_text())
    assert [one["completion"] for one in seen[32:]] == [one["completion"] for one in given]


def gold(own: Params):
    return replace(own.adapters[NAME], labels="gold")


def test_a_base_that_always_says_one_letter_teaches_that_letter(
    own: Params,
    repository,  # noqa: F811
    write,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    language_model = tiny.language_model("llama")
    for layer in language_model.model.model.layers:  # of a prompt, only its last token is left
        layer.self_attn.o_proj.weight.data.zero_()
        layer.mlp.down_proj.weight.data.zero_()
    language_model.model.save_pretrained(repository / "data/model" / own.model.name)
    given = [
        row(number, "train", choices=LETTERS, completion=LETTERS[number % 4]) for number in range(8)
    ]
    write("train", given)
    write("validation", [{**one, "cluster": f"held/{one['id']}"} for one in given])
    seen = trained_on(monkeypatch)
    train.train_adapter(NAME, own, only_seed=1)
    assert len({one["completion"] for one in seen}) == 1
    record = json.loads((repository / "results" / "training" / f"{NAME}.json").read_text())
    assert record["own_answers_gold"] == 0.25  # as often as the letter is right


@pytest.mark.parametrize("choices", [None, "AB", [], ["A", "C"]])
def test_rows_without_choices_are_named_before_the_model_is_loaded(
    own: Params,
    repository,  # noqa: F811
    write,  # noqa: F811
    choices: object,
) -> None:
    write("train", [*rows("train", 2), row(3, "train", choices=choices)])
    with pytest.raises(DataError, match=r"train/3 lists no choices .* experiments.prepare"):
        train.train_adapter(NAME, own)
    assert not (repository / "adapters").exists()


def test_the_base_model_is_let_go_before_training(
    own: Params,
    repository,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from experiments.engine import model

    loaded, load_model = [], model.load_model

    def watched(*arguments: object, **named: object):
        language_model = load_model(*arguments, **named)
        loaded.append(weakref.ref(language_model.model))
        return language_model

    monkeypatch.setattr(model, "load_model", watched)
    gc.disable()
    try:
        folder = repository / "data/model" / own.model.name
        own_answers.with_own_answers({"train": rows("train", 2)}, folder, own)
        (base,) = loaded
        assert base() is None
    finally:
        gc.enable()


def problem(number: int, split: str) -> dict:
    return row(number, split, benchmark="gsm8k", completion=f"It is {number}.\n#### {number}")


def plain_reply(one: dict, max_tokens: int) -> str:
    """The greedy reply, a token at a time, each by a forward pass over all before it."""
    language_model = tiny.language_model("llama")
    tokenizer, tokens = language_model.tokenizer, []
    text = tokenizer.apply_chat_template(
        one["messages"], add_generation_prompt=True, tokenize=False
    )
    prompt = tokenizer(text, add_special_tokens=False).input_ids
    while len(tokens) < max_tokens:
        with torch.no_grad():
            logits = language_model.model(torch.tensor([prompt + tokens])).logits[0, -1]
        tokens.append(int(logits.argmax()))
        assert tokens[-1] != tokenizer.eos_token_id  # the tiny model comes to no end
    return tokenizer.decode(tokens, skip_special_tokens=True)


def test_a_solution_is_the_greedy_reply_and_a_letter_still_the_likeliest(
    own: Params,
    repository,  # noqa: F811
) -> None:
    evaluate = replace(own.evaluate, gsm8k_max_tokens=6)
    given = [problem(0, "train"), *rows("train", 2), problem(3, "train")]
    folder = repository / "data/model" / own.model.name
    found = own_answers.with_own_answers({"train": given}, folder, replace(own, evaluate=evaluate))
    completions = [one["completion"] for one in found["train"]]
    assert [completions[0], completions[3]] == [plain_reply(given[n], 6) for n in (0, 3)]
    assert completions[1:3] == [plain_answer(one) for one in given[1:3]]
    assert [one.get("cut_off") for one in found["train"]] == [True, None, None, True]
    assert [one["gold"] for one in found["train"]] == [one["completion"] for one in given]


@pytest.mark.parametrize(
    ("text", "finish", "right", "cut_off"),
    [
        ("Seven and five.\n#### 12", "end", True, False),
        ("So there are 12.", "end", True, False),
        ("#### 12.00", "end", True, False),
        ("#### 13", "end", False, False),
        ("I do not know.", "end", False, False),
        ("#### 12", "length", False, True),  # it may have been on the way to 120
        ("#### 12\nLet me", "length", True, True),
    ],
)
def test_a_solution_is_right_by_its_number(
    text: str, finish: str, right: bool, cut_off: bool
) -> None:
    asked = problem(12, "train")
    protocol = own_answers.answered(asked, 320)
    (request,) = next(protocol)
    assert isinstance(request, Generate) and request.max_tokens == 320
    with pytest.raises(StopIteration) as ended:
        protocol.send((Text(text, finish),))
    (answer,) = ended.value.value
    assert answer == {"completion": text, "cut_off": cut_off}
    assert own_answers.is_right(asked | answer | {"gold": asked["completion"]}) is right


def test_a_reply_that_was_cut_off_is_left_out_and_counted(
    own: Params,
    repository,  # noqa: F811
    write,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("train", [problem(number, "train") for number in range(4)])
    write("validation", [problem(number, "validation") for number in range(10, 12)])
    finishes = iter(["end", "length", "end", "end", "length", "end"])

    def asked(listed: list[dict], *others: object) -> list[dict]:
        written = (one["completion"].replace("2", "7") for one in listed)
        return [{"completion": text, "cut_off": next(finishes) != "end"} for text in written]

    monkeypatch.setattr(own_answers, "own_answers", asked)
    train.train_adapter(NAME, own, only_seed=1)
    record = json.loads((repository / "results" / "training" / f"{NAME}.json").read_text())
    one = record["seeds"]["1"]
    assert (one["examples"], one["examples_too_long"]) == (3, 1)
    assert (one["validation_examples"], one["validation_examples_too_long"]) == (1, 1)
    # of 0, 1, 2 and 3 the second is cut off before its end is known, and 2 became 7
    assert record["own_answers_gold"] == 0.5


def test_a_base_that_never_comes_to_an_end_teaches_nothing(
    own: Params,
    repository,  # noqa: F811
    write,  # noqa: F811
) -> None:
    write("train", [problem(0, "train")])
    write("validation", [problem(1, "validation")])
    settings = replace(own, evaluate=replace(own.evaluate, gsm8k_max_tokens=4))
    with pytest.raises(TrainingError, match=r"or its reply was cut off; raise it, or evaluate\."):
        train.train_adapter(NAME, settings, only_seed=1)
    assert not list((repository / "adapters").glob("*/seed-*"))


def test_an_interrupted_run_does_not_ask_again(
    own: Params,
    repository,  # noqa: F811
    write,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written(write, 4, 2)
    own = replace(own, train=replace(own.train, seeds=[1]))
    train.train_adapter(NAME, own)
    at_once = contents(repository)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_before(patch, seed=1)
        shutil.rmtree(repository / "adapters")
        train.train_adapter(NAME, own)
    monkeypatch.setattr(own_answers, "own_answers", lambda *_: pytest.fail("asked again"))
    train.train_adapter(NAME, own)
    assert contents(repository) == at_once
