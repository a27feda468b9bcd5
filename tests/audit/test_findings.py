"""Verdicts follow the numbers: a study without the faults gets other verdicts."""

import copy
from dataclasses import replace

import pandas as pd
import pytest

from experiments.audit import (
    __main__ as stage,
)
from experiments.audit import (
    contamination,
    findings,
    option_position,
    prompts,
    repeats,
    reported,
    validation,
)
from experiments.audit.findings import Finding, Verdict
from experiments.errors import DataError


@pytest.fixture
def faultless(figures) -> reported.Reported:
    """The counts of a study with shuffled options, fresh items and neutral prompts."""
    counts = copy.deepcopy(figures.counts)
    for split in ("train", "test"):
        counts["option_position"][split]["truthfulqa"]["right_first"] //= 4
    counts["option_position"]["test"]["mmlu"]["A"] -= 1
    for test in counts["contamination"].values():
        test["train"] = dict.fromkeys(test["train"], 0)
    answer = counts["prompts"]["answer"]
    answer |= {name: 0 for name in prompts.FAMILIES} | {"none": answer["n"]}
    counts["prompts"]["are_you_sure"]["right_letter_not_parsed"] = 0
    counts["prompts"]["feedback_examples"] = {"n": 20, "detection_lost": 20, "sentiment_rise": 0}
    counts["repeats"]["feedback"] = {"n": 300, "distinct": 300, "squares": 300}
    return replace(figures, counts=counts)


CHECKS = (option_position, contamination, prompts, repeats)


def test_a_faultless_study_is_confirmed(faultless):
    verdicts = {found.id: found.verdict for check in CHECKS for found in check.findings(faultless)}
    assert set(verdicts.values()) == {Verdict.CONFIRMED}, verdicts


def test_the_study_as_it_is_is_not(figures):
    verdicts = {found.id: found.verdict for check in CHECKS for found in check.findings(figures)}
    assert Verdict.CONFIRMED not in verdicts.values(), verdicts


def test_held_out_rows_of_a_concatenation():
    assert validation.held_out({"a": 10, "b": 10}, 0.1) == {"b": 2, "a": 0}
    assert validation.held_out({"a": 10, "b": 1}, 0.5) == {"b": 1, "a": 5}


def test_held_out_rows_by_listing(figures):
    sizes = figures.counts["sizes"]["train"]
    rows = [name for name in figures.procedure["combined_order"] for _ in range(sizes[name])]
    last = rows[int(len(rows) * 0.9) :]
    taken = validation.findings(figures)[0].numbers
    assert {name: last.count(name) for name in sizes} == {name: taken[name] for name in sizes}


def test_every_finding_of_the_stage(figures):
    tables = stage.audit(figures, resamples=200, seed=1)
    table, numbers = tables["findings"], tables["numbers"]
    assert table["id"].is_unique
    assert table.notna().all().all()
    assert (table["n"] > 0).all()
    assert set(table["verdict"]) <= {str(verdict) for verdict in Verdict}
    assert tables["verdicts"]["findings"].sum() == len(table)
    assert set(numbers["finding"]) == set(table["id"])
    assert not numbers.duplicated(["finding", "name"]).any()
    assert all(isinstance(value, int | float) for value in numbers["value"])


def test_an_id_used_twice_is_an_error():
    found = Finding("same", "", "", Verdict.CONFIRMED, {}, 1, "")
    with pytest.raises(ValueError, match="same"):
        findings.frame([found, found])


def test_tables_that_disagree_are_found(figures):
    scores = figures.scores.copy()
    scores.loc["mmlu", "gsm8k"] += 0.01
    found = reported.findings(replace(figures, scores=scores))[0]
    assert (found.verdict, found.numbers["disagree"]) == (Verdict.CONTRADICTED, 2)


def test_a_rate_that_is_no_count_is_refused():
    rates = pd.DataFrame({"model": ["m"], "test": ["t"], "count": [3.0], "n": [10], "score": [0.4]})
    with pytest.raises(DataError, match="not a whole number of its 10 items"):
        reported.with_counts(rates)
