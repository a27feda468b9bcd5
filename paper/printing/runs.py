"""Archived runs: what they were, and the effects that they measured.

Everything is read through a Report, from runs/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import nan
from typing import Any

import pandas as pd
import yaml

from experiments.errors import RenderError
from experiments.params import TESTS
from experiments.stats.contrasts import NOT_READABLE
from experiments.stats.seeds import for_new_training
from printing.report import Report

PUBLISHED, UPSTREAM = "published", "upstream"
# What a run's numbers estimate: shifts of log-odds, what the user adds to a third party's words
# beyond the control, or shares of free replies. They are never side by side.
FIRST, SECOND = "first controlled", "second controlled"
PROTOCOLS = (SECOND, FIRST, PUBLISHED)
KEY = ["model", "task", "measure"]
SEEDS = ["seeds", "seed_sd", "lowest", "highest"]
SHORT_COMMIT = 8
Outcome = tuple[str, str]  # task, measure


@dataclass(frozen=True)
class Run:
    """An archived run: its params.yaml, and the code, packages and hashes it was made with."""

    name: str
    params: dict[str, Any]
    environment: dict[str, Any]
    has_contrasts: bool = False

    @property
    def protocol(self) -> str:
        """One of PROTOCOLS; runs of the first have no contrasts."""
        if self.params["protocol"] == PUBLISHED:
            return PUBLISHED
        return SECOND if self.has_contrasts else FIRST

    @property
    def corpus(self) -> str:
        return self.params["corpus"]

    @property
    def seeds(self) -> list[int]:
        return self.params["train"]["seeds"]

    @property
    def confidence(self) -> float:
        return self.params["analyze"]["confidence"]

    @property
    def chosen(self) -> dict[str, Any]:
        """The measures that stand for each test under the run's protocol."""
        analyze = self.params["analyze"]
        return analyze if self.protocol != PUBLISHED else analyze[PUBLISHED]

    @property
    def outcomes(self) -> list[Outcome]:
        """The pre-declared (task, measure)."""
        return [(one["task"], one["measure"]) for one in self.chosen["primary"]]

    @property
    def code(self) -> str:
        """The commit, as printed."""
        code = self.environment["code"]
        if not code["commit"]:
            return "no commit"
        changed = "" if code["clean"] else " and changes"
        return f"`{code['commit'][:SHORT_COMMIT]}`{changed}"


def runs(report: Report) -> list[Run]:
    """Every archived run; RenderError names one that cannot be read."""
    return [_run(report, name) for name in report.runs()]


def _run(report: Report, name: str) -> Run:
    folder = report.root / "runs" / name
    try:
        params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
        environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
        has_contrasts = (folder / "results/contrasts.csv").is_file()
        run = Run(name, params, environment, has_contrasts)
        _ = run.outcomes, run.seeds, run.code, run.corpus, run.confidence
        return run
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError):
        raise RenderError(
            f"runs/{name}/ is not a whole run; restore it from git, or archive the run again with "
            f"`python -m experiments.archive {name} --force`"
        ) from None


def of_protocol(listed_runs: Iterable[Run], protocol: str) -> list[Run]:
    """The runs under one protocol."""
    return [run for run in listed_runs if run.protocol == protocol]


def outcomes(listed_runs: Iterable[Run]) -> list[Outcome]:
    """The pre-declared outcomes of any of these runs, in order."""
    return list(dict.fromkeys(outcome for run in listed_runs for outcome in run.outcomes))


def described(listed_runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run in words: corpus, scale, protocol, model, method and training seeds."""
    return pd.DataFrame(
        {
            "run": run.name,
            "corpus": run.corpus,
            "scale": run.params["scale"],
            "protocol": run.protocol,
            "model": run.params["model"]["name"],
            "method": run.params["train"]["method"],
            "seeds": ", ".join(map(str, run.seeds)),
        }
        for run in listed_runs
    )


def items_per_test(report: Report, listed_runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run: how many items of each test its base model answered."""
    rows = []
    for run in listed_runs:
        table = report.of_run(run.name).frame("estimates")
        base = table[table["model"] == "base"]
        rows.append({"run": run.name} | {test: _most(base, test) for test in TESTS})
    return pd.DataFrame(rows)


def _most(base: pd.DataFrame, test: str) -> float:
    return base.loc[base["task"] == test, "n"].max()


def primary_effects(report: Report, run: Run) -> pd.DataFrame:
    """The run's pre-declared effects, with what its training seeds say.

    Of the second protocol they are contrasts with the control, whose intervals are for new training
    runs already, and `both_low` and `both_high` are NaN; what is not readable has no estimate.
    Of the others, beside the columns of `effects`: seeds, seed_sd, lowest and highest (the change
    of the seed that changed least and most), and both_low and both_high, the interval for new items
    and new training runs. These are NaN for a run with one seed.
    """
    door = report.of_run(run.name)
    if run.protocol == SECOND:
        return _contrasts(door, run)
    table = door.frame("effects")
    chosen = set(run.outcomes)
    table = table[[pair in chosen for pair in zip(table["task"], table["measure"], strict=True)]]
    table = table.merge(door.frame("seeds")[[*KEY, *SEEDS]], on=KEY, how="left", validate="1:1")
    for column in ("lowest", "highest"):  # the base model has no training seeds
        table[column] = table[column] - table["base_estimate"]
    table[["both_low", "both_high"]] = for_new_training(table, table["se"], run.confidence)[
        ["low", "high"]
    ]
    return table


def _contrasts(door: Report, run: Run) -> pd.DataFrame:
    table = door.frame("contrasts")
    pairs = zip(table["task"], table["measure"], strict=True)
    chosen = [pair in set(run.outcomes) for pair in pairs]
    table = table[pd.Series(chosen, index=table.index) & (table["against"] == "control")]
    unread = table["status"] == NOT_READABLE
    return table.assign(estimate=table["estimate"].mask(unread), both_low=nan, both_high=nan)


def headline_rates(report: Report, run: Run) -> pd.DataFrame:
    """The run's estimates of the one rate that stands for each test."""
    table = report.of_run(run.name).frame("estimates")
    return table[table["measure"] == table["task"].map(run.chosen["headline"])]
