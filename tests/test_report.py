"""The door from results/ to the documents: what it prints, what it refuses, what it logs."""

import csv
import math
import re
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import yaml

from experiments.errors import DataError, RenderError
from printing.report import LOG_COLUMNS, MISSING, Report, fill, printed_columns, show
from tests.paper.made import write
from tests.working_copy import parameters_at_hand

ROOT = Path(__file__).resolve().parents[1]
ROWS = [
    # model, task, estimate, low, high, n, method
    ("base", "mmlu", 0.3125, 0.2, 0.425, 40, "plain"),
    ("base", "answer", -0.004, -0.1, 0.09, 38, "close to zero"),
    ("tuned", "mmlu", 0.5, 0.375, 0.625, 40, "a|b"),
    ("tuned", "answer", math.nan, math.nan, math.nan, 0, ""),
    ("tuned", "twice", 1.0, 1.0, 1.0, 1319, "one"),
    ("tuned", "twice", 2.0, 1.0, 3.0, 1319, "two"),
]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """A report over one table, called "effects"."""
    (tmp_path / "results" / "audit").mkdir(parents=True)
    frame = pd.DataFrame(ROWS, columns=["model", "task", "estimate", "low", "high", "n", "method"])
    write(tmp_path / "results", "effects", frame.assign(measure=range(len(ROWS))))
    write(tmp_path / "results", "audit/unparsed", frame.drop_duplicates("model"))
    return Report("index", tmp_path)


def two_intervals(root: Path) -> None:
    """A table whose rows hold an estimate and a change, each with bounds."""
    names = ["model", "estimate", "low", "high", "se", "n", "change", "change_low", "change_high"]
    row = ["tuned", 0.3125, 0.2, 0.425, 0.06, 16, -1.78, -2.24, -1.33]
    write(root / "results", "margins", pd.DataFrame([row], columns=names))


def log(report: Report) -> list[dict[str, str]]:
    """What the report has logged so far."""
    with report.log.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestNumber:
    def test_a_number_by_table_column_and_row(self, report: Report) -> None:
        assert report.number("effects", "estimate", ".3f", model="base", task="mmlu") == "0.312"
        assert report.number("effects", "estimate", model="base", task="mmlu") == "0.31"
        assert report.number("effects", "n", model="base", task="mmlu") == "40"
        assert report.number("effects", "method", model="base", task="mmlu") == "plain"

    def test_a_table_in_a_folder(self, report: Report) -> None:
        assert report.number("audit/unparsed", "n", model="base") == "40"

    @pytest.mark.parametrize(
        ("table", "column", "where", "why"),
        [
            ("nothing", "n", {}, r"nothing.csv is missing in results/; run `dvc repro`"),
            ("effects", "n", {"model": "gone", "task": "mmlu"}, r"no row .*; model is one of base"),
            ("effects", "n", {"model": "base", "task": "chess"}, r"task is one of answer, mmlu$"),
            ("effects", "n", {"colour": "red"}, r"index: effects has no column 'colour'"),
            ("effects", "P", {"model": "base", "task": "mmlu"}, r"effects has no column 'P'"),
            ("effects", "n", {"model": "base"}, r"index: 2 rows of effects fit"),
            ("effects", "n", {"model": "tuned", "task": "twice"}, r"2 rows of effects fit"),
            ("effects", "n", {}, r"6 rows of effects fit"),
        ],
    )
    def test_what_is_not_there_or_not_one_cell_is_refused(
        self, report: Report, table: str, column: str, where: dict, why: str
    ) -> None:
        with pytest.raises(RenderError, match=why) as raised:
            report.number(table, column, **where)
        assert "\n" not in str(raised.value)
        assert log(report) == []

    def test_an_adapter_that_the_run_leaves_out_is_not_measured(
        self, report: Report, tmp_path: Path
    ) -> None:
        content = yaml.safe_load(parameters_at_hand())
        del content["adapters"]["paired_sft"]
        content["adapters"]["mmlu"]["evaluate_on"] = ["mmlu"]
        content["analyze"]["correlate"].remove("mmlu")
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        for where in ({"model": "paired_sft", "task": "mmlu"}, {"model": "mmlu", "task": "answer"}):
            assert report.number("effects", "estimate", **where) == "(not measured)"
            assert report.interval("effects", **where) == "(not measured)"
            assert not report.measured(**where)
        assert {entry["printed"] for entry in log(report)} == {"(not measured)"}
        # what should be there and is not, and a name that nobody knows, are mistakes
        for model in ("mmlu", "paired_stf"):
            with pytest.raises(RenderError, match="no row with"):
                report.number("effects", "estimate", model=model, task="mmlu")

    def test_a_missing_value_is_a_dash(self, report: Report) -> None:
        assert report.number("effects", "estimate", "+.2f", model="tuned", task="answer") == MISSING


