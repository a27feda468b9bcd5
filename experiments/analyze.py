"""Turn outcomes into numbers with intervals, and numbers into verdicts.

    python -m experiments.analyze
    python -m experiments.analyze --run pocket   an archived run again, from its outcomes alone

Reads outcomes/, results/training/ and paper/claims.yaml; writes the tracked tables of results/ and
results/outcomes.parquet. With --run, reads runs/NAME/ and tells whether its tables come out the
same; nothing is written. Every statistic derives from per-item values, carries an interval, n and
the counts of excluded and unparsed items, and is rounded to the digits that the sample supports.
Measured on 2 CPU cores: 10 seconds, 0.4 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import math
from itertools import product
from pathlib import Path

import pandas as pd

from experiments import files, fixing, measures, outcomes, params, policies, tables
from experiments.claims import Claims, read_claims
from experiments.errors import OutcomeError, run_stage
from experiments.measures import free_replies
from experiments.params import BASE, BENCHMARKS, SYCOPHANCY_TESTS, Params
from experiments.stats import (
    claims,
    clusters,
    composites,
    contrasts,
    correction,
    correlation,
    estimates,
    headline,
    margins,
    paired,
    position_bias,
    ranking,
)

RESULTS = Path("results")
OUTCOMES = Path("outcomes")
CLAIMS = Path("paper/claims.yaml")
RUNS = Path("runs")
KEPT = "outcomes.parquet"


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
    trained = training(parameters)
    gathered = outcomes.gather(OUTCOMES, parameters)
    replies = free_replies.table(outcomes.gather_transcripts(OUTCOMES, parameters))
    found = tables_of(
        outcomes.by_task(gathered),
        parameters,
        stated,
        fixing.unfixed_now(Path(), stated, parameters.adapters),
    )
    found |= {"training": trained, "transcripts": replies}
    for name, table in found.items():
        tables.write(RESULTS, name, ordered(table, parameters))
    outcomes.write_outcomes(RESULTS / KEPT, gathered)
    rates = headline.metrics(found["estimates"], parameters.analysis.headline)
    files.write_text(RESULTS / "metrics.json", json.dumps(rates, indent=1) + "\n")
    print(f"results/ holds {len(found)} tables and {KEPT}. Next: python -m experiments.render")


def analyze_again(run: Path) -> None:
    """Compute the tables of an archived run; OutcomeError names those that come out otherwise."""
    kept = run / RESULTS / KEPT
    if not run.is_dir():
        known = ", ".join(sorted(path.parent.name for path in RUNS.glob("*/params.yaml")))
        raise OutcomeError(f"there is no run {run.name!r} in {RUNS}/; it has {known}")
    if not kept.is_file():
        raise OutcomeError(
            f"{run}/ holds no outcomes, so it cannot be analysed again; it was archived before "
            "runs kept them: run it anew and archive it with --force"
        )
    rows = outcomes.read_outcomes(kept)
    parameters = params.load(run / "params.yaml")
    outcomes.check(rows, parameters)
    stated = read_claims(run / CLAIMS.name)
    found = tables_of(rows, parameters, stated, fixing.unfixed_in(run, stated))
    archived = {
        name: path.read_text(encoding="utf-8")
        for name in found
        if (path := run / RESULTS / f"{name}.csv").is_file()
    }
    other = [
        name
        for name, text in archived.items()
        if text != tables.text(name, ordered(found[name], parameters))
    ]
    if other:
        raise OutcomeError(
            f"{run}/: {len(other)} of {len(archived)} tables come out otherwise "
            f"({', '.join(other)}); compare the code with the commit in its environment.json"
        )
    print(f"{run}/: all {len(archived)} tables come out the same, byte for byte.")


def tables_of(
    rows: outcomes.ByTask, parameters: Params, stated: Claims, unfixed: str
) -> dict[str, pd.DataFrame]:
    """Every table that rests on outcomes alone; `unfixed` is why there are no verdicts, if any."""
    values = measures.values(rows)
    found = {
        "position_bias": position_bias.position_bias(rows, parameters.analyze.confidence),
        **statistics(values, parameters),
        "margins": margins.margin_table(values, parameters.analysis, parameters.seed),
        "item_margins": margins.item_margins(values),
    }
    found["claims"] = verdicts(stated, found, parameters, unfixed)  # from numbers in full
    found["policies"] = policies.policy_table(rows, stated, parameters)
    effects, levels = (
        tables.with_digits(tables.TABLES[name], found[name]) for name in ("effects", "estimates")
    )
    chosen = parameters.analysis.headline
    changes = headline.performance_changes(effects, chosen)
    complete = headline.complete_results(levels, changes, chosen)
    return found | {
        "estimates": levels,
        "performance_changes": changes,
        "complete_results": complete,
    }


def statistics(values: pd.DataFrame, parameters: Params) -> dict[str, pd.DataFrame]:
    """The tables of the measures: levels, contrasts, effects, and what is made of them."""
    settings, seed = parameters.analysis, parameters.seed
    confidence = settings.confidence
    resampling = {"confidence": confidence, "resamples": settings.resamples, "seed": seed}
    full = values[values["model"].isin(fully_tested(values))]
    totals = clusters.cluster_totals(full)
    primary = [{"task": outcome.task, "measure": outcome.measure} for outcome in settings.primary]
    effects = paired.paired_effects(values, confidence=confidence)
    capability, sycophancy = headline.headline_measures(settings.headline)
    correlated = values[values["model"].isin([BASE, *settings.correlate])]
    pairs = list(product(*headline.headline_measures(settings.continuous)))
    schemes = ranking.weighting_schemes(capability, sycophancy, settings.schemes)
    readable = measures.readability(values, parameters.protocol, settings.readable)
    composed = composites.of_source_study(capability, sycophancy)
    return {
        "estimates": estimates.estimates(values, confidence=confidence),
        "contrasts": contrasts.contrasts(
            values,
            parameters.controls,
            readable=lambda *cell: readable[cell],
            confidence=confidence,
        ),
        "effects": correction.corrected(effects, primary, confidence=confidence),
        "correlation_analysis": correlation.correlations(
            clusters.cluster_totals(correlated), pairs, **resampling
        ),
        "composites": composites.composite_table(totals, composed, confidence=confidence),
        "rankings": ranking.rankings(totals, schemes, **resampling),
    }


def fully_tested(values: pd.DataFrame) -> list[str]:
    """Models that took every benchmark and sycophancy test."""
    wanted = set(BENCHMARKS + SYCOPHANCY_TESTS)
    taken = values.groupby("model", sort=False)["task"].agg(set)
    return [model for model, tasks in taken.items() if wanted <= tasks]


def verdicts(
    stated: Claims, found: dict[str, pd.DataFrame], parameters: Params, unfixed: str
) -> pd.DataFrame:
    """A verdict for every claim, from the unrounded tables."""
    about = set().union(*(claim.models for claim in stated.claims))
    absent = sorted(about - set(parameters.models))
    if absent:
        print(f"Claims on {', '.join(absent)} are not measured: params.yaml has no such adapter.")
    kinds = {
        "contrast": found["contrasts"],
        "correlation": found["correlation_analysis"].rename(columns={"correlation": "estimate"}),
        "margin": found["margins"],
        "margin_change": changes_of(found["margins"]),
    }
    return claims.assess(
        stated.claims,
        kinds,
        confidence=parameters.analyze.confidence,
        unfixed=unfixed,
        absent=absent,
        unasked=parameters.unasked,
        # the claims are about our own protocol's measures
        allow_unmeasured=parameters.protocol != "controlled",
    )


def changes_of(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns of change in the place of its levels."""
    changes = {"change": "estimate"} | {f"change_{name}": name for name in ("low", "high", "se")}
    return table.drop(columns=changes.values()).rename(columns=changes)


