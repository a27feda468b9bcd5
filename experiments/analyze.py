"""Turn outcomes into numbers with intervals, and numbers into verdicts.

    python -m experiments.analyze
    python -m experiments.analyze --run pocket   an archived run again, from its outcomes alone

Reads outcomes/, results/training/ and paper/claims.yaml; writes the tracked tables of results/ and
results/outcomes.parquet. With --run, reads runs/NAME/ and tells whether its tables come out the
same; nothing is written.
Every statistic derives from per-item values, carries an interval, n and the counts of excluded and
unparsed items, and is rounded to the digits that the sample supports. Measured on 2 CPU cores:
10 seconds, 0.4 GB of memory.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from experiments import files, measures, outcomes, params
from experiments.claims import Claim, read_claims
from experiments.errors import OutcomeError, run_stage
from experiments.measures import free_replies
from experiments.params import BASE, BENCHMARKS, SYCOPHANCY_TESTS, Params
from experiments.stats import (
    claims,
    clusters,
    composites,
    correction,
    correlation,
    estimates,
    logistic,
    margins,
    paired,
    ranking,
    seeds,
)
from experiments.stats.rounding import rounded

RESULTS = Path("results")
OUTCOMES = Path("outcomes")
RUNS = Path("runs")
KEPT = "outcomes.parquet"
CLAIMS = Path("paper/claims.yaml")
DIGITS = 4  # of a number without a standard error
INTERVAL = ("estimate", "low", "high", "se")
# Binary arms of one test whose interaction with the adapter is fitted; the first is the reference.
ARMS = {
    "controlled": {
        "answer": ("accuracy_mention_incorrect", "accuracy_suggest_incorrect"),
        "feedback": ("says_sound_dislike", "says_sound_like"),
    },
    "published": {
        "answer": ("accuracy", "accuracy_suggest_incorrect"),
        "feedback": ("detected", "detected_like"),
    },
}
LETTERED = ("mmlu", "truthfulqa")
# What the source study's tables call the change of each test.
CHANGE_COLUMNS = {
    **{name: f"{name}_change" for name in BENCHMARKS},
    "feedback": "feedback_sycophancy_change",
    "are_you_sure": "are_you_sure_change",
    "answer": "answer_change",
}


def main() -> None:
    """Analyse the outcomes at hand, or those of an archived run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", metavar="NAME", help="an archived run: compare, write nothing")
    name = parser.parse_args().run
    if name is None:
        analyze()
    else:
        analyze_again(RUNS / name)


def analyze() -> None:
    """Write every table of results/."""
    parameters = params.load()
    stated = read_claims(CLAIMS)
    gathered = outcomes.gather(OUTCOMES, parameters)
    tables = {
        "training": training_table(parameters),
        "transcripts": free_replies.table(outcomes.gather_transcripts(OUTCOMES, parameters)),
        **tables_of(outcomes.by_task(gathered), parameters, stated),
    }
    for name, table in tables.items():
        files.write_text(RESULTS / f"{name}.csv", as_text(table, parameters))
    outcomes.write_outcomes(RESULTS / KEPT, gathered)
    write_metrics(tables["estimates"], parameters.analysis.headline)
    print(f"results/ holds {len(tables)} tables and {KEPT}. Next: python -m experiments.render")


def analyze_again(run: Path) -> None:
    """Compute the tables of an archived run; OutcomeError names those that come out otherwise."""
    kept = run / RESULTS / KEPT
    if not run.is_dir():
        known = ", ".join(sorted(path.parent.name for path in RUNS.glob("*/params.yaml")))
        raise OutcomeError(f"there is no run {run.name!r} in {RUNS}/; it has {known}")
    if not kept.is_file():
        raise OutcomeError(
            f"{run}/ holds no outcomes, so it cannot be analysed again; it was archived before "
            f"runs kept them: run it anew and archive it with --force"
        )
    parameters = params.load(run / "params.yaml")
    found = outcomes.read_outcomes(kept)
    outcomes.check(found, parameters)
    tables = tables_of(found, parameters, read_claims(run / CLAIMS.name))
    archived = {
        name: path.read_text(encoding="utf-8")
        for name in tables
        if (path := run / RESULTS / f"{name}.csv").is_file()
    }
    other = [name for name, text in archived.items() if text != as_text(tables[name], parameters)]
    if other:
        raise OutcomeError(
            f"{run}/: {len(other)} of {len(archived)} tables come out otherwise "
            f"({', '.join(other)}); compare the code with the commit in its environment.json"
        )
    print(f"{run}/: all {len(archived)} tables come out the same, byte for byte.")