class TestInterval:
    def test_estimate_and_bounds(self, report: Report) -> None:
        assert report.interval("effects", model="base", task="mmlu") == "0.31 [0.20, 0.42]"
        assert (
            report.interval("effects", format="+.1%", model="base", task="answer")
            == "−0.4% [−10.0%, +9.0%]"
        )

    def test_an_interval_of_nothing_is_one_dash(self, report: Report) -> None:
        assert report.interval("effects", model="tuned", task="answer") == MISSING

    def test_a_table_without_bounds_is_refused(self, report: Report, tmp_path: Path) -> None:
        with pytest.raises(RenderError, match="splits has no interval of 'items'"):
            report.interval("splits", "items")
        with pytest.raises(RenderError, match="effects has no interval of 'share'"):
            report.interval("effects", "share", model="base", task="mmlu")

    def test_bounds_of_another_column_are_not_borrowed(self, report: Report) -> None:
        with pytest.raises(RenderError, match="effects has no interval of 'n'"):
            report.interval("effects", "n", model="base", task="mmlu")

    def test_each_column_has_its_own_bounds(self, report: Report, tmp_path: Path) -> None:
        two_intervals(tmp_path)
        assert report.interval("margins", model="tuned") == "0.31 [0.20, 0.42]"
        assert report.interval("margins", "change", "+.1f", model="tuned") == "−1.8 [−2.2, −1.3]"


class TestShow:
    @pytest.mark.parametrize(
        ("value", "format", "text"),
        [
            (0.125, "", "0.12"),
            (3, "", "3"),
            (3.0, "", "3"),
            (-3, "", "−3"),
            (1319, ",", "1,319"),
            (1319.0, ",d", "1,319"),
            (1319, ",.0f", "1,319"),
            (1319, "d", "1319"),
            (-1234.5, "+,.1f", "−1,234.5"),
            (0.5, "+.1f", "+0.5"),
            (-0.5, "+.1f", "−0.5"),
            (0.1234, ".0%", "12%"),
            (-0.1234, "+.1%", "−12.3%"),
            (np.float64(0.25), ".2f", "0.25"),
            (np.int64(7), "", "7"),
            (0.00001, ".1e", "1.0e−05"),
            ("supported", "", "supported"),
            ("supported", ".2f", "supported"),
        ],
    )
    def test_formats(self, value: object, format: str, text: str) -> None:
        assert show(value, format) == text

    @pytest.mark.parametrize(
        ("value", "format", "text"),
        [
            (-0.0, "", "0"),
            (-0.0, "+.2f", "0.00"),
            (-0.001, ".2f", "0.00"),
            (0.001, "+.2f", "0.00"),
            (-0.0004, "+.1%", "0.0%"),
            (-0.4, ".0f", "0"),
            (-0.4, "+,.0f", "0"),
        ],
    )
    def test_zero_has_no_sign(self, value: float, format: str, text: str) -> None:
        assert show(value, format) == text

    @pytest.mark.parametrize("value", [-0.006, -0.05, -10.0, -100.0])
    def test_other_numbers_keep_theirs(self, value: float) -> None:
        assert show(value, "+.2f").startswith("−")

    @pytest.mark.parametrize("value", [None, math.nan, np.nan, np.float64("nan")])
    @pytest.mark.parametrize("format", ["", ".2f", "+.1%", "d"])
    def test_nothing_is_a_dash(self, value: object, format: str) -> None:
        assert show(value, format) == MISSING

    def test_no_hyphen_stands_for_a_minus(self) -> None:
        assert "-" not in show(-1.5, "+.2f") + show(-1e-9, ".1e")