def training(parameters: Params) -> pd.DataFrame:
    """What each adapter was trained on and how its validation loss moved, per training seed.

    OutcomeError names a record that is missing, damaged or of other seeds than params.yaml asks.
    """
    columns = tables.TABLES["training"].columns
    rows = []
    for name in parameters.adapters:
        path = RESULTS / f"training/{name}.json"
        wanted = {str(seed) for seed in parameters.seeds(name)}
        again = f"run `python -m experiments.train {name}`"
        if not path.is_file():  # a pipe would be waited for
            raise OutcomeError(f"{path} is missing; {again}")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            seeds, own = record["seeds"], record.get("own_answers_gold", math.nan)
            whole = {"adapter": name, "method": record["method"], "own_answers_right": own}
            found = [run | whole | {"seed": seed} for seed, run in seeds.items()]
            rows += [{column.name: row[column.name] for column in columns} for row in found]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else error
            raise OutcomeError(f"{path} is no record of a training ({reason}); {again}") from None
        if set(seeds) != wanted:
            raise OutcomeError(
                f"{path} is of the training seeds {', '.join(seeds)}, and params.yaml "
                f"asks for {', '.join(sorted(wanted))}; {again}"
            )
    return pd.DataFrame(rows)


def ordered(table: pd.DataFrame, parameters: Params) -> pd.DataFrame:
    """Rows in the order of params.yaml's adapters, base first; other tables stay as they are."""
    column = next((name for name in ("model", "adapter_name") if name in table), None)
    if column is None or "scheme" in table:
        return table
    place = {model: number for number, model in enumerate(parameters.models)}
    return table.sort_values(column, key=lambda names: names.map(place), kind="stable")


if __name__ == "__main__":
    run_stage(main)
