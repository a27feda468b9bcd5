"""The page of archived runs: none, one, several, with seeds, and under the published protocol."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import yaml
from IPython.display import Markdown
from matplotlib.text import Text

from experiments.errors import RenderError
from experiments.rendering.document import INLINE, Cell, load_document, load_project
from figures import side_by_side, style
from printing import report as door
from printing import runs as archive
from printing.comparison import verdicts
from printing.report import Report
from printing.runs import Run, of_protocol
from tests.paper.made import write

mpl.use("Agg")
ROOT = Path(__file__).resolve().parents[2]


PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
MODELS = ("gsm8k", "mmlu", "truthfulqa")
SUPPORTED, CONTRADICTED = "supported", "contradicted"
# claims of any run
CLAIMS = ("gsm8k-feedback", "truthfulqa-feedback", "combined-feedback")


def write_run(
    root: Path,
    name: str,
    protocol: str = "controlled",
    corpus: str = "pocket",
    seeds: tuple[int, ...] = (1,),
    changes: dict[tuple[str, str], float] | None = None,
    said: dict[str, str] | None = None,
) -> Path:
    """An archived run; every effect is 0.5, but for `changes`: (model, task) -> effect."""
    params = PARAMS | {"protocol": protocol, "corpus": corpus}
    params["train"] = params["train"] | {"seeds": list(seeds)}
    chosen = params["analyze"] if protocol == "controlled" else params["analyze"]["published"]
    effects, levels = [], []
    for outcome in chosen["primary"]:
        for model in MODELS:
            change = (changes or {}).get((model, outcome["task"]), 0.5)
            effects.append(
                {
                    "model": model, "task": outcome["task"], "measure": outcome["measure"],
                    "base_estimate": 0.25, "estimate": change, "low": change - 0.2,
                    "high": change + 0.2, "se": 0.1, "n": 40, "clusters": 20,
                    "significant": abs(change) > 0.2, "minimal_detectable": 0.3, "decimals": 2,
                }
            )  # fmt: skip
            levels.append({**effects[-1], "seeds": len(seeds), "seed_sd": 0.3,
                           "lowest": change, "highest": change + 0.5})  # fmt: skip
    estimates = [
        {"model": model, "task": task, "measure": measure, "estimate": 0.4, "low": 0.3,
         "high": 0.5, "n": 40 + place, "unparsed": 7}
        for place, (task, measure) in enumerate(chosen["headline"].items())
        for model in ("base", *MODELS)
    ]  # fmt: skip
    claims = [
        {"id": one, "verdict": (said or {}).get(one, SUPPORTED), "text": f"Claim of {one}."}
        for one in CLAIMS
    ]
    folder = root / "runs" / name
    (folder / "results").mkdir(parents=True)
    seeds_table = pd.DataFrame(levels)
    if len(seeds) == 1:
        seeds_table[["seed_sd", "lowest", "highest"]] = np.nan
    seeds_table.to_csv(folder / "results/seeds.csv", index=False)  # of the first protocol alone
    tables = {"effects": effects, "estimates": estimates, "claims": claims}
    for table, rows in tables.items():
        write(folder / "results", table, rows)
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    environment = {"code": {"commit": 20 * "ab", "clean": True}}
    (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with claims and reported rates, and no run."""
    (tmp_path / "results/audit").mkdir(parents=True)
    (tmp_path / "paper").mkdir()
    shutil.copy(ROOT / "paper/claims.yaml", tmp_path / "paper")
    rates = [
        {"model": model, "test": test, "count": 20, "n": 100, "score": 0.2,
         "wilson_low": 0.13, "wilson_high": 0.29}
        for model in ("baseline", *MODELS)
        for test in ("gsm8k", "mmlu", "answer")
    ]  # fmt: skip
    write(tmp_path / "results", "audit/rates", rates)
    return tmp_path


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