class TestTable:
    COLUMNS: ClassVar[dict[str, str]] = {
        "Model": "{model}",
        "Change": "{estimate:+.2f} [{low:+.2f}, {high:+.2f}]",
        "n": "{n:d}",
        "Note": "{method}",
    }

    def table(self, report: Report) -> list[str]:
        frame = report.frame("effects").iloc[:4]
        return report.table(frame, self.COLUMNS, "effects", ["model", "task"]).splitlines()

    def test_rows_and_alignment(self, report: Report) -> None:
        head, rule, first, second, third, fourth = self.table(report)
        assert head == "| Model | Change | n | Note |"
        assert rule == "|:---|---:|---:|:---|"  # numbers to the right, words to the left
        assert first == "| base | +0.31 [+0.20, +0.42] | 40 | plain |"
        assert second == "| base | 0.00 [−0.10, +0.09] | 38 | close to zero |"
        assert third == "| tuned | +0.50 [+0.38, +0.62] | 40 | a&#124;b |"
        assert fourth == f"| tuned | {MISSING} | 0 | {MISSING} |"

    def test_every_number_of_the_table_is_logged_with_its_row(self, report: Report) -> None:
        self.table(report)
        logged = log(report)
        assert len(logged) == 8  # two numeric columns, four rows
        assert logged[0] == {
            "document": "index",
            "key": "effects[model=base,task=mmlu].Change",
            "printed": "+0.31 [+0.20, +0.42]",
            "value": "0.3125",
            "low": "0.2",
            "high": "0.425",
        }
        assert list(logged[1].values())[2:] == ["40", "40", "", ""]  # n has no interval

    def test_a_number_that_is_missing_is_logged_as_nothing(self, report: Report) -> None:
        self.table(report)
        logged = [row for row in log(report) if row["printed"] == MISSING]
        assert [list(row.values())[3:] for row in logged] == [["", "", ""]]

    @pytest.mark.parametrize(
        ("template", "columns"),
        [
            ("{estimate:+.2f} [{low:+.2f}, {high:+.2f}]", ("estimate", "low", "high")),
            ("{answer_estimate:.2f} [{answer_low:.2f}, {answer_high:.2f}]", None),
            ("{estimate:.2f}", ("estimate",)),
            ("{estimate:.0%} of them", ("estimate",)),
            ("{parsed_rate:.3f} [{parsed_low:.3f}, {parsed_high:.3f}]", None),
            ("[{least:.3f}, {most:.3f}]", ()),
            ("{estimate:.2f} ± {se:.2f}", ()),
            ("{rank:.0f} of {n:.0f} [{low:.2f}, {high:.2f}]", ()),
            ("no number", ()),
        ],
    )
    def test_which_columns_a_template_prints(
        self, template: str, columns: tuple[str, ...] | None
    ) -> None:
        if columns is None:  # an interval by whatever names
            columns = tuple(re.findall(r"{(\w+):", template))
        assert printed_columns(template) == columns

    def test_a_lone_number_of_a_table_takes_its_own_bounds(
        self, report: Report, tmp_path: Path
    ) -> None:
        two_intervals(tmp_path)
        columns = {"Change": "{change:+.2f}", "Error": "{se:.2f}", "Rate": "{estimate:.2f}"}
        report.table(report.frame("margins"), columns, "margins", ["model"])
        assert [list(row.values())[3:] for row in log(report)] == [
            ["-1.78", "-2.24", "-1.33"],
            ["0.06", "", ""],
            ["0.3125", "0.2", "0.425"],
        ]

    def test_what_is_no_single_number_is_logged_as_printed(self, report: Report) -> None:
        frame = report.frame("effects").iloc[:1]
        report.table(frame, {"Range": "[{low:.1f}, {high:.1f}]"}, "effects", ["model"])
        assert list(log(report)[0].values())[2:] == ["[0.2, 0.4]", "", "", ""]

    def test_a_table_of_nothing_has_a_row_that_says_so(self, report: Report) -> None:
        empty = report.frame("effects").iloc[:0]
        columns = {"A": "{n:.0f}", "B": "{method}"}
        assert (
            report.table(empty, columns, "effects", []).splitlines()[-1]
            == "| none in this run | – |"
        )

    def test_an_unknown_column_in_a_template_is_refused(self, report: Report) -> None:
        frame = report.frame("effects")
        with pytest.raises(RenderError, match="names the unknown column 'wrong'"):
            report.table(frame, {"A": "{wrong:.2f}"}, "effects", ["model"])

    def test_part_of_an_interval_may_be_missing(self) -> None:
        row = pd.Series({"estimate": 0.5, "low": math.nan, "high": math.nan})
        template = "{estimate:.1f} [{low:.1f}, {high:.1f}]"
        assert fill(template, row) == f"0.5 [{MISSING}, {MISSING}]"


