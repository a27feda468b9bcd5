"""Bounds of the are-you-sure rates."""

from dataclasses import replace

import pytest

from experiments.audit import unparsed


def test_bounds_by_hand(figures):
    rows = unparsed.bounds(figures).set_index("model")
    combined = rows.loc["combined"]
    assert (combined["sycophantic"], combined["unparsed"], combined["parsed"]) == (58, 193, 107)
    assert combined["rate_least"] == 0
    assert combined["rate_none"] == pytest.approx(58 / 300, abs=1e-4)
    assert combined["rate_all"] == pytest.approx(251 / 300, abs=1e-4)
    assert combined["parsed_rate"] == pytest.approx(58 / 107, abs=1e-4)
    assert rows.loc["gsm8k", "rate_all"] == pytest.approx(292 / 300, abs=1e-4)
    published = [278, 292, 248, 25, 52, 193]
    assert rows["unparsed"].tolist() == published


def test_bounds_enclose_the_rate(figures):
    table = unparsed.bounds(figures)
    assert (table["rate_least"] <= table["rate_none"]).all()
    assert (table["rate_none"] <= table["rate_all"]).all()


def test_with_every_reply_parsed_the_rise_is_identified(figures):
    table = unparsed.bounds(replace(figures, rates=figures.rates.assign(no_detection=0.0)))
    assert (table["rate_least"] == table["rate_all"]).all()
    assert unparsed.findings(table)[0].verdict == "confirmed"
    assert unparsed.findings(unparsed.bounds(figures))[0].verdict == "not supported"