def tables_of(
    rows: outcomes.ByTask, parameters: Params, stated: list[Claim]
) -> dict[str, pd.DataFrame]:
    """Every table that rests on outcomes alone, with the digits that it is written with."""
    values = measures.values(rows)
    tables = {
        "position_bias": position_bias(rows, parameters.analyze.confidence),
        **statistics(values, parameters),
        "margins": margins.margin_table(values, parameters.analysis, parameters.seed),
        "item_margins": margins.item_margins(values),
    }
    tables["claims"] = verdicts(stated, values, tables, parameters)
    tables = presentable(tables)
    headline = parameters.analysis.headline
    tables["performance_changes"] = performance_changes(tables["effects"], headline)
    tables["complete_results"] = complete_results(tables, headline)
    return tables


def as_text(table: pd.DataFrame, parameters: Params) -> str:
    """A table as CSV, its models in order."""
    return ordered(table, parameters).to_csv(index=False, lineterminator="\n")


def ordered(table: pd.DataFrame, parameters: Params) -> pd.DataFrame:
    """Rows in the order of params.yaml's adapters, base first; other tables stay as they are."""
    column = next((name for name in ("model", "adapter_name") if name in table), None)
    if column is None or "scheme" in table:
        return table
    place = {model: number for number, model in enumerate(parameters.models)}
    return table.sort_values(column, key=lambda names: names.map(place), kind="stable")


def position_bias(by_task: dict[str, pd.DataFrame], confidence: float) -> pd.DataFrame:
    """Share of each letter among the choices, minus its share among the right answers.

    With all rotations of the options the right answers are spread evenly, so any difference is the
    model's. The interval is Wilson's for the share chosen, over items (the orders of one item are
    not independent draws, so n counts items). Unparsed replies, which only the published protocol
    has, chose no letter; they stay in the denominator and are counted.
    """
    lettered = pd.concat([rows for task, rows in by_task.items() if task in LETTERED])
    rows = []
    for (model, task), chosen in lettered.groupby(["model", "task"], sort=False):
        n = chosen["id"].nunique()
        chosen_positions = pd.to_numeric(chosen["position"])  # None where unparsed
        last = np.nanmax([chosen_positions.max(), chosen["gold_position"].max()])
        for position in range(int(last) + 1):
            share = (chosen_positions == position).mean()
            gold = (chosen["gold_position"] == position).mean()
            low, high = proportion_confint(share * n, n, 1 - confidence, "wilson")
            rows.append(
                {
                    "model": model,
                    "task": task,
                    "letter": "ABCDEFGH"[position],
                    "share": share,
                    "gold_share": gold,
                    "bias": share - gold,
                    "low": low - gold,
                    "high": high - gold,
                    "n": n,
                    "unparsed": int(chosen_positions.isna().sum()),
                }
            )
    return pd.DataFrame(rows)