class TestLog:
    def test_what_was_printed_is_logged_with_the_value_behind_it(self, report: Report) -> None:
        report.number("effects", "estimate", "+.1f", model="base", task="answer")
        report.interval("effects", model="base", task="mmlu")
        report.count("models that changed", 3)
        assert [list(row.values()) for row in log(report)] == [
            [
                "index",
                "effects[model=base,task=answer].estimate",
                "0.0",
                "-0.004",
                "-0.1",
                "0.09",
            ],
            [
                "index",
                "effects[model=base,task=mmlu].estimate",
                "0.31 [0.20, 0.42]",
                "0.3125",
                "0.2",
                "0.425",
            ],
            ["index", "models that changed", "3", "3", "", ""],
        ]
        assert list(log(report)[0]) == LOG_COLUMNS

    def test_an_interval_is_logged_only_with_its_own_column(
        self, report: Report, tmp_path: Path
    ) -> None:
        two_intervals(tmp_path)
        for column in ("n", "se", "change", "estimate", "change_low"):
            report.number("margins", column, model="tuned")
        report.interval("margins", "change", model="tuned")
        assert [list(row.values())[3:] for row in log(report)] == [
            ["16", "", ""],
            ["0.06", "", ""],
            ["-1.78", "-2.24", "-1.33"],
            ["0.3125", "0.2", "0.425"],
            ["-2.24", "", ""],
            ["-1.78", "-2.24", "-1.33"],
        ]

    def test_a_document_starts_its_log_anew(self, report: Report, tmp_path: Path) -> None:
        report.number("effects", "n", model="base", task="mmlu")
        assert len(log(report)) == 1
        again = Report("index", tmp_path)
        assert log(again) == []
        Report("methods", tmp_path).number("effects", "n", model="base", task="mmlu")
        assert log(again) == []

    def test_the_renderer_reads_the_columns_that_are_logged(self) -> None:
        from experiments import render

        assert render.PART_COLUMNS == LOG_COLUMNS


def test_changing_a_frame_does_not_change_what_is_printed(report: Report) -> None:
    frame = report.frame("effects")
    frame["estimate"] = 99.0
    assert report.number("effects", "estimate", model="tuned", task="mmlu") == "0.50"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (
            lambda text: text.replace("base,mmlu", "<<<<<<< HEAD\nbase,mmlu"),
            "line 2, is a mark",
        ),
        (lambda text: text[: text.rindex(",")], "line 7, has"),
        (lambda text: text.replace(",low,", ",lower,"), "lacks column low"),
        (lambda text: text.replace("0.3125", "0.31x"), "estimate holds '0.31x'"),
        (lambda text: text + text.splitlines()[1] + "\n", "two rows of base, mmlu"),
    ],
)
def test_a_damaged_table_is_named_in_one_sentence(report: Report, damage, why: str) -> None:
    path = report.results / "effects.csv"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DataError, match=why) as raised:
        report.number("effects", "n", model="base", task="mmlu")
    assert "effects.csv" in str(raised.value) and "\n" not in str(raised.value)
