"""The mean over models, slopes on two levels, and which rows are taken, judged and pooled."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import optimize, stats

from experiments.replication import slopes, verdicts
from experiments.replication.random_effects import Summary, random_effects
from experiments.stats.contrasts import NOT_READABLE, OK, ONE_SEED
from tests.stats.frames import CONFIDENCE, frame

# Kacker (2004, Metrologia 41): effects, variances; computed by R's metafor, method "PM".
EFFECTS = [61.0, 61.4, 62.21, 62.3, 62.34, 62.6, 62.7, 62.84, 65.9]
VARIANCES = [0.2025, 1.21, 0.09, 0.2025, 0.3844, 0.5625, 0.0676, 0.0225, 1.8225]
METAFOR = {"estimate": 62.4076199, "se": 0.3380306, "tau2": 0.7053953, "i2": 0.6774440}


def plain(effects: list[float], variances: list[float]) -> dict[str, float]:
    """The same by its definitions, in loops."""

    def mean(tau2: float) -> float:
        weights = [1 / (v + tau2) for v in variances]
        return sum(w * y for w, y in zip(weights, effects, strict=True)) / sum(weights)

    def spread(tau2: float) -> float:
        pairs = zip(effects, variances, strict=True)
        return sum((y - mean(tau2)) ** 2 / (v + tau2) for y, v in pairs)

    k, q = len(effects), spread(0)
    tau2 = 0.0
    if q > k - 1:
        tau2 = optimize.brentq(lambda one: spread(one) - (k - 1), 0, 1e6, xtol=1e-13)
    weight = sum(1 / (v + tau2) for v in variances)
    se = math.sqrt(max(1, spread(tau2) / (k - 1)) / weight)
    half, found = stats.t.ppf(0.975, k - 1) * se, mean(tau2)
    reach = stats.t.ppf(0.975, k - 2) * math.sqrt(tau2 + se**2) if k > 2 else math.nan
    return {
        "estimate": found, "se": se, "low": found - half, "high": found + half, "tau2": tau2,
        "predict_low": found - reach, "predict_high": found + reach, "i2": max(0, 1 - (k - 1) / q),
    }  # fmt: skip


def summary(effects, variances) -> Summary:
    return random_effects(effects, np.sqrt(variances), CONFIDENCE)


@pytest.mark.parametrize("k", [2, 3, 9])
def test_the_mean_is_that_of_its_definition(k: int) -> None:
    found = summary(EFFECTS[-k:], VARIANCES[-k:])
    for name, value in plain(EFFECTS[-k:], VARIANCES[-k:]).items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-4, nan_ok=True), name
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_the_mean_is_that_of_metafor() -> None:
    found = summary(EFFECTS, VARIANCES)
    assert {name: getattr(found, name) for name in METAFOR} == pytest.approx(METAFOR, rel=1e-5)


def test_models_that_agree_are_no_surer_than_their_errors_allow() -> None:
    found = summary([0.3, 0.3], [0.01, 0.01])
    assert (found.tau2, found.i2, found.se) == pytest.approx((0, 0, 0.1 / math.sqrt(2)))
    assert math.isnan(found.predict_low)
    alone = summary([0.3], [0.01])
    assert alone.k == 1 and math.isnan(alone.estimate) and math.isnan(alone.p)


@pytest.mark.parametrize("tau", [0, 1])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_the_interval_covers_with_errors_of_three_degrees(k: int, tau: float) -> None:
    generator = np.random.default_rng(20251121)
    covered = 0
    for _ in range(400):
        truth = generator.normal(0, tau, k)
        se = np.sqrt(generator.chisquare(3, k) / 3)  # estimated, of errors of 1
        found = random_effects(generator.normal(truth, 1), se, CONFIDENCE)
        covered += found.low <= 0 <= found.high
    assert covered / 400 >= 0.92  # 95 % less three standard errors of 400 studies


def rows(effects: dict[str, float], **changed) -> pd.DataFrame:
    """A row of the primary effect for each model, of standard error 0.1 and many degrees."""
    row = {"adapter": "mmlu", "task": "answer", "measure": "sycophancy", "against": "control"}
    row |= {"control": "mmlu_shuffled", "kind": verdicts.SYCOPHANCY, "se": 0.1, "seeds": 3}
    row |= {"lesson": "mmlu"}
    row |= {"n": 20, "status": OK, "unit": "rate", "run": "pocket"}
    table = pd.DataFrame([row | {"model": name, "estimate": at} for name, at in effects.items()])
    p = 2 * stats.norm.sf(table["estimate"].abs() / 0.1)
    return table.assign(p=p, **changed)


@pytest.mark.parametrize(
    ("effects", "verdict", "status", "counts"),
    [
        ({}, "no model", "no model", (0, 0)),
        ({"a": 0.5}, "one model", "one model", (1, 0)),
        ({"a": 0.5, "b": 0.4}, "above zero in all", "two models", (2, 0)),
        ({"a": -0.5, "b": -0.4, "c": -0.6}, "below zero in all", OK, (0, 3)),
        ({"a": 0.5, "b": 0.01, "c": 0.4}, "above zero in some", OK, (2, 0)),
        ({"a": 0.5, "b": -0.5, "c": 0.01}, "opposite", OK, (1, 1)),
        ({"a": 0.1, "b": 0.05}, "in none", "two models", (0, 0)),
        ({"a": 0.21, "b": 0.21, "c": 0.21}, "in none", OK, (0, 0)),  # one at a time they would be
    ],
)
def test_verdicts_are_of_the_models_own(effects, verdict, status, counts) -> None:
    unread = rows({"z": 0.9}, status=NOT_READABLE)
    parts = [*([rows(effects)] if effects else []), unread]
    table = verdicts.judged(pd.concat(parts, ignore_index=True), CONFIDENCE)
    found = verdicts.summaries(table, CONFIDENCE).iloc[0]
    assert (found.verdict, found.status, found.k) == (verdict, status, len(effects))
    assert (found.above, found.below, found.unread) == (*counts, 1)
    assert math.isnan(found.estimate) == (len(effects) < 2) == math.isnan(found.p_adjusted)
    assert table["said"].iloc[-1] == NOT_READABLE and math.isnan(table["p_adjusted"].iloc[-1])


def test_what_was_taught_is_corrected_apart_from_what_was_not() -> None:
    taught = rows({"a": 0.21}, kind=verdicts.CAPABILITY, task="mmlu")
    others = rows({name: 0.21 for name in "abcde"}, kind=verdicts.CAPABILITY, task="hellaswag")
    table = verdicts.judged(pd.concat([taught, others], ignore_index=True), CONFIDENCE)
    assert table["said"].tolist() == ["above zero"] + ["not told from zero"] * 5


def test_what_one_seed_says_is_neither_judged_nor_pooled() -> None:
    parts = [rows({"a": 0.5, "b": 0.5}), rows({"c": -9}, status=ONE_SEED)]
    table = verdicts.judged(pd.concat(parts, ignore_index=True), CONFIDENCE)
    assert table["said"].tolist() == ["above zero", "above zero", ONE_SEED]
    found = verdicts.summaries(table, CONFIDENCE).iloc[0]
    assert (found.estimate, found.k, found.models) == (pytest.approx(0.5), 2, 3)


def test_models_with_other_controls_are_not_pooled() -> None:
    parts = [rows({"a": 0.5, "b": 0.5}), rows({"c": 0.5}, control="mmlu_own")]
    table = verdicts.judged(pd.concat(parts, ignore_index=True), CONFIDENCE)
    found = verdicts.summaries(table, CONFIDENCE).set_index("control")
    assert found["k"].to_dict() == {"mmlu_shuffled": 2, "mmlu_own": 1}


def test_of_two_runs_that_with_more_seeds_counts_then_that_with_more_items() -> None:
    runs = [("old", 1, 90), ("pocket", 3, 20), ("late", 3, 10)]
    parts = [rows({"a": 0.1}, run=run, seeds=seeds, n=n) for run, seeds, n in runs]
    found = verdicts.chosen(pd.concat([*parts, rows({"b": 0.2})], ignore_index=True))
    assert found[["model", "run", "instead_of"]].values.tolist() == [
        ["a", "pocket", "late old"],
        ["b", "pocket", ""],
    ]


def test_training_runs_are_paired_with_those_of_the_control() -> None:
    parts = [
        frame(np.linspace(0, 1, 5) + shift * seed, model=model, seed=seed)
        for model, shift in (("mmlu", 3.0), ("mmlu_shuffled", 1.0), ("alone", 0.0))
        for seed in (1, 2)
    ]
    values, cells = pd.concat(parts), [("quiz", "accuracy")]
    found = verdicts.by_seed(values, {"mmlu": "mmlu_shuffled"}, cells)
    assert found["adapter"].unique().tolist() == ["mmlu"] and found["n"].tolist() == [5, 5]
    assert found["value"].tolist() == pytest.approx([2, 4])


def trained(adapters: int, models: int = 2, seeds: int = 3) -> pd.DataFrame:
    """Training runs whose changes are 2 × the adapter's gain - 1 × the run's, and noise."""
    generator, lines = np.random.default_rng(3), []
    for number, model in product(range(adapters), range(models)):
        mean, noise = generator.normal(), 0.1 * generator.normal()
        for seed in range(seeds):
            own = 0.3 * generator.normal()
            change = 5 * model + 2 * mean - own + noise + 0.1 * generator.normal()
            lines.append((f"model {model}", f"adapter {number}", seed, mean + own, change))
    columns = ["model", "adapter", "seed", slopes.GAIN, slopes.CHANGE]
    cell = {"benchmark": "mmlu", "x_measure": "probability", "task": "answer"}
    return pd.DataFrame(lines, columns=columns).assign(**cell, y_measure="sycophancy")


def test_slopes_are_those_of_a_mixed_model() -> None:
    runs = trained(12)
    found = slopes.slopes(runs, CONFIDENCE).set_index("level")
    means = runs.groupby(slopes.POINT)[slopes.GAIN].transform("mean")
    design = pd.get_dummies(runs["model"], dtype=float)
    design = design.assign(between=means, within=runs[slopes.GAIN] - means)
    mixed = sm.MixedLM(runs[slopes.CHANGE], design, runs["model"] + runs["adapter"]).fit()
    wanted = mixed.params[["between", "within"]].to_numpy()
    levels = [slopes.BETWEEN, slopes.WITHIN]
    assert found.loc[levels, "slope"].to_numpy() == pytest.approx(wanted, abs=1e-4)
    assert found.loc[levels, "degrees"].tolist() == [24 - 2 - 1, 72 - 24 - 1]
    assert wanted == pytest.approx([2, -1], abs=0.3)  # the intercepts of models are taken out
    assert (found["status"] == OK).all() and (found["p_adjusted"] < 0.05).all()
    means = runs.groupby(slopes.POINT)[[slopes.GAIN, slopes.CHANGE]].mean().reset_index()
    centred = means - means.groupby("model")[[slopes.GAIN, slopes.CHANGE]].transform("mean")
    plain_fit = sm.OLS(centred[slopes.CHANGE], centred[slopes.GAIN]).fit()
    ratio = math.sqrt(23 / 21)  # which does not know of the two intercepts
    assert found.loc[slopes.BETWEEN, "se"] == pytest.approx(plain_fit.bse.iloc[0] * ratio)


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        (trained(3), [slopes.FEW] * 2),
        (trained(4, seeds=1), [OK, slopes.FEW]),  # eight adapters of models, trained once
        (trained(4).assign(gain=0.0), [slopes.STILL] * 2),
    ],
)
def test_too_few_adapters_have_no_slope(runs: pd.DataFrame, status: list[str]) -> None:
    found = slopes.slopes(runs, CONFIDENCE)
    assert found["status"].tolist() == status
    assert (found["slope"].isna() == (found["status"] != OK)).all()
    assert (found["p_adjusted"].isna() == found["slope"].isna()).all()
