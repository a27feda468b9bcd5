"""Every value that a parameter can have has its sentence, and a count never stands for another."""

from __future__ import annotations

import typing
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import costs, params
from experiments.errors import RenderError
from experiments.params import Adapter, Curate, Evaluate, Model, Params, Prepare, Train
from printing import controls
from printing import settings_in_words as words

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = params.load(ROOT / "params.yaml")
GROUPS = {
    "": Params,
    "prepare.": Prepare,
    "curate.": Curate,
    "train.": Train,
    "evaluate.": Evaluate,
}


def allowed(key: str) -> set[str]:
    """The values that experiments/params.py takes at a key."""
    group, _, name = key.rpartition(".")
    return set(typing.get_args(typing.get_type_hints(GROUPS[group and f"{group}."])[name]))


@pytest.mark.parametrize("key", [key for key in words.CHOICES if key != "splits"])
def test_every_choice_has_a_sentence(key: str) -> None:
    assert set(words.CHOICES[key]) == allowed(key)


def test_every_corpus_says_how_it_is_split() -> None:
    assert set(words.CHOICES["splits"]) == allowed("corpus")


def test_the_run_at_hand_is_described() -> None:
    said = words.meanings(PARAMETERS)
    assert list(said) == list(words.RUN)
    assert all(text.endswith(".") for text in said.values())
    for key in ("splits", "evaluate.engine"):
        assert words.meaning(key, PARAMETERS).endswith(".")
    with pytest.raises(KeyError):
        words.meaning("no.such", PARAMETERS)


def test_a_sentence_follows_its_value() -> None:
    other = replace(PARAMETERS, train=replace(PARAMETERS.train, loss_on="text", seeds=[1, 2, 3]))
    assert "prompt and completion" in words.meaning("train.loss_on", other)
    assert "trained 3 times" in words.meaning("train.seeds", other)
    assert "trained once" in words.seeds([7])
    silent = replace(PARAMETERS.evaluate.transcripts, items=0)
    mute = replace(PARAMETERS, evaluate=replace(PARAMETERS.evaluate, transcripts=silent))
    assert words.meaning("evaluate.transcripts", mute) == "No free replies are kept to be read."


@pytest.mark.parametrize(
    ("chosen", "pinned", "size"),
    [
        (Model("smollm2-135m-instruct"), "package that is pinned", "four bits"),
        (Model("llama-2-7b-chat"), "meta-llama/Llama-2-7b-chat-hf at the commit", "parameters."),
        (Model("gemma-3-270m"), "4 packages that a third party uploaded", "pretrained only"),
        (Model("org/name", "0" * 40), f"commit {'0' * 40}", "not among the presets"),
        (Model("./folder"), "local folder", "not among the presets"),
    ],
)
def test_what_is_said_of_a_model(chosen: Model, pinned: str, size: str) -> None:
    assert pinned in words.revision(chosen)
    assert size in words.model(chosen)


def test_what_is_said_of_controls_follows_their_labels() -> None:
    own = replace(PARAMETERS.adapters["mmlu_shuffled"], labels="own")
    mixed = replace(PARAMETERS, adapters=PARAMETERS.adapters | {"mmlu_shuffled": own})
    alone = {name: replace(one, control=None) for name, one in PARAMETERS.adapters.items()}
    none = replace(PARAMETERS, adapters=alone)
    for parameters, of, said in (
        (PARAMETERS, None, "the answer to another"),
        (mixed, None, "the answer to another or the base model's own answer"),
        (mixed, ["mmlu", "base"], "the base model's own answer"),
        (mixed, ["truthfulqa"], "the answer to another"),
        (none, None, words.MISSING),
    ):
        assert controls.taught(parameters, of) == said
    assert controls.with_own_answers(PARAMETERS) == "is not used in this run"
    assert controls.with_own_answers(mixed) == "is that of MMLU in this run"
    assert controls.limits(mixed).count("A control with") == 2
    assert set(controls.LABELS) == set(typing.get_args(typing.get_type_hints(Adapter)["labels"]))


def test_cost_is_that_of_the_scale() -> None:
    known = {"scales": {"smoke": {"time": "3 minutes"}, "full": {"time": "an unknown time"}}}
    assert words.cost(known, "smoke").endswith("3 minutes.")
    with pytest.raises(RenderError, match="gives no cost of the scale 'pocket'"):
        words.cost(known, "pocket")


def test_every_scale_has_a_cost() -> None:
    assert set(costs.load(ROOT / costs.COSTS)["scales"]) == set(PARAMETERS.sizes)


def test_a_control_stands_beside_its_adapter() -> None:
    names = ["mmlu_shuffled", "combined", "truthfulqa_source_order", "mmlu", "gsm8k_shuffled"]
    assert controls.beside(names, PARAMETERS) == [
        "combined", "truthfulqa_source_order", "mmlu", "mmlu_shuffled", "gsm8k_shuffled",
    ]  # fmt: skip
