"""Six sentences sum up what was found, whatever it is, and the dictionary has every table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from experiments import params, tables
from printing import tables as printed
from printing.findings import findings, on_benchmarks, standing
from printing.report import Report
from tests.paper.made import write

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = params.load(ROOT / "params.yaml")
SYCOPHANCY = [(one.task, one.measure) for one in PARAMETERS.analysis.primary]
CAPABILITY = [*PARAMETERS.analysis.continuous.items(), ("mmlu", "accuracy_pooled")]


def contrasts() -> pd.DataFrame:
    """Every adapter on every test, three seeds or one, beside nothing, base and its control."""
    rows = []
    for model in PARAMETERS.models:
        for task, measure in dict.fromkeys([*SYCOPHANCY, *CAPABILITY]):
            for against in ("nothing", "base", "control"):
                row = {"model": model, "task": task, "measure": measure, "against": against}
                seeds = len(PARAMETERS.seeds(model))
                row |= {"estimate": 0.4, "low": 0.3, "high": 0.5, "se": 0.05, "decimals": 2}
                row |= {"n": 12, "unit": "rate", "readable": True}
                once = seeds == 1 and model != "base"
                rows.append(row | {"status": "one training seed" if once else "ok"})
    return pd.DataFrame(rows)


def as_it_is(table: pd.DataFrame) -> pd.DataFrame:
    return table


def unreadable(table: pd.DataFrame) -> pd.DataFrame:
    gone = {"low": float("nan"), "high": float("nan"), "status": "not readable"}
    return table.assign(**gone)


def astride(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(low=-1.0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            as_it_is,
            ["+0.40 [+0.30, +0.50] (n = 12) on *Answer*", "3 lie above zero", "beyond chan"],
        ),
        (
            unreadable,
            ["not readable on *Answer*", "15 cannot be read", "MMLU is not readable"],
        ),
        (
            astride,
            [
                "0 lie above zero",
                "one at a time, lies above zero: none",
                "cannot be told from chance",
            ],
        ),
    ],
)
def test_there_are_six_and_each_is_logged(
    tmp_path: Path, changed: Callable[[pd.DataFrame], pd.DataFrame], said: list[str]
) -> None:
    verdicts = ["supported", "no verdict", "no verdict"]
    reasons = ["", "a, b: one training seed", "c, d: not readable"]
    for name, table in {
        "contrasts": changed(contrasts()),
        "claims": {"id": ["a", "b", "c"], "verdict": verdicts, "reason": reasons},
        "policies": {
            "policy": ["always_a", "oracle"],
            "verdict": ["inconclusive", "supported"],
            "allowed": [False, True],
        },
    }.items():
        write(tmp_path / "results", name, table)
    report = Report("index", tmp_path)
    found = findings(report, PARAMETERS)
    assert len(found) == 6 and all(text.endswith(".") and "nan" not in text for text in found)
    text = " ".join([*found, standing(report, PARAMETERS)])
    assert all(part in text for part in said)
    assert "1 supported, 0 contradicted and 2 without verdict" in text
    assert "1 for *one training seed* and 1 for *replies not readable*" in text
    assert "support 0 claims that their definition" in text
    log = report.log.read_text(encoding="utf-8")
    assert all(f"findings[{number}]" in log for number in range(1, 7))


def test_the_dictionary_has_every_table_and_column() -> None:
    text = printed.dictionary()
    for name, table in tables.TABLES.items():
        (paragraph,) = [one for one in text.split("\n\n") if one.startswith(f"**{name}**")]
        bounds = {bound for column in table.columns for bound in column.interval}
        for column in table.columns:
            assert (f"`{column.name}`, {column.meaning}" in paragraph) != (column.name in bounds)


def test_a_second_control_is_no_adapter_of_a_benchmark() -> None:
    shuffled = PARAMETERS.adapters["truthfulqa_shuffled"]
    own = replace(shuffled, labels="own")
    named = PARAMETERS.adapters | {"truthfulqa_own": own}
    named["truthfulqa"] = replace(named["truthfulqa"], control="truthfulqa_own")
    trained = on_benchmarks(replace(PARAMETERS, adapters=named))
    assert trained == ["gsm8k", "mmlu", "hellaswag", "truthfulqa", "combined"]