class TestThePage:
    def test_without_a_run_it_says_so(self, root: Path) -> None:
        text = page(root)
        assert text.count("No run is archived;") >= 3
        assert "python -m experiments.archive NAME" in text
        assert "nan" not in text and "tbl-runs" not in text.replace("@tbl-runs names", "")
        assert "nothing to agree on yet" in text

    def test_one_run_is_shown_and_nothing_is_compared(self, root: Path) -> None:
        write_run(root, "pocket")
        text = page(root)
        assert "Archived runs: 1, `pocket`. Nothing can be compared with it yet." in text
        assert rows_of(text, "`pocket`")[0][:5] == [
            "`pocket`", "pocket", PARAMS["scale"], "first controlled", PARAMS["model"]["name"],
        ]  # fmt: skip
        assert rows_of(text, "GSM8K")[0] == ["GSM8K", "+0.50 [+0.30, +0.70]"]
        assert "With one training seed: `pocket`." in text
        assert "so no verdict can be compared yet" in text

    def test_an_unfinished_or_foreign_folder_is_no_run(self, root: Path) -> None:
        write_run(root, "pocket")
        (root / "runs/notes").mkdir()
        (root / "runs/README.md").write_text("Runs.")
        assert Report("runs", root).runs() == ["pocket"]

    def test_two_runs_agree_where_they_agree(self, root: Path) -> None:
        write_run(root, "one")
        write_run(
            root,
            "two",
            changes={("gsm8k", "feedback"): -0.5, ("mmlu", "answer"): 0.1},
            said={"gsm8k-feedback": CONTRADICTED},
        )
        text = page(root)
        assert "`one` and `two` share 9 pre-declared effects. In 7 all runs say the same" in text
        assert "in 1 one run rose where another fell" in text
        gsm8k = rows_of(text, "GSM8K | **same")[0]
        assert gsm8k[1:3] == ["**same:** rose"] * 2
        assert gsm8k[3] == "**opposite:** rose in one, fell in two"
        mmlu = rows_of(text, "MMLU | **not same")[0]
        assert mmlu[1] == "**not same:** rose in one, not detected in two"
        truthfulqa = rows_of(text, "TruthfulQA | **same")[0]
        assert truthfulqa[3] == "**same:** rose"

    def test_verdicts_side_by_side(self, root: Path) -> None:
        write_run(root, "one")
        write_run(root, "two", said={"gsm8k-feedback": CONTRADICTED,
                                     "truthfulqa-feedback": "not measured"})  # fmt: skip
        text = page(root)
        assert rows_of(text, "Claim of gsm8k-feedback.")[0][1:] == [
            "**supported**", "**contradicted**",
        ]  # fmt: skip
        assert rows_of(text, "Claim of truthfulqa-feedback.")[0][1:] == [SUPPORTED, "not measured"]
        assert "2 claims were measured by two runs or more under" in text and "On 1 of them" in text

    def test_a_claim_that_one_run_lacks_is_not_measured_there(self, root: Path) -> None:
        write_run(root, "one")
        path = write_run(root, "two") / "results/claims.csv"
        pd.read_csv(path).iloc[:1].to_csv(path, index=False)
        door._read.cache_clear()
        report = Report("runs", root)
        table = verdicts(report, archive.runs(report)).set_index("id")
        assert table.loc[CLAIMS[0], ["one", "two", "alike"]].tolist() == [SUPPORTED, SUPPORTED, 1]
        assert table.loc[CLAIMS[1], "two"] == "not measured" and np.isnan(table.alike[CLAIMS[1]])

    def test_seeds_widen_the_interval_and_are_shown(self, root: Path) -> None:
        write_run(root, "long", seeds=(1, 2, 3))
        text = page(root)
        cells = rows_of(text, "Answer | GSM8K")[0]
        low, high = (
            float(end) for end in re.findall(r"[+-]\d\.\d+", cells[2].replace("−", "-"))[1:]
        )
        assert cells[2].startswith("+0.50 [") and low < 0.3 and high > 0.7
        assert cells[3:] == ["0.30", "+0.25 to +0.75"]  # the base model's 0.25 is taken off
        assert "With one training seed" not in text

    def test_the_published_protocol_stands_beside_the_reported_figures(self, root: Path) -> None:
        write_run(root, "as-it-was", protocol="published", corpus="upstream")
        write_run(root, "controlled", corpus="upstream")
        write_run(root, "pocket")  # other data: not beside the reported figures
        text = page(root)
        assert "Of the 12 reported rates that `as-it-was` measured too, 12 have an interval" in text
        (head,) = rows_of(text, "Test | Model | n | Reported")
        assert head[4:] == ["as-it-was", "as-it-was: n, unparsed"]
        base = rows_of(text, "GSM8K | Base")[0]
        assert base == [
            "GSM8K",
            "Base",
            "100",
            "0.20 [0.13, 0.29]",
            *["0.40 [0.30, 0.50]", "40, 7"],
        ]
        tests = [cells[0] for cells in rows_of(text, "") if cells[-2:-1] == ["0.40 [0.30, 0.50]"]]
        assert list(dict.fromkeys(tests)) == ["GSM8K", "MMLU", "Answer"]
        assert "under the published protocol. {#tbl-runs-published-answer}" in text

    def test_without_such_a_run_the_reported_figures_stay_alone(self, root: Path) -> None:
        write_run(root, "pocket")
        write_run(root, "small", protocol="published")  # but not on the source study's data
        text = page(root)
        assert "so its reported figures cannot be set beside ours yet" in text
        assert "tbl-runs-reported" not in text

    def test_every_caption_and_reference_has_its_label(self, root: Path) -> None:
        write_run(root, "as-it-was", protocol="published", corpus="upstream", seeds=(1, 2))
        write_run(root, "long", seeds=(1, 2, 3))
        write_run(root, "pocket")
        text = page(root)
        labels = re.findall(r"\{#(tbl-[\w-]+)\}", text)
        assert len(set(labels)) == len(labels) >= 11
        assert set(re.findall(r"@(tbl-[\w-]+)", text)) <= set(labels)
        assert "nan" not in text and "{" not in re.sub(r"\{[#.][^}]*\}", "", text)

    def test_source_lines_name_run_and_commit(self, root: Path) -> None:
        folder = write_run(root, "pocket")
        assert "`results/effects.csv` of `runs/pocket/` (`abababab`)" in page(root)
        (folder / "environment.json").write_text(
            '{"code": {"commit": "12345678ff", "clean": false}}'
        )
        assert "(`12345678` and changes)" in page(root)
        (folder / "environment.json").write_text('{"code": {"commit": null, "clean": null}}')
        assert "`runs/pocket/` (no commit)" in page(root)