def statistics(values: pd.DataFrame, parameters: Params) -> dict[str, pd.DataFrame]:
    """Estimates, paired effects, interactions, correlations, composites, rankings, seeds."""
    settings, seed = parameters.analysis, parameters.seed
    confidence = settings.confidence
    full = values[values["model"].isin(fully_tested(values))]
    totals = clusters.cluster_totals(full)
    primary = [{"task": outcome.task, "measure": outcome.measure} for outcome in settings.primary]
    effects = paired.paired_effects(
        values,
        confidence=confidence,
        power=settings.power,
        resamples=settings.resamples,
        seed=seed,
    )
    effects = correction.corrected(effects, primary, confidence=confidence)
    interactions = pd.concat(
        [
            logistic.arm_interactions(full, task, list(arms), confidence=confidence)
            for task, arms in ARMS[parameters.protocol].items()
        ],
        ignore_index=True,
    )
    capability, sycophancy = headline_measures(settings.headline)
    correlated = values[values["model"].isin([BASE, *settings.correlate])]
    correlations = correlation.correlations(
        clusters.cluster_totals(correlated),
        list(product(*headline_measures(settings.continuous))),
        confidence=confidence,
        resamples=settings.resamples,
        seed=seed,
    )
    rankings = ranking.rankings(
        totals,
        ranking.weighting_schemes(capability, sycophancy, settings.schemes),
        confidence=confidence,
        resamples=settings.resamples,
        seed=seed,
    )
    composite = composites.composite_table(
        totals, source_composites(capability, sycophancy), confidence=confidence
    )
    return {
        "estimates": estimates.estimates(values, confidence=confidence),
        "effects": effects,
        "interactions": interactions,
        "correlation_analysis": correlations.rename(
            columns={"x_task": "benchmark", "y_task": "sycophancy_dataset"}
        ),
        "composites": composite,
        "rankings": rankings,
        "seeds": seeds.seed_variation(values, confidence=confidence),
    }


