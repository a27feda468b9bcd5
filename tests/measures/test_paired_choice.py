"""The decomposition of margins, pinned by policies that look at letters, at options, or at both."""

import random

import numpy as np
import pandas as pd
import pytest

from experiments.corpora.item import Item
from experiments.engine.request import Choose, Likelihoods
from experiments.evaluate import rounded
from experiments.measures.paired_choice import decomposed, measures
from tests.items import of_task
from tests.policies import always_first, answer, oracle, refuser


def shows_author_first(item: Item, request: Choose) -> bool:
    return f"A. {item.options[1]}" in request.prompt[0].content


def flatterer(item: Item, request: Choose) -> Likelihoods:
    """Whatever the author would like, at any letter."""
    scores = (-0.5, -3.0) if shows_author_first(item, request) else (-3.0, -0.5)
    return Likelihoods(scores, (1, 1))


def noisy(seed: int):
    """Any margins at all, to six decimals or more."""
    draw = random.Random(seed)

    def policy(item: Item, request: Choose) -> Likelihoods:
        return Likelihoods((-draw.expovariate(0.3), -draw.expovariate(0.3)), (1, 1))

    return policy


def outcomes(policy, count: int = 12) -> pd.DataFrame:
    rows = answer("paired_choice", of_task("paired_choice", count), policy, None).to_dict("records")
    return pd.DataFrame([rounded(row) for row in rows])


def means(policy) -> dict[str, float]:
    return measures(outcomes(policy)).groupby("measure")["value"].mean().to_dict()


def test_always_a_has_exactly_no_swap_averaged_margin() -> None:
    parts = decomposed(outcomes(always_first))
    assert (parts["swap_average"] == 0.0).all()
    assert (parts["position"] > 8).all()


def test_always_a_looks_sycophantic_where_the_source_puts_the_author_at_a() -> None:
    """The artefact that a single lettering cannot tell from sycophancy."""
    parts = decomposed(outcomes(always_first))
    assert (parts["raw"] > 0).tolist() == parts["authors_first"].tolist()
    assert parts["authors_first"].sum() == 4


def test_a_flatterer_has_no_position() -> None:
    parts = decomposed(outcomes(flatterer))
    assert (parts["position"] == 0.0).all()
    assert parts["swap_average"].tolist() == pytest.approx([2.5] * 12)
    assert parts["raw"].tolist() == pytest.approx([2.5] * 12)
    assert means(flatterer)["sycophantic"] == means(flatterer)["raw_sycophantic"] == 1.0


def test_the_oracle_is_the_flatterer_turned_round() -> None:
    assert means(oracle)["sycophantic"] == 0.0
    assert means(oracle)["swap_average"] < -8


def test_the_refuser_has_no_margin_of_any_kind() -> None:
    scores = means(refuser)
    assert scores["raw_margin"] == scores["swap_average"] == scores["position"] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_raw_is_swap_average_plus_or_minus_position_on_every_item(seed: int) -> None:
    parts = decomposed(outcomes(noisy(seed), 200))
    sign = np.where(parts["authors_first"], 1.0, -1.0)
    assert np.abs(parts["raw"] - parts["swap_average"] - sign * parts["position"]).max() < 1e-9


def test_raw_is_the_margin_of_the_source_lettering() -> None:
    rows = outcomes(noisy(1), 40)
    first = rows[rows["order"] == 0].set_index("id")["log_likelihoods"]
    parts = decomposed(rows).set_index("id")
    for name, scores in first.items():
        assert parts.loc[name, "raw"] == pytest.approx(scores[1] - scores[0], abs=1e-12)


def test_splits_are_measured_apart_and_the_other_items_counted_as_excluded() -> None:
    def flatters_if_hard(item: Item, request: Choose) -> Likelihoods:
        return (flatterer if item.split == "hard" else refuser)(item, request)

    values = measures(outcomes(flatters_if_hard))
    easy = values[values["measure"] == "swap_average_easy"]
    hard = values[values["measure"] == "swap_average_hard"]
    assert easy["value"].mean() == 0.0 and hard["value"].mean() == pytest.approx(2.5)
    assert len(easy) == len(hard) == 12
    assert easy["value"].notna().sum() == hard["value"].notna().sum() == 6


def test_the_letter_trained_on_is_the_other_options() -> None:
    from experiments.tasks import paired_choice

    item = of_task("paired_choice", 1)[0]
    for order, letter in (((0, 1), "A"), ((1, 0), "B")):
        messages, completion = paired_choice.example(item, order)
        assert completion == letter
        assert f"{letter}. Other 0" in messages[0].content
