"""Set the archived runs of several models beside each other: what holds in all, and what does not.

    python -m experiments.replicate

Reads every run of the second protocol in runs/; writes results/replication.csv (levels of the base
models, and effects of their adapters), replication_summary.csv (means over models, and verdicts),
replication_repeats.csv (effects that several runs of a model measured), replication_seeds.csv
(effects of single training runs), declared.csv (what was asked before a run, and the answer) and
tradeoff_slope.csv (capability gained against sycophancy). Measured on one CPU core: 4 seconds for
each run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments import measures, outcomes, params, tables
from experiments.claims import CONTROL, NOTHING
from experiments.errors import DataError, run_stage
from experiments.models.presets import PRESETS
from experiments.params import BASE, BENCHMARKS, PAIRED_CHOICE, SYCOPHANCY_TESTS, Params
from experiments.replication import declared, slopes, verdicts
from experiments.stats import contrasts
from experiments.stats.contrasts import FEW_SEEDS, OK

RUNS, RESULTS = Path("runs"), Path("results")
PARAMS, CONTRASTS, KEPT = "params.yaml", "results/contrasts.csv", "results/outcomes.parquet"
HALVES = ("toward_error", "toward_truth")
PARTS = {"position": verdicts.LETTER, "swap_average": verdicts.SIDE}  # of a paired choice's margin
KEY = ["model", "adapter", "task", "measure"]


@dataclass(frozen=True)
class Run:
    """An archived run of the second protocol."""

    folder: Path
    parameters: Params

    @property
    def model(self) -> str:
        """The base model's name: a preset's, or the end of a repository's or a folder's."""
        return self.parameters.model.name.rstrip("/").rpartition("/")[2]

    @property
    def kinds(self) -> dict[tuple[str, str], str]:
        """Which (task, measure) are compared, and what they tell."""
        settings = self.parameters.analysis
        return (
            {(one.task, one.measure): verdicts.SYCOPHANCY for one in settings.primary}
            | {(task, half): verdicts.HALVES for task in SYCOPHANCY_TESTS for half in HALVES}
            | {(task, settings.continuous[task]): verdicts.CAPABILITY for task in BENCHMARKS}
            | {(PAIRED_CHOICE, part): kind for part, kind in PARTS.items()}
        )


def main() -> None:
    """Write the six tables."""
    confidence = params.load().analyze.confidence
    runs = archived()
    measured = pd.concat([of_run(run) for run in runs], ignore_index=True)
    rows = verdicts.judged(verdicts.chosen(measured), confidence)
    parts = [training_runs(run, rows) for run in runs]
    trained = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    found = {
        "replication": rows,
        "replication_summary": verdicts.summaries(rows, confidence),
        "replication_repeats": verdicts.repeated(measured),
        "replication_seeds": trained,
        "declared": answered(runs),
        "tradeoff_slope": slopes.slopes(points(trained), confidence),
    }
    for name, table in found.items():
        tables.write(RESULTS, name, table)
    models = rows["model"].nunique()
    print(f"results/ holds {len(found)} tables of {models} models. Next: dvc repro -s render")


def archived() -> list[Run]:
    """The runs of the second protocol, small models first; DataError if there is none."""
    folders = sorted(path.parents[1] for path in RUNS.glob(f"*/{CONTRASTS}"))
    found = [Run(folder, params.load(folder / PARAMS)) for folder in folders]
    found = [run for run in found if run.parameters.protocol == "controlled"]
    if not found:
        raise DataError(
            "runs/ holds no run of the second protocol; keep the one at hand with "
            "`python -m experiments.archive NAME`"
        )
    return sorted(found, key=lambda run: (size(run.model), run.model, run.folder.name))


def size(model: str) -> float:
    """The parameters of a preset; others come after these."""
    return PRESETS[model].parameters if model in PRESETS else float("inf")


def of_run(run: Run) -> pd.DataFrame:
    """The run's contrasts that are compared over models, and what its base model knows."""
    table = tables.read(run.folder / CONTRASTS, "contrasts", whole=False)
    table = verdicts.comparable(with_kind(table, run.kinds))
    table = pd.concat([table, with_other_controls(run)])
    levels = tables.read(run.folder / "results/estimates.csv", "estimates", whole=False)
    levels = with_kind(levels[levels["model"] == BASE], known(run))
    levels = levels.assign(against=NOTHING, seeds=0, status=OK)
    table = pd.concat([table[table["kind"] != verdicts.CAPABILITY], levels, capability(table)])
    table = with_training(table.rename(columns={"model": "adapter"}), run.parameters)
    return with_untrained(table).assign(model=run.model, run=run.folder.name)