def presentable(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with the digits their standard errors support; verdicts see the full ones."""
    spans = {
        "estimates": (*INTERVAL, "low_if_none", "high_if_all"),
        "effects": (*INTERVAL, "base_estimate", "model_estimate", "minimal_detectable"),
        "interactions": INTERVAL,
        "rankings": INTERVAL,
        "seeds": (*INTERVAL, "item_se", "seed_sd", "seed_sd_observed", "lowest", "highest"),
        "composites": INTERVAL,
        "margins": INTERVAL,
    }
    probabilities = {
        "effects": ("p", "p_adjusted", "p_mcnemar", "p_sign_flip"),
        "interactions": ("p",),
    }
    result = dict(tables)
    for name, columns in spans.items():
        result[name] = rounded(
            tables[name], columns, fallback=DIGITS, probabilities=probabilities.get(name, ())
        )
    for name in ("composites", "margins"):
        result[name] = rounded(
            result[name].drop(columns="decimals"),
            ("change", "change_low", "change_high", "change_se"),
            se="change_se",
            fallback=DIGITS,
            probabilities=("change_p",),
        )
    # a correlation's standard error is not known; two decimals are more than five adapters support
    result["correlation_analysis"] = tables["correlation_analysis"].rename(
        columns={"estimate": "correlation"}
    )
    places = {
        "correlation_analysis": {
            "correlation": 2, "low": 2, "high": 2, "p": 3, "smallest_p": 4, "undefined": 3,
        },
        "rankings": {"rank_share": 3, "first_share": 3},
        "effects": {"standardized": 2},
        "interactions": {"odds_ratio": 3},
        "item_margins": dict.fromkeys(margins.PARTS, DIGITS),
        "position_bias": dict.fromkeys(("share", "gold_share", "bias", "low", "high"), DIGITS),
        "claims": dict.fromkeys(("estimate", "low", "high"), DIGITS),
    }  # fmt: skip
    return result | {name: result[name].round(columns) for name, columns in places.items()}


def fully_tested(values: pd.DataFrame) -> list[str]:
    """Models that took every benchmark and sycophancy test."""
    wanted = set(BENCHMARKS + SYCOPHANCY_TESTS)
    taken = values.groupby("model", sort=False)["task"].agg(set)
    return [model for model, tasks in taken.items() if wanted <= tasks]


def headline_measures(headline: dict[str, str]) -> tuple[list, list]:
    """(task, measure) of the benchmarks and of the sycophancy tests."""
    return tuple(
        [(task, headline[task]) for task in tasks] for tasks in (BENCHMARKS, SYCOPHANCY_TESTS)
    )


def source_composites(capability: list, sycophancy: list) -> list[composites.Composite]:
    """The source study's three notions over our measures, and mean benchmark accuracy."""
    return [
        composites.Composite("capability", plain=tuple(capability)),
        composites.reasoning_independence([("are_you_sure", "regressive"), ("answer", "flip")]),
        composites.truth_alignment(
            [
                next(measure for measure in capability if measure[0] == "truthfulqa"),
                ("answer", "accuracy"),
                ("answer", "accuracy_suggest_incorrect"),
            ]
        ),
        composites.agreement_bias(sycophancy),
    ]


def performance_changes(effects: pd.DataFrame, headline: dict[str, str]) -> pd.DataFrame:
    """One row per adapter, as the source study's table of this name, with bounds and n."""
    rows = []
    for model, table in effects.groupby("model", sort=False):
        row = {"adapter_name": model}
        for task, column in CHANGE_COLUMNS.items():
            cell = table[(table["task"] == task) & (table["measure"] == headline[task])]
            if len(cell):
                first = cell.iloc[0]
                row |= {
                    column: first["estimate"],
                    f"{column}_low": first["low"],
                    f"{column}_high": first["high"],
                    f"{task}_n": first["n"],
                }
        rows.append(row)
    return pd.DataFrame(rows)


def complete_results(tables: dict[str, pd.DataFrame], headline: dict[str, str]) -> pd.DataFrame:
    """One row per model: each headline rate with its bounds, n and unparsed count, and changes."""
    rows = []
    for model, table in tables["estimates"].groupby("model", sort=False):
        row = {"adapter_name": model}
        for task, name in headline.items():
            cell = table[(table["task"] == task) & (table["measure"] == name)]
            if len(cell):
                first = cell.iloc[0]
                row |= {
                    task: first["estimate"],
                    f"{task}_low": first["low"],
                    f"{task}_high": first["high"],
                    f"{task}_n": first["n"],
                    f"{task}_unparsed": first["unparsed"],
                }
        rows.append(row)
    changes = tables["performance_changes"][["adapter_name", *CHANGE_COLUMNS.values()]]
    return pd.DataFrame(rows).merge(changes, on="adapter_name", how="left")


def training_table(parameters: Params) -> pd.DataFrame:
    """What each adapter was trained on and how its validation loss moved, per training seed."""
    rows = []
    for name in parameters.adapters:
        path = RESULTS / f"training/{name}.json"
        if not path.exists():
            raise OutcomeError(f"{path} is missing; run `python -m experiments.train {name}`")
        record = json.loads(path.read_text(encoding="utf-8"))
        for seed, run in record["seeds"].items():
            plain = {key: value for key, value in run.items() if not isinstance(value, list)}
            rows.append({"adapter": name, "method": record["method"], "seed": seed, **plain})
    return pd.DataFrame(rows)


def verdicts(
    stated: list[Claim],
    values: pd.DataFrame,
    tables: dict[str, pd.DataFrame],
    parameters: Params,
) -> pd.DataFrame:
    """A verdict for every claim, from the unrounded tables."""
    absent = sorted(set().union(*(claim.models for claim in stated)) - set(parameters.models))
    if absent:
        print(f"Claims on {', '.join(absent)} are not measured: params.yaml has no such adapter.")
    composite = tables["composites"]
    kinds = {
        "estimate": tables["estimates"],
        "effect": tables["effects"],
        "correlation": tables["correlation_analysis"],
        "composite": composite,
        "composite_change": changes_of(composite),
        "position_bias": tables["position_bias"].rename(columns={"bias": "estimate"}),
        "margin": tables["margins"],
        "margin_change": changes_of(tables["margins"]),
    }
    return claims.assess(
        stated,
        kinds,
        confidence=parameters.analyze.confidence,
        totals=clusters.cluster_totals(values),
        absent=absent,
        # the claims are about our own protocol's measures
        allow_unmeasured=parameters.protocol != "controlled",
    )


def changes_of(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns of change in the place of its levels."""
    return table.drop(columns=["estimate", "low", "high"]).rename(
        columns={"change": "estimate", "change_low": "low", "change_high": "high"}
    )


def write_metrics(table: pd.DataFrame, headline: dict[str, str]) -> None:
    """results/metrics.json: model -> task -> headline rate, for `dvc metrics diff`."""
    chosen = table[table["measure"] == table["task"].map(headline)]
    content: dict[str, dict[str, float]] = {}
    for row in chosen.itertuples():
        content.setdefault(row.model, {})[row.task] = row.estimate
    files.write_text(RESULTS / "metrics.json", json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    run_stage(main)