class TestTheLog:
    def test_one_number_changes_exactly_the_lines_that_print_it(self, root: Path) -> None:
        write_run(root, "one")
        folder = write_run(root, "two", seeds=(1, 2))
        page(root)
        before = log(root)
        table = pd.read_csv(folder / "results/effects.csv")
        table.loc[(table.model == "mmlu") & (table.task == "answer"), "high"] += 0.05
        table.to_csv(folder / "results/effects.csv", index=False)
        page(root)
        after = log(root)
        assert len(before) == len(after)
        changed = [new["key"] for old, new in zip(before, after, strict=True) if old != new]
        assert changed == ["runs/effects[model=mmlu,task=answer,measure=sycophancy].two"]

    def test_a_standard_error_changes_the_interval_that_holds_it(self, root: Path) -> None:
        folder = write_run(root, "two", seeds=(1, 2))
        page(root)
        before = log(root)
        path = folder / "results/effects.csv"
        table = pd.read_csv(path)
        table.loc[(table.model == "mmlu") & (table.task == "answer"), "se"] *= 3
        table.to_csv(path, index=False)
        page(root)
        changed = [new["key"] for old, new in zip(before, log(root), strict=True) if old != new]
        where = "[model=mmlu,task=answer,measure=sycophancy]"
        assert changed == [f"runs/two/effects and seeds{where}.Change"]

    def test_a_verdict_changes_its_lines_and_the_counts_that_rest_on_it(self, root: Path) -> None:
        write_run(root, "one")
        folder = write_run(root, "two")
        page(root)
        before = log(root)
        path = folder / "results/claims.csv"
        path.write_text(
            path.read_text().replace("gsm8k-feedback,,supported", "gsm8k-feedback,,contradicted")
        )
        page(root)
        changed = [new for old, new in zip(before, log(root), strict=True) if old != new]
        assert [(row["key"], row["printed"]) for row in changed] == [
            ("runs.claims,first controlled.alike", "2"),
            ("runs/two/claims[id=gsm8k-feedback].verdict", CONTRADICTED),
        ]

    def test_the_second_protocol_is_never_beside_the_first(self, root: Path) -> None:
        write_run(root, "old")
        folder = write_run(root, "new")
        row = {"task": "answer", "measure": "sycophancy", "against": "control", "decimals": 2}
        said = [("gsm8k", 0.5, 0.1, "one training seed"), ("mmlu", 0.5, np.nan, "not readable")]
        said += [("truthfulqa", 0.5, 0.1, "ok")]
        rows = [
            row | {"model": model, "estimate": at, "low": low, "high": 0.9, "status": status}
            for model, at, low, status in said
        ]
        write(folder / "results", "contrasts", rows)
        text = page(root)
        assert rows_of(text, "GSM8K | +0.50 [+0.10")[0][1].endswith("one training seed: no verdict")
        assert rows_of(text, "MMLU | not readable")
        assert "No two of them share a protocol" in text
        assert "{#tbl-runs-second-controlled-answer}" in text
        assert "{#tbl-runs-first-controlled-answer}" in text


