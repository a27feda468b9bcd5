"""Printed numbers: all that changed, and nothing else."""

import shutil
from io import StringIO

import pandas as pd
import pytest

from experiments.revisions.printed import Interval, Printed, independent, parsed_key
from printing import report as report_module
from tests.paper import made
from tests.revisions.repository import EFFECTS, SHIFT, numbers_of, printed


def test_a_changed_number_appears_wherever_it_is_printed_and_nothing_else(repository) -> None:
    repository.replace("results/effects.csv", "0.30,0.20,0.40", "0.70,0.60,0.80")
    repository.prints(*printed("0.70", "0.60", "0.80"))
    status, report = repository.run()
    assert status == 1
    rows = numbers_of(report)
    assert [row.split(" | ")[1] for row in rows] == ["0.30 [0.20, 0.40]"] * 2
    assert all(SHIFT in row for row in rows)
    assert rows[0].endswith("| index, methods |") and rows[1].endswith("| index |")
    assert "**2 of 4 printed numbers changed, 2 by more than noise.**" in report
    assert "model=mmlu" not in report


def test_a_document_older_than_its_table_is_named(repository) -> None:
    repository.replace("results/effects.csv", "0.30,0.20,0.40", "0.70,0.60,0.80")
    status, report = repository.run()
    assert status == 1
    rows = numbers_of(report)
    assert len(rows) == 2
    assert all(SHIFT in row and "(its table holds 0.70)" in row for row in rows)
    assert "2 numbers below disagree with the result table" in report
    repository.prints(*printed("0.50"))
    assert all("0.50 (its table holds 0.70)" in row for row in numbers_of(repository.run()[1])[:1])


def test_a_number_is_compared_with_its_table_at_the_printed_digits(repository) -> None:
    key = SHIFT.replace(".estimate", ".p")
    repository.prints(("index", key, "0.01", "0.01", "", ""), *printed()[1:2])
    repository.replace("results/effects.csv", "0.40,0.01", "0.40,0.0095")
    repository.commit()
    assert repository.run()[1].startswith("No printed number changed")
    repository.replace("results/effects.csv", "0.40,0.0095", "0.40,0.0200")
    repository.replace("results/effects.csv", "0.30,0.20,0.40", "0.30,0.15,0.40")
    (interval, p) = sorted(numbers_of(repository.run()[1]))
    assert "| 0.01 | 0.01 (its table holds 0.0200) | – | – |" in p
    assert "| 0.30 [0.20, 0.40] | 0.30 [0.20, 0.40] (its table holds 0.30) |" in interval


def test_the_reports_own_log_is_understood(bare) -> None:
    """paper/printing/report.py writes the keys and columns that are read here."""

    def render() -> None:
        report_module._read.cache_clear()
        report = report_module.Report("index", bare.root)
        for model in ("combined", "mmlu"):
            where = {"model": model, "task": "answer", "measure": "toward_error"}
            report.number("effects", "estimate", "+.2f", **where)
            report.number("effects", "p", **where)
        frame = report.frame("effects")
        report.table(
            frame,
            {"Model": "{model}", "Shift": "{estimate:+.2f} [{low:+.2f}, {high:+.2f}]"},
            "effects",
            ["model", "task", "measure"],
        )
        shutil.copy(bare.root / ".printed/index.csv", bare.root / "results/printed_numbers.csv")

    bare.write(".gitignore", ".printed/\n")
    effects = pd.read_csv(StringIO(EFFECTS))
    made.write(bare.root / "results", "effects", effects)
    render()
    bare.commit()
    effects.loc[effects["model"] == "mmlu", ["estimate", "low"]] = -0.15, -0.3
    made.write(bare.root / "results", "effects", effects)
    render()
    status, report = bare.run()
    assert status == 1
    rows = numbers_of(report)
    assert len(rows) == 2
    assert all("model=mmlu" in row and "−0.20 [" in row for row in rows)
    assert {key.split("].")[1].split("`")[0] for key in rows} == {"estimate", "Shift"}


def test_a_change_within_the_tolerance_passes(repository) -> None:
    repository.replace("params.yaml", "tolerance: 0.0 ", "tolerance: 0.05 ")
    repository.replace("results/effects.csv", "0.30,0.20", "0.34,0.20")
    repository.prints(*printed("0.34"))
    status, report = repository.run()
    assert status == 0
    assert all("tolerated" in row for row in numbers_of(report))
    repository.replace("results/effects.csv", "0.34,0.20", "0.36,0.20")
    repository.prints(*printed("0.36"))
    assert repository.run()[0] == 1
    assert repository.run("--report-only")[0] == 0


