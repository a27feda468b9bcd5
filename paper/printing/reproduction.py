"""Whether the run at hand came out as an archived one: parameters, tables and verdicts compared."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from experiments import tables
from printing.report import Report

# Keys of params.yaml on which no result rests.
APART = ("paper", "diff")


def other_parameters(here: Report, there: Report) -> list[str]:
    """The keys of params.yaml whose values the two runs do not share; defaults count."""
    one, other = (
        pd.json_normalize(asdict(run.parameters)).iloc[0].to_dict() for run in (here, there)
    )
    keys = [key for key in one | other if key.split(".")[0] not in APART]
    return [key for key in keys if one.get(key) != other.get(key)]


def compared(here: Report, there: Report) -> pd.DataFrame:
    """One row per table of both runs: cells in both, how many differ, rows of one alone."""
    rows = []
    for name in tables.OF_RUN:
        if not (here.has(name) and there.has(name)):
            continue
        one, other = (run.frame(name).set_index(list(tables.keys(name))) for run in (here, there))
        both = one.index.intersection(other.index)
        columns = [column for column in one if column in other]
        now, then = one.loc[both, columns], other.loc[both, columns]
        same = (now == then) | (now.isna() & then.isna())
        alone = len(one.index.symmetric_difference(other.index))
        rows.append(
            {"table": name, "cells": same.size, "differ": int((~same).sum().sum()), "alone": alone}
        )
    return pd.DataFrame(rows, columns=["table", "cells", "differ", "alone"])


def changed_verdicts(here: Report, there: Report) -> list[str]:
    """The claims on which the two runs have other verdicts."""
    one, other = (run.frame("claims").set_index("id")["verdict"] for run in (here, there))
    return [claim for claim in one.index if other.get(claim) != one[claim]]


def largest_move(here: Report, there: Report) -> float:
    """How far a contrast moved at most, in half-widths of its archived interval; NaN if none."""
    keys = list(tables.keys("contrasts"))
    one, other = (run.frame("contrasts").set_index(keys) for run in (here, there))
    half = (other["high"] - other["low"]) / 2
    moved = (one["estimate"] - other["estimate"]).abs() / half.where(half > 0)
    return float(moved.max())
