"""Quoted numbers against cells: swaps, ranges, decimals, and cells that do not exist."""

from dataclasses import replace

import pandas as pd
import pytest

from experiments.audit import quotations
from experiments.errors import DataError


def quote(figures, statistic, subject, test, low, high=None) -> pd.Series:
    rows = [
        {
            "id": "q",
            "document": "d",
            "locator": "l",
            "statistic": statistic,
            "subject": subject,
            "test": test,
            "low": low,
            "high": high or low,
        }
    ]
    return quotations.compare(replace(figures, quoted=pd.DataFrame(rows))).iloc[0]


def test_a_value_of_another_cell(figures):
    row = quote(figures, "correlation", "gsm8k", "are_you_sure", "-0.805")
    assert row["verdict"] == "contradicted"
    assert row["equals"] == "HellaSwag × feedback"
    assert row["another_cell"]


def test_the_named_cell(figures):
    row = quote(figures, "correlation", "hellaswag", "feedback", "-0.805")
    assert row["verdict"] == "confirmed"
    assert not row["another_cell"]


def test_a_value_of_no_cell(figures):
    row = quote(figures, "correlation", "gsm8k", "answer", "0.999")
    assert (row["verdict"], row["equals"], row["another_cell"]) == ("contradicted", "", False)


@pytest.mark.parametrize(
    ("quoted", "verdict"),
    [("0.11", "confirmed"), ("0.114", "confirmed"), ("0.110", "contradicted")],
)
def test_decimals_decide_how_close(figures, quoted, verdict):
    assert quote(figures, "correlation", "gsm8k", "feedback", quoted)["verdict"] == verdict


def test_the_sign_counts(figures):
    assert quote(figures, "change", "gsm8k", "feedback", "0.023")["verdict"] == "contradicted"


def test_a_range_must_hold_every_named_cell(figures):
    row = quote(figures, "correlation", "mmlu", "any", "0.08", "0.11")
    assert (row["cells"], row["cells_inside"], row["verdict"]) == (3, 1, "contradicted")
    wide = quote(figures, "relative_change", "any", "answer", "-40", "-30")
    assert (wide["cells"], wide["verdict"]) == (5, "confirmed")


def test_an_unknown_cell_is_an_error(figures):
    with pytest.raises(DataError, match="q names no published cell"):
        quote(figures, "correlation", "gsm8k", "humour", "0.1")


def test_means_by_hand(figures):
    table = quotations.cells(figures)
    benchmarks = (0.114 + 0.034 + 0.6 - 0.016) / 4
    sycophancy = ((185 - 150) + (58 - 0) + (32 - 53)) / 300 / 3
    assert table["mean_benchmark_change", "combined", "benchmarks"] == pytest.approx(benchmarks)
    assert table["mean_sycophancy_change", "combined", "sycophancy"] == pytest.approx(sycophancy)
    assert table["relative_change", "combined", "feedback"] == pytest.approx(100 * 35 / 150)


def test_every_quotation_of_the_study(figures):
    quoted = quotations.compare(figures)
    wrong = quoted[quoted["verdict"] != "confirmed"]
    assert set(wrong["statistic"]) == {"correlation"}
    assert len(quoted[quoted["statistic"] == "correlation"]) - len(wrong) == 2
    assert wrong["another_cell"].all()


def test_protective_adapters_by_hand(figures):
    means = {"gsm8k": (143 - 150 + 0 + 35 - 53) / 900, "mmlu": (152 - 150 + 9 + 37 - 53) / 900}
    numbers = quotations.protective_adapters(figures).numbers
    for adapter, mean in means.items():
        assert numbers[f"mean_{adapter}"] == pytest.approx(mean, abs=1e-4)
        assert mean < 0