def test_new_and_removed_numbers_are_listed_but_do_not_fail(repository) -> None:
    rows = printed()
    rows[2] = ("index", "effects[model=new].estimate", "1.00", "1.00", "", "")
    repository.prints(*rows)
    status, report = repository.run()
    assert status == 0
    assert "No printed number changed." in report
    new, removed = numbers_of(report)
    assert "model=new" in new and "| – | 1.00 |" in new
    assert "model=mmlu" in removed and "index, no longer" in removed


def test_the_order_does_not_depend_on_chance(repository) -> None:
    rows = [
        ("index", f"t[row={n}].estimate", f"{n}.0", f"{n}.0", f"{n - 1}.0", f"{n + 1}.0")
        for n in range(1, 30)
    ]
    repository.prints(*rows)
    repository.commit()
    moved = [
        (*row[:2], *(f"{float(cell) + 9 * (n % 2):.1f}" for cell in row[2:]))
        for n, row in enumerate(rows)
    ]
    moved = [row if n % 2 else (*row[:2], row[2] + "0", *row[3:]) for n, row in enumerate(moved)]
    repository.prints(*moved)
    report = repository.run()[1]
    assert repository.run()[1] == report
    keys = [int(row.split("row=")[1].split("]")[0]) for row in numbers_of(report)]
    beyond, within = keys[:14], keys[14:]
    assert beyond == sorted(beyond) and all(key % 2 == 0 for key in beyond)
    assert within == sorted(within) and all(key % 2 == 1 for key in within)


def test_noise_is_judged_by_both_intervals() -> None:
    """Equal half-widths h: the change must exceed h times the root of two."""

    def change(by: float) -> Interval:
        numbers = [Printed("d", "k", "", at, at - 0.1, at + 0.1) for at in (0.0, by)]
        return independent(*numbers)

    assert not change(0.141).beyond_noise
    assert change(0.142).beyond_noise
    assert change(-0.142).beyond_noise
    assert change(0.1).low == pytest.approx(0.1 - 0.1 * 2**0.5)
    # A skewed interval counts on the side that faces the other number.
    skewed = Printed("d", "k", "", 0.0, -0.5, 0.01), Printed("d", "k", "", 0.1, 0.09, 0.6)
    assert independent(*skewed).beyond_noise
    assert independent(skewed[0], Printed("d", "k", "", 0.1)) is None


def test_a_column_may_have_bounds_of_its_own(repository) -> None:
    header = "model,composite,estimate,low,high,change,change_low,change_high\n"
    key = "composites[model=mmlu,composite=x].change"
    for change, low, high in (("0.10", "0.05", "0.15"), ("0.30", "0.25", "0.35")):
        text = f"{header}mmlu,x,0.5,0.4,0.6,{change},{low},{high}\n"
        repository.write("results/composites.csv", text)
        repository.prints(("index", key, change, change, low, high))
        report = repository.run()[1]
        repository.commit()
    (row,) = numbers_of(report)
    assert "| 0.10 [0.05, 0.15] | 0.30 [0.25, 0.35] | +0.20 [+0.13, +0.27] | **yes** |" in row


def test_percentages_are_compared_in_points(repository) -> None:
    key = "table[model=mmlu].Accuracy"
    repository.prints(("index", key, "38.0% [30.0%, 46.0%]", "", "", ""))
    repository.commit()
    repository.prints(("index", key, "35.5% [27.5%, 43.5%]", "", "", ""))
    (row,) = numbers_of(repository.run()[1])
    assert "−2.5 points [−13.8, +8.8] | no |" in row


def test_text_that_is_no_number_may_change_too(repository) -> None:
    repository.prints(("methods", "hashes[path=data].md5", "0d094a82", "", "", ""))
    repository.commit()
    repository.prints(("methods", "hashes[path=data].md5", "11111111", "", "", ""))
    assert repository.run()[0] == 1


def test_keys_with_commas_and_signs() -> None:
    key = "audit/changes[rows=six models, all,text=a=b].change"
    assert parsed_key(key) == (
        "audit/changes",
        {"rows": "six models, all", "text": "a=b"},
        "change",
    )
    assert parsed_key("no key") is None


def test_a_long_list_is_cut_and_counted(repository) -> None:
    repository.prints(*(("index", f"t[n={n}].x", "1", "1", "", "") for n in range(500)))
    repository.commit()
    repository.prints(*(("index", f"t[n={n}].x", "2", "2", "", "") for n in range(500)))
    report = repository.run()[1]
    assert "… and 460 more." in report
    assert len(report) < 20_000