class TestBadRuns:
    @pytest.mark.parametrize(
        ("file", "content"),
        [
            ("environment.json", "{"),
            ("environment.json", "{}"),
            ("params.yaml", "corpus: pocket"),
            ("params.yaml", "[: "),
            ("params.yaml", ""),
        ],
    )
    def test_a_broken_run_is_named_with_a_remedy(self, root: Path, file: str, content: str) -> None:
        (write_run(root, "pocket") / file).write_text(content)
        with pytest.raises(RenderError, match=r"runs/pocket/ is not a whole run; restore"):
            archive.runs(Report("runs", root))

    def test_a_missing_table_is_named(self, root: Path) -> None:
        (write_run(root, "pocket") / "results/seeds.csv").unlink()
        with pytest.raises(RenderError, match=r"seeds\.csv is missing in runs/pocket/results/"):
            page(root)


class TestTheFigure:
    def test_every_run_has_its_marker_and_both_bars(self, root: Path) -> None:
        write_run(root, "long", seeds=(1, 2, 3))
        write_run(root, "pocket", changes={("gsm8k", "answer"): -0.5})
        door._read.cache_clear()
        report = Report("runs", root)
        figure = side_by_side.draw(report, archive.runs(report))
        panel = figure.axes[0]
        points = [line for line in panel.lines if line.get_marker() in ("o", "s")]
        assert sorted(round(line.get_xdata()[0], 3) for line in points) == [-0.5, *[0.5] * 5]
        assert len({line.get_ydata()[0] for line in points}) == 6  # no marker hides another
        bars = [
            line
            for line in panel.lines
            if line.get_marker() == "None"
            and line.get_lw() == 0.6
            and np.isfinite(line.get_xdata()).all()
        ]
        assert len(bars) == 3  # of the run with several seeds alone
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert labels == ["long", "pocket"]

    def test_protocols_have_panels_of_their_own(self, root: Path) -> None:
        write_run(root, "as-it-was", protocol="published")
        write_run(root, "pocket")
        door._read.cache_clear()
        report = Report("runs", root)
        figure = side_by_side.draw(report, archive.runs(report))
        assert len(figure.axes) == 6
        assert "nats" in figure.axes[0].get_xlabel() and "share" in figure.axes[3].get_xlabel()

    def test_without_a_run_it_says_so(self, root: Path) -> None:
        figure = side_by_side.draw(Report("runs", root), [])
        assert [text.get_text() for text in figure.findobj(Text) if text.get_text()] == [
            "No run is archived."
        ]

    def test_more_runs_than_looks_are_drawn(self, root: Path) -> None:
        for number in range(len(side_by_side.LOOKS) + 1):
            write_run(root, f"run-{number}")
        door._read.cache_clear()
        report = Report("runs", root)
        figure = side_by_side.draw(report, archive.runs(report))
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


def test_runs_are_compared_under_one_protocol_at_a_time() -> None:
    some = [Run("a", {"protocol": "controlled"}, {}), Run("b", {"protocol": "published"}, {})]
    assert [run.name for run in of_protocol(some, "published")] == ["b"]