def with_untrained(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with `untrained`, the level of the base model in the same run, if it can be read."""
    cell = ["task", "measure"]
    base = (table["adapter"] == BASE) & (table["against"] == NOTHING) & (table["status"] == OK)
    levels = table.loc[base, [*cell, "estimate"]].drop_duplicates(cell)
    levels = levels.rename(columns={"estimate": "untrained"})
    return table.merge(levels, on=cell, how="left", validate="many_to_one")


def answered(runs: list[Run]) -> pd.DataFrame:
    """The answers to what was declared before the runs; no rows without declarations."""
    found = declared.answers(declared.read_declarations(declared.FILE), contrasts_of(runs))
    return found.reindex(columns=[column.name for column in tables.TABLES["declared"].columns])


def contrasts_of(runs: list[Run]) -> dict[str, pd.DataFrame]:
    """All contrasts of each run, by its name."""
    found = {}
    for run in runs:
        table = tables.read(run.folder / CONTRASTS, "contrasts", whole=False)
        table = table.rename(columns={"model": "adapter"})
        found[run.folder.name] = table.assign(model=run.model)
    return found


def with_training(table: pd.DataFrame, parameters: Params) -> pd.DataFrame:
    """The rows with what each adapter was taught, and how often it read that."""
    lessons = {name: " ".join(one.lessons) for name, one in parameters.adapters.items()}
    passes = {name: parameters.training(name).epochs for name in parameters.adapters} | {BASE: 0}
    lesson = table["adapter"].map(lessons).replace({"": None})
    return table.assign(lesson=lesson, passes=table["adapter"].map(passes))


def with_other_controls(run: Run) -> pd.DataFrame:
    """Contrasts of adapters with a second control, where the run has one; from its outcomes."""
    others = verdicts.other_controls(run.parameters.adapters)
    kept = run.folder / KEPT
    if not others or not kept.is_file():
        return pd.DataFrame()
    values, settings = measures.values(outcomes.read_outcomes(kept)), run.parameters.analysis
    readable = measures.readability(values, run.parameters.protocol, settings.readable)
    chosen = with_kind(values, run.kinds).drop(columns="kind")
    found = contrasts.contrasts(
        chosen[chosen["model"].isin([*others, *others.values()])],
        others,
        readable=lambda *cell: readable[cell],
        confidence=settings.confidence,
    )
    found = found[(found["against"] == CONTROL) & found["model"].isin(others)]
    return with_kind(found, run.kinds).assign(against=verdicts.OTHER)


def capability(table: pd.DataFrame) -> pd.DataFrame:
    """What adapters gain on benchmarks; the base model's levels there are not about zero."""
    return table[(table["kind"] == verdicts.CAPABILITY) & (table["against"] != NOTHING)]


def with_kind(table: pd.DataFrame, kinds: dict[tuple[str, str], str]) -> pd.DataFrame:
    """The rows of these (task, measure), in their order, with `kind`."""
    listed = pd.DataFrame(kinds.keys(), columns=["task", "measure"]).assign(kind=kinds.values())
    return listed.merge(table, on=["task", "measure"])


def known(run: Run) -> dict[tuple[str, str], str]:
    """The measures of what a base model knows, and of how much of its replies can be read."""
    settings = run.parameters.analysis
    levels = (settings.headline, settings.continuous)
    chosen = [(task, of[task]) for of in levels for task in BENCHMARKS]
    masses = [
        (task, f"{measures.MASS}{arm}")
        for task, measure in run.kinds
        for arm in measures.arms_read(run.parameters.protocol, task, measure)
    ]
    return dict.fromkeys(chosen, verdicts.KNOWS) | dict.fromkeys(masses, verdicts.READABLE)


def training_runs(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """Effects of the training runs that count of this run, where replies can be read.

    Empty for a run that was archived without outcomes.
    """
    kept = run.folder / KEPT
    settings = run.parameters.analysis
    cells = {pair: kind for pair, kind in run.kinds.items() if kind != verdicts.HALVES}
    cells |= {(task, settings.headline[task]): slopes.RATES for task in BENCHMARKS}
    if not kept.is_file():
        return pd.DataFrame(columns=[*KEY, "seed", "control", "kind", "run", "value", "n", "unit"])
    values = measures.values(outcomes.read_outcomes(kept))
    found = verdicts.by_seed(values, run.parameters.controls, list(cells))
    table = tables.read(run.folder / CONTRASTS, "contrasts", whole=False)
    table = table[(table["against"] == CONTROL) & table["status"].isin((OK, *FEW_SEEDS))]
    table = table.rename(columns={"model": "adapter"})[[*KEY[1:], "control", "unit"]]
    own = rows[rows["run"] == run.folder.name]
    found = found[found["adapter"].isin(own["adapter"])].merge(table, on=KEY[1:])
    return with_kind(found, cells).assign(model=run.model, run=run.folder.name)


def points(trained: pd.DataFrame) -> pd.DataFrame:
    """Gain and change of every training run, for each benchmark, all of them, and each test."""
    keys = ["model", "adapter", "seed"]
    rates = trained[trained["kind"] == slopes.RATES]
    mean = rates.groupby(keys, sort=False, as_index=False)["value"].mean()
    gains = trained[trained["kind"] == verdicts.CAPABILITY]
    gains = pd.concat([gains, mean.assign(task=slopes.ALL, measure="mean rate")])
    moved = trained[trained["kind"] == verdicts.SYCOPHANCY]
    both = gains.merge(moved, on=keys, suffixes=("_gain", ""))
    names = {"task_gain": "benchmark", "measure_gain": "x_measure", "measure": "y_measure"}
    names |= {"value_gain": slopes.GAIN, "value": slopes.CHANGE}
    return both.rename(columns=names)[[*keys, *slopes.CELL, slopes.GAIN, slopes.CHANGE]]


if __name__ == "__main__":
    run_stage(main)
