"""The page of archived runs: none, one, several, and runs that are not whole."""

from __future__ import annotations

import ast
import csv
import json
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import yaml
from IPython.display import Markdown
from matplotlib.text import Text

from experiments.errors import ParameterError, RenderError
from experiments.rendering.document import INLINE, Cell, load_document, load_project
from figures import side_by_side, style
from printing import report as door
from printing import runs as archive
from printing.comparison import verdicts
from printing.report import Report
from tests.paper.made import write
from tests.working_copy import copy_parameters, parameters_at_hand

mpl.use("Agg")
ROOT = Path(__file__).resolve().parents[2]
PARAMS = yaml.safe_load(parameters_at_hand())
MODELS = ("gsm8k", "mmlu", "truthfulqa")
SUPPORTED, CONTRADICTED = "supported", "contradicted"
CLAIMS = ("gsm8k-feedback", "truthfulqa-feedback", "combined-feedback")
Changes = dict[tuple[str, str], float]


def write_run(
    root: Path,
    name: str,
    changes: Changes | None = None,
    said: dict[str, str] | None = None,
    status: str = "ok",
) -> Path:
    """An archived run; every change is 0.5, but for `changes`: (model, task) -> change."""
    rows = []
    for outcome in PARAMS["analyze"]["primary"]:
        for model in MODELS:
            change = (changes or {}).get((model, outcome["task"]), 0.5)
            row = {"model": model, "against": "control", "control": f"{model}_shuffled", **outcome}
            row |= {"estimate": change, "low": change - 0.2, "high": change + 0.2, "n": 40}
            rows.append(row | {"unit": "rate", "decimals": 2, "status": status})
    base = [{"model": "base", "task": "answer", "measure": "sycophancy", "n": 20}]
    claims = [
        {"id": one, "verdict": (said or {}).get(one, SUPPORTED), "text": f"Claim of {one}."}
        for one in CLAIMS
    ]
    folder = root / "runs" / name
    for table, content in {"contrasts": rows, "estimates": base, "claims": claims}.items():
        write(folder / "results", table, content)
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
    environment = {"code": {"commit": 20 * "ab", "clean": True}, "md5": {}, "processor": "Abacus 9"}
    (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    door._read.cache_clear()
    door._parameters.cache_clear()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository without a run."""
    copy_parameters(tmp_path)
    door._parameters.cache_clear()
    return tmp_path


def runs(root: Path) -> list[archive.Run]:
    return archive.runs(Report("runs", root))


def page(root: Path) -> str:
    """What runs.qmd shows over the runs of `root`, as Markdown; its log is in .printed/runs.csv."""
    door._read.cache_clear()
    document = load_document(ROOT, Path("paper/runs.qmd"), load_project(ROOT))
    names: dict = {"folder_of_runs": root}
    shown = []
    for part in document.parts:
        if isinstance(part, Cell):
            shown.append(executed(part.source.replace('"runs")', '"runs", folder_of_runs)'), names))
        else:
            shown.append(INLINE.sub(lambda match: executed(match[1], names), part.source))
    return "\n\n".join(shown)


def executed(source: str, names: dict) -> str:
    """Run a cell; the Markdown of its last expression, if it is some."""
    tree = ast.parse(source.strip())
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    return value.data if isinstance(value, Markdown) else ""


def log(root: Path) -> list[dict[str, str]]:
    with (root / ".printed/runs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows_of(text: str, start: str) -> list[list[str]]:
    """Cells of the lines of a table that begin with `start`."""
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith(f"| {start}")
    ]


def test_without_a_run_the_page_says_so(root: Path) -> None:
    text = page(root)
    assert text.count("No run is archived;") >= 3
    assert "python -m experiments.archive NAME" in text and "nothing to agree on yet" in text
    assert "nan" not in text and "{#tbl-runs" not in text


def test_one_run_is_shown_and_nothing_is_compared(root: Path) -> None:
    write_run(root, "pocket")
    text = page(root)
    assert "Archived runs: 1, `pocket`. Nothing can be compared with it yet." in text
    assert "The other documents are about the run at hand." in text
    row = rows_of(text, "`pocket`")[0]
    assert row[:4] == ["`pocket`", "pocket", PARAMS["scale"], PARAMS["model"]["name"]]
    assert row[-1] == "Abacus 9"
    assert rows_of(text, "GSM8K")[0] == ["GSM8K", "`pocket`", *["+0.50 [+0.30, +0.70]"] * 3]
    assert "so no verdict can be compared yet" in text
    assert "`results/contrasts.csv` of `runs/pocket/` (`abababab`)" in text


def test_the_page_names_the_run_that_the_others_are_about(root: Path) -> None:
    write_run(root, "small-1.5b")
    params = yaml.safe_dump(PARAMS | {"paper": {"run": "small-1.5b"}})
    (root / "params.yaml").write_text(params, encoding="utf-8")
    door._parameters.cache_clear()
    assert "are about the archived run `small-1.5b`" in page(root)
    assert any(row["key"].startswith("runs/small-1.5b/contrasts[") for row in log(root))


def test_folders_that_are_no_run_of_this_protocol_are_left_out(root: Path) -> None:
    write_run(root, "pocket")
    (write_run(root, "older") / "results/contrasts.csv").unlink()
    (root / "runs/notes").mkdir()
    assert [run.name for run in runs(root)] == ["pocket"]


def test_two_runs_agree_where_they_agree(root: Path) -> None:
    write_run(root, "one")
    changes = {("gsm8k", "feedback"): -0.5, ("mmlu", "answer"): 0.1}
    write_run(root, "two", changes, {"gsm8k-feedback": CONTRADICTED})
    text = page(root)
    assert "9 pre-declared changes were measured by two runs or more." in text
    assert "In 7 all runs say the same, in 1 one run rose where another fell" in text
    gsm8k = rows_of(text, "GSM8K | **same")[0]
    assert gsm8k[1:] == [*["**same:** rose"] * 2, "**opposite:** rose in one, fell in two"]
    mmlu = rows_of(text, "MMLU | **not same")[0]
    assert mmlu[1] == "**not same:** rose in one, not detected in two"
    cells = rows_of(text, "Claim of gsm8k-feedback.")[0][1:]
    assert cells == ["**supported**: `one`; **contradicted**: `two`"]
    assert "3 claims were measured by two runs or more. On 2 of them" in text
    labels = re.findall(r"\{#(tbl-[\w-]+)\}", text)
    assert len(set(labels)) == len(labels) >= 5
    assert "nan" not in text and "{" not in re.sub(r"\{[#.][^}]*\}", "", text)


def test_what_has_no_verdict_says_why(root: Path) -> None:
    write_run(root, "one", status="one training seed")
    path = write_run(root, "two", status="not readable") / "results/contrasts.csv"
    table = pd.read_csv(path)
    table[["low", "high"]] = np.nan
    table.to_csv(path, index=False)
    text = page(root)
    (one,), (two,) = (rows_of(text, f"GSM8K | `{name}`") for name in ("one", "two"))
    assert one[2] == "+0.50 [+0.30, +0.70]; one training seed: no verdict"
    assert two[2:] == ["not readable"] * 3


def test_a_claim_that_one_run_lacks_is_not_measured_there(root: Path) -> None:
    write_run(root, "one")
    path = write_run(root, "two") / "results/claims.csv"
    pd.read_csv(path).iloc[:1].to_csv(path, index=False)
    table = verdicts(runs(root)).set_index("id")
    assert table.loc[CLAIMS[0], ["one", "two", "alike"]].tolist() == [SUPPORTED, SUPPORTED, 1]
    assert table.loc[CLAIMS[1], "two"] == "not measured" and np.isnan(table.alike[CLAIMS[1]])


def test_one_number_changes_exactly_the_lines_that_print_it(root: Path) -> None:
    write_run(root, "one")
    path = write_run(root, "two") / "results/contrasts.csv"
    page(root)
    before = log(root)
    table = pd.read_csv(path)
    table.loc[(table.model == "mmlu") & (table.task == "answer"), "high"] += 0.05
    table.to_csv(path, index=False)
    page(root)
    changed = [new["key"] for old, new in zip(before, log(root), strict=True) if old != new]
    where = "[model=mmlu,task=answer,measure=sycophancy,against=control]"
    assert changed == [f"runs/two/contrasts{where}.estimate"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("environment.json", "{", r"runs/pocket/ is not a whole run; restore"),
        ("environment.json", "{}", r"runs/pocket/ is not a whole run; restore"),
        ("params.yaml", "corpus: pocket", r"runs/pocket/params.yaml: scale is missing"),
        ("params.yaml", "[: ", r"runs/pocket/params.yaml"),
        (
            "results/claims.csv",
            None,
            r"claims\.csv is missing in runs/pocket/results/; archive the",
        ),
        ("results/estimates.csv", None, r"estimates\.csv is missing in runs/pocket/results/"),
    ],
)
def test_a_broken_run_is_named(root: Path, file: str, content: str | None, said: str) -> None:
    write_run(root, "other")
    path = write_run(root, "pocket") / file
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises((RenderError, ParameterError), match=said):
        page(root)


class TestTheFigure:
    def test_every_run_has_its_marker_and_bar(self, root: Path) -> None:
        write_run(root, "large")
        write_run(root, "pocket", {("gsm8k", "answer"): -0.5})
        figure = side_by_side.draw(Report("runs", root))
        panel = figure.axes[0]
        points = [line for line in panel.lines if line.get_marker() in ("o", "s")]
        assert sorted(round(line.get_xdata()[0], 3) for line in points) == [-0.5, *[0.5] * 5]
        assert len({line.get_ydata()[0] for line in points}) == 6  # no marker hides another
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert labels == ["large", "pocket"]

    def test_without_a_run_it_says_so(self, root: Path) -> None:
        figure = side_by_side.draw(Report("runs", root))
        assert [text.get_text() for text in figure.findobj(Text) if text.get_text()] == [
            "No run is archived."
        ]

    def test_more_runs_than_looks_are_drawn(self, root: Path) -> None:
        for number in range(len(side_by_side.LOOKS) + 1):
            write_run(root, f"run-{number}")
        figure = side_by_side.draw(Report("runs", root))
        assert figure.get_size_inches()[0] == style.WIDTH
        assert len(figure.legends[0].get_texts()) == len(side_by_side.LOOKS) + 1

    def test_looks_differ_in_shape_and_stand_out_from_white(self) -> None:
        colours, markers = zip(*side_by_side.LOOKS, strict=True)
        assert len(set(colours)) == len(set(markers)) == len(side_by_side.LOOKS)
        for colour in colours:
            channels = np.array(mpl.colors.to_rgb(colour))
            linear = np.where(
                channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
            )
            assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3, f"{colour} is too pale"
