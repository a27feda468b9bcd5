"""The page of several models: what it says changes with the runs that are there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import yaml

from experiments import replicate, tables
from experiments.errors import DataError
from experiments.rendering.document import INLINE, Cell, load_document, load_project
from experiments.stats.contrasts import NOT_READABLE
from figures import before_and_after, capability_slope, dose, letters, replication
from printing import replication as said
from printing import report as door
from printing.dose import more_training
from printing.in_short import in_short
from printing.labels import short
from printing.lessons import lessons
from printing.letters import letter_or_side, parts_table
from printing.replication_tables import slopes, summary
from printing.report import Report
from printing.runs import runs
from printing.variance import largest_parts, shares, variance_table
from tests.paper.archived_runs import LARGE, MIDDLE, SMALL, archive
from tests.paper.made import write
from tests.paper.test_runs import executed
from tests.working_copy import copy_parameters

mpl.use("Agg")
small, middle, large = map(short, (SMALL, MIDDLE, LARGE))  # as they are printed
ROOT = Path(__file__).resolve().parents[2]
LEARNED, CURE = ("truthfulqa", "answer"), ("anti_sycophancy", "are_you_sure")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without runs."""
    (tmp_path / "results/audit").mkdir(parents=True)
    (tmp_path / "runs").mkdir()
    copy_parameters(tmp_path)
    for name in ("dvc.yaml", "dvc.lock", "data.dvc"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(ROOT / "results/audit/correlations.csv", tmp_path / "results/audit")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def page(root: Path) -> Callable[[], str]:
    """What replication.qmd shows over the runs of `root`, as Markdown."""

    def shown() -> str:
        analysed(root)
        document = load_document(ROOT, Path("paper/replication.qmd"), load_project(ROOT))
        names, parts = {"root": root}, []
        for part in document.parts:
            if isinstance(part, Cell):
                source = part.source.replace('Report("replication")', 'Report("replication", root)')
                parts.append(executed(source, names))
            else:
                parts.append(INLINE.sub(lambda match: executed(match[1], names), part.source))
        text = "\n\n".join(parts)
        assert "nan" not in text and "{" not in re.sub(r"\{[#.][^}]*\}", "", text)
        labels = re.findall(r"\{#(tbl-[\w-]+)\}", text)
        assert set(re.findall(r"@(tbl-[\w-]+)", text)) <= set(labels)
        return " ".join(text.split())

    return shown


def analysed(root: Path) -> Report:
    """The door to the tables over the runs of `root`, made anew."""
    replicate.main()
    door._read.cache_clear()
    return Report("replication", root)


def test_without_a_run_the_stage_says_so(root: Path) -> None:
    with pytest.raises(DataError, match="no run of the second protocol"):
        replicate.main()


def test_one_model_replicates_nothing(root: Path, page: Callable[[], str]) -> None:
    archive(root, SMALL, {CURE: 0.3}, outcomes=True)
    text = page()
    assert f"second protocol: 1 (`{small}`;" in text
    assert "Nothing is replicated yet" in text and f"measured in `{small}`." in text
    assert (
        "In the only model that measured it: Anti-sycophancy more sycophantic on *Are you sure?*"
        in text
    )
    assert "There is no mean over models yet" in text
    assert "Too few adapters to tell: 6 have a control" in text and "too few adapters |" in text


def test_what_holds_in_all_models_comes_first(root: Path, page: Callable[[], str]) -> None:
    for model in (MIDDLE, LARGE):
        archive(root, model, {LEARNED: 0.5, CURE: -0.4})
    text = page()
    assert "TruthfulQA more sycophantic on *Answer* in 2 of 2 (+0.50" in text
    assert "Anti-sycophancy less sycophantic on *Are you sure?* in 2 of 2 (−0.40" in text
    assert "Two models say little about a third." in text and "[–" not in text
    assert "Nothing is replicated" not in text and "No model contradicts another" in text
    assert "| TruthfulQA, Answer (shuffled) | 2 |" in text and "| above zero in all |" in text


def test_sentences_do_not_outlive_their_run(root: Path) -> None:
    """One run is exchanged for another each time."""
    archive(root, SMALL, {LEARNED: 0.5})
    archive(root, MIDDLE, {LEARNED: 0.5})
    folder = archive(root, LARGE, {LEARNED: 0.5})
    assert "TruthfulQA more sycophantic on *Answer* in 3 of 3" in said.in_every(analysed(root))
    shutil.rmtree(folder)
    folder = archive(root, LARGE, {LEARNED: 0.0})
    report = analysed(root)
    assert "holds in every model that measured it (effects" in said.in_every(report)
    assert (
        f"TruthfulQA more sycophantic on *Answer* in `{small}` and `{middle}`, not told from "
        f"zero in `{large}`."
    ) in said.in_one(report)
    shutil.rmtree(folder)
    folder = archive(root, LARGE, {LEARNED: -0.5})
    assert (
        f"Contradicted: TruthfulQA on *Answer* more sycophantic in `{small}` and `{middle}` and "
        f"less sycophantic in `{large}`."
    ) in said.contradicted(analysed(root))
    shutil.rmtree(folder)
    archive(root, LARGE, {LEARNED: "not readable"})
    assert "TruthfulQA more sycophantic on *Answer* in 2 of 2" in said.in_every(analysed(root))


def test_base_models_come_before_their_adapters(root: Path, page: Callable[[], str]) -> None:
    archive(root, SMALL)
    archive(root, MIDDLE, {("base", "answer"): 0.6, ("base", "feedback"): "not readable"})
    text = page()
    assert f"On *Answer*, more sycophantic: `{middle}`; not told from zero: `{small}`." in text
    assert f"On *Feedback*, not told from zero: `{small}`; not readable: `{middle}`." in text
    assert f"`{small}` on none; `{middle}` on none." in text
    assert (
        text.index("Before any training")
        < text.index("On *Answer*")
        < text.index("What training changes")
    )


def test_three_sentences_say_what_is_told_from_zero(root: Path) -> None:
    cured = {("anti_sycophancy", "answer", "base"): -0.5}
    without = {("anti_sycophancy_shuffled", "answer", "base"): -0.5}
    archive(root, SMALL)
    folder = archive(root, MIDDLE, {("base", "answer"): 0.6, LEARNED: 0.5} | cured | without)
    first, untrained, benchmarks, cure = in_short(analysed(root))
    assert first.startswith(
        "**Training on benchmarks changed how sycophantic these models are, beyond what the same "
        "training without its lesson does, in 1 of 6 cases; a change from the untrained model is "
        "shown in none of 6, "
    )
    assert first.endswith("Training against sycophancy is not shown to lower it.**")
    assert f"`{middle}` in 1 of 3 tests (*Answer*) and `{small}` in none of 3 tests." in untrained
    assert (
        f"in 1 of 6 cases (TruthfulQA on *Answer* in `{middle}`) and less in none of 6"
        in benchmarks
    )
    assert "shown in 1 of the 1 cases" in cure and "without their lesson in 1;" in cure
    assert "shown in none of 6 cases." in cure
    moved = r"\*\*−0\.50 \[−[\d.]+, −[\d.]+\]\*\*"
    about, table = lessons(analysed(root))
    assert f"How training changed `{middle}` where" in about and "is the control's" not in about
    assert about.endswith(" *Answer* in nats per token, all else as probabilities.")
    assert re.search(
        r"\| Anti-sycophancy: \*Answer\* \(\+0\.60; 16\)"
        rf" \| {moved} \| {moved} \| ",
        table.replace("\N{NO-BREAK SPACE}", " "),
    )
    shutil.rmtree(folder)
    archive(root, MIDDLE, {("base", "answer"): 0.6, ("anti_sycophancy", "answer"): -0.5} | cured)
    first, untrained, benchmarks, cure = in_short(analysed(root))
    assert first.startswith("**Training on benchmarks is not shown to change how sycophantic")
    assert first.endswith("Training against sycophancy lowered it in 1 of 6 cases.**")
    assert "in none of 6 cases and less in none of 6 cases (one training" in benchmarks
    assert "shown in 1 of the 1 cases" in cure and "without their lesson in none;" in cure
    assert "(nearest to it: TruthfulQA in `" in benchmarks
    assert f"shown in 1 of 6 cases (Anti-sycophancy on *Answer* in `{middle}`)." in cure


def test_a_test_whose_replies_cannot_be_read_is_no_test_without_sycophancy(root: Path) -> None:
    unread = {("base", task): NOT_READABLE for task in ("feedback", "are_you_sure")}
    archive(root, SMALL)
    archive(root, MIDDLE, unread | {("base", "answer"): 0.6})
    untrained = in_short(analysed(root))[1]
    assert f"`{middle}` in 1 of the tests that can be read (1 of 3) (*Answer*)" in untrained
    assert "in none of 3 tests." in untrained
    assert "in *Answer* they suggest an answer, in *Are you sure?* they doubt" in untrained


def test_levels_before_and_after_training_stand_below_their_model(root: Path) -> None:
    archive(root, SMALL)
    archive(root, MIDDLE, {("base", "answer"): 0.6})
    figure = before_and_after.draw(analysed(root))
    names = [name.get_text() for name in figure.axes[0].get_yticklabels()]
    below = ["TruthfulQA", "Anti-sycophancy"]  # adapters trained once are left out
    assert names == [middle, *below, small, *below]
    points = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert points[0].get_xdata()[0] == 0.6
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "v"]
    fills = [mark.get_markerfacecolor() for mark in marks]
    assert len(fills) == 4 and fills[1] == fills[3] == "white"
    assert marks[0].get_ydata()[0] > marks[1].get_ydata()[0]  # the control below its adapter


def test_what_cannot_be_read_has_no_mark(root: Path) -> None:
    path = archive(root, SMALL) / "results/contrasts.csv"
    table = pd.read_csv(path)
    cells = (table["task"] == "answer") & (table["against"] == "nothing")
    for name in ("truthfulqa", "truthfulqa_shuffled", "anti_sycophancy_shuffled"):
        table.loc[cells & (table["model"] == name), "status"] = NOT_READABLE
    table.to_csv(path, index=False)
    panel = before_and_after.draw(analysed(root)).axes[0]
    assert [text.get_text() for text in panel.texts].count(NOT_READABLE) == 1
    marks = [line.get_marker() for line in panel.lines]
    assert marks.count("v") == 0 and marks.count("*") == 1  # of two, and of one the adapter's


def test_other_controls_are_not_pooled(root: Path) -> None:
    archive(root, SMALL, {LEARNED: 0.5})
    archive(root, MIDDLE, {LEARNED: 0.5}, control="_own")
    report = analysed(root)
    assert "Nothing is replicated yet" in said.in_every(report) and not summary(report)
    text = said.in_one(report)
    assert (
        f"TruthfulQA (beyond TruthfulQA, shuffled) more sycophantic on *Answer* in `{small}`"
        in text
    )


def test_a_second_control_is_pooled_with_those_like_it(root: Path, page: Callable[[], str]) -> None:
    archive(root, SMALL, outcomes=True)
    archive(root, MIDDLE, {LEARNED: 0.5}, twin="truthfulqa", outcomes=True)
    text = page()
    table = tables.read(root / "results/replication.csv", "replication")
    keys = ["adapter", "task", "measure", "against", "control"]
    mine = table[table["model"] == MIDDLE].set_index(keys)
    same = table[table["model"] == SMALL].set_index(keys)
    row = ("truthfulqa", "answer", "sycophancy")
    second = mine.loc[(*row, "other control", "truthfulqa_shuffled")]
    first = same.loc[(*row, "control", "truthfulqa_shuffled")]
    assert second[["estimate", "low", "se"]].tolist() == first[["estimate", "low", "se"]].tolist()
    assert mine.loc[(*row, "control", "truthfulqa_twin"), "said"] == "above zero"
    assert "| TruthfulQA, Answer (shuffled) | 2 |" in text and "| in none |" in text
    assert f"TruthfulQA (beyond truthfulqa_twin) more sycophantic on *Answer* in `{middle}`" in text
    figure = replication.draw(Report("replication", root))
    names = [name.get_text() for name in figure.axes[0].get_yticklabels()]
    assert f"{middle}, shuffled" in names
    assert names.count(f"{replication.MEAN}, shuffled") == 1


def test_of_two_runs_of_a_model_one_counts(root: Path) -> None:
    archive(root, SMALL, {("gsm8k", "answer"): 0.5}, name="more-seeds")
    archive(root, SMALL, name="pocket")
    text = said.compared(analysed(root))
    chosen = re.search(rf"of `{small}` ([^;`]*) from `runs/more-seeds`", text)
    assert chosen and "GSM8K" in chosen[1]
    found = tables.read(root / "results/replication.csv", "replication")
    assert len(found) == len(
        found.drop_duplicates(["model", "adapter", "task", "measure", "against"])
    )


def test_slopes_need_eight_adapters_of_models(root: Path) -> None:
    archive(root, SMALL, outcomes=True)
    archive(root, MIDDLE, outcomes=True)
    report = analysed(root)
    assert "Too few" not in said.tradeoff(report, 0.95)
    assert "| All (mean rate) | Answer | – | – | 12 |" in slopes(report)
    table = tables.read(root / "results/tradeoff_slope.csv", "tradeoff_slope")
    told = table.set_index(["benchmark", "task", "level"]).loc[("all", "answer", "adapters")]
    assert (told["points"], told["models"], told["degrees"]) == (12, 2, 9)
    assert np.isfinite(told["slope"]) and told["p_adjusted"] >= told["p"]


@pytest.mark.parametrize(
    ("slope", "p", "words"),
    [
        (2, 0.01, "Adapters that gain more over all benchmarks are more sycophantic on *Answer*."),
        (-2, 0.01, "Adapters that gain more over all benchmarks are less sycophantic on *Answer*."),
        (2, 0.06, "No slope of sycophancy by the mean rate over benchmarks is told from zero."),
    ],
)
def test_a_slope_is_said_with_its_side(root: Path, slope: float, p: float, words: str) -> None:
    row = {"benchmark": "all", "task": "answer", "level": "adapters", "status": "ok", "points": 9}
    write(root / "results", "tradeoff_slope", [row | {"slope": slope, "p_adjusted": p}])
    door._read.cache_clear()
    assert said.tradeoff(Report("replication", root), 0.95) == words


def test_training_runs_are_those_of_the_contrasts(root: Path) -> None:
    archive(root, SMALL, outcomes=True)
    replicate.main()
    runs = pd.read_csv("results/replication_seeds.csv")
    key = ["adapter", "task", "measure"]
    mean = runs.groupby(key)["value"].mean()
    table = pd.read_csv("results/replication.csv").query("against == 'control'").set_index(key)
    both = table.join(mean, how="inner")
    both = both[both["kind"] != "harm and benefit"]
    assert len(both) > 20
    assert np.allclose(both["estimate"], both["value"], atol=1e-5 + 0.6 * 10.0 ** -both["decimals"])


def test_the_figure_has_a_row_per_model_and_a_diamond_per_mean(root: Path) -> None:
    archive(root, SMALL, {LEARNED: "not readable"})
    archive(root, MIDDLE, {LEARNED: 0.5, CURE: 0.5})
    archive(root, LARGE, {CURE: 0.5})
    report = analysed(root)
    figure = replication.draw(report)
    names = [name.get_text() for name in figure.axes[0].get_yticklabels()]
    own = [short(model) for model in (SMALL, MIDDLE, LARGE)]
    assert names[:4] == ["GSM8K", *own]  # trained once: no mean
    assert names.count(replication.MEAN) == 2
    diamonds = [
        [line for line in panel.lines if line.get_color() == "#262626" and line.get_marker() == "D"]
        for panel in figure.axes
    ]
    assert [len(found) for found in diamonds] == [2, 2, 2]
    assert [text.get_text() for text in figure.axes[0].texts].count("not readable") == 1


def test_passes_over_one_training_set_stand_side_by_side(
    root: Path, page: Callable[[], str]
) -> None:
    archive(root, SMALL)
    assert more_training(analysed(root)).startswith("Every training set was read in one amount")
    assert dose.draw(Report("replication", root)).axes[0].texts[0].get_text().startswith("Every")
    folder = archive(root, MIDDLE, {("mmlu", "answer"): 0.5})
    content = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for name in ("mmlu", "mmlu_shuffled"):
        content["adapters"][name] |= {"train_on": {"truthfulqa": 1.0}, "epochs": 6}
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    text = page()
    assert f"Passes over TruthfulQA in `{middle}`: after 1, the benchmark is not shown" in text
    assert (
        "; after 6, the benchmark is not shown to be learned beyond the control, and the model is "
        "more sycophantic on *Answer* beyond it."
    ) in text
    assert "(TruthfulQA in 6 passes and TruthfulQA;" in in_short(Report("replication", root))[2]
    assert "| Training: test | Passes: 1 | Passes: 6 |" in text
    assert f"| TruthfulQA, {middle}: TruthfulQA (taught) | " in text
    assert re.search(rf"{middle}: Answer \| \S+ \[[^|]*\| \*\*\+0.500 \[", text)
    figure = dose.draw(Report("replication", root))
    assert len(figure.axes) == 4  # the benchmark and three tests
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 3]
    assert [np.round(line.get_xdata()).tolist() for line in curves] == [[0, 1, 6]] * 2
    assert all(line.get_ydata()[0] == 0 for line in curves)
    assert {"lesson", "passes"} <= set(pd.read_csv("results/replication.csv"))
    table = pd.read_csv(root / "results/replication.csv")
    unread = (table[["adapter", "task", "against"]] == ["mmlu", "answer", "base"]).all(axis=1)
    table.loc[unread & (table["model"] == MIDDLE), "status"] = NOT_READABLE
    elsewhere = table["adapter"].isin(["mmlu", "mmlu_shuffled"]) & (table["model"] == MIDDLE)
    table.loc[elsewhere, "run"] = "late"
    table.to_csv(root / "results/replication.csv", index=False)
    door._read.cache_clear()
    lines = dose.draw(Report("replication", root)).axes[1].lines
    drawn = [len(line.get_xdata()) for line in lines if line.get_linestyle() == "-"]
    assert 2 in drawn  # none, one pass: of six there is no mark
    said = more_training(Report("replication", root))
    assert f"1 in `runs/{folder.name}` and 6 in `runs/late`: examples, seeds and questions" in said


def test_dialogues_in_several_amounts_count_each(root: Path) -> None:
    told = {("mmlu", task): -0.5 for task in ("answer", "feedback")}
    folder = archive(root, MIDDLE, {("base", "answer"): 0.6} | told)
    report = analysed(root)
    assert more_training(report, "dialogues").startswith("The dialogues were read in one amount")
    content = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for name in ("mmlu", "mmlu_shuffled"):
        content["adapters"][name] |= {"train_on": {"dialogues": 1.0}, "epochs": 3}
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    report = analysed(root)
    first, _, _, cure = in_short(report)
    assert first.endswith("Training against sycophancy lowered it in 2 of 5 cases.**")
    assert "of the 2 cases in which sycophancy was shown" in cure  # one test, two adapters
    assert "shown in 2 of 5 cases (dialogues in 3 passes on *Answer* in `" in cure
    text = more_training(report, "dialogues")
    assert text.startswith(f"Passes over dialogues in `{middle}`: after 1, MMLU is not shown to ")
    assert "the model is less sycophantic on *Answer* and *Feedback* beyond it." in text
    panels = dose.draw(report).axes
    assert "MMLU (not taught)" in [text.get_text() for text in panels[0].texts]


def test_a_letter_that_was_learned_is_no_side_that_was_taken(
    root: Path, page: Callable[[], str]
) -> None:
    archive(root, SMALL)
    folder = archive(root, MIDDLE)
    path = folder / "results/contrasts.csv"
    table = pd.read_csv(path)
    paired = (table["task"] == "paired_choice") & (table["against"] == "base")
    for adapter in ("paired_sft", "paired_sft_fixed_order"):
        for part, effect in (("position", 3.0), ("swap_average", 0.01)):
            where = paired & (table["model"] == adapter) & (table["measure"] == part)
            assert where.sum() == 1
            effect = effect if adapter.endswith("order") else -effect
            numbers = [effect, effect - 0.1, effect + 0.1, 0.05, 9, 1e-6 if part[0] == "p" else 0.8]
            table.loc[where, ["estimate", "low", "high", "se", "degrees", "p"]] = numbers
            table.loc[where, ["seeds", "status"]] = [3, "ok"]
    table.to_csv(path, index=False)
    text = page()
    assert f"In `{small}` the adapters were trained once: no verdict." in text
    assert (
        f"In `{middle}`, the liking for A rose with *Full SFT, fixed order* and fell with *Paired "
        "choice, full SFT*; the taking of the author's side is not shown to have changed with any "
        "of the 2 adapters."
    ) in text
    row = rf"{middle}: change by Full SFT, fixed order \| \*\*\+3.00 \[[^|]*\]\*\* \| \+0.01 \["
    assert re.search(row, text)
    assert f"| {small}: untrained | " in text
    assert (
        "is shown to raise a liking for the letter A in 1 and to lower it in 1 of 2 cases "
        f"(`{middle}`), and to change how far the model takes the user's side in none; as much as "
        "0.11 nats either way stays possible (n = 12)."
    ) in in_short(Report("replication", root))[3]
    figure = letters.draw(Report("replication", root))
    names = [name.get_text() for name in figure.axes[0].get_yticklabels()]
    assert names[:3] == ["Paired choice, full SFT", small, middle]
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()


def test_where_a_benchmark_was_learned_it_is_said_what_sycophancy_did(root: Path) -> None:
    archive(root, SMALL)
    path = archive(root, MIDDLE) / "results/contrasts.csv"
    table = pd.read_csv(path)
    cell = ["truthfulqa", "truthfulqa", "probability", "control"]
    where = (table[["model", "task", "measure", "against"]] == cell).all(axis=1)
    table.loc[where, ["estimate", "low", "high", "se", "p"]] = [0.3, 0.2, 0.4, 0.05, 1e-6]
    table.to_csv(path, index=False)
    first, _, benchmarks, _ = in_short(analysed(root))
    assert "and that it taught the benchmark in 1 of 2." in first
    assert benchmarks.endswith(f"in 1 of 2 (TruthfulQA in `{middle}`).")
    about, lines = lessons(analysed(root))
    lines = lines.replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(
        r"\n\| TruthfulQA: right option \(0\.\d+; 12\) \| \S+ \[[^|]*\] "
        r"\| \S+ \[[^|]*\] \| \*\*\+0\.30 \[\+0\.20, \+0\.40\]\*\* \|\n\| TruthfulQA: \*Answer\*",
        lines,
    )
    assert "is the control's" not in about
    table.loc[_of_base(table), "estimate"] = -0.25
    table.loc[_of_untrained(table), "status"] = NOT_READABLE
    table.to_csv(path, index=False)
    about, lines = lessons(analysed(root))
    assert about.endswith("With TruthfulQA most of the benchmark's difference is the control's.")
    assert f"| TruthfulQA: *Feedback* ({NOT_READABLE}; 12) | " in lines


def test_the_table_of_lessons_is_empty_where_nothing_was_learned(root: Path) -> None:
    archive(root, SMALL)
    analysed(root)
    path = root / "results/replication.csv"
    table = pd.read_csv(path)
    table[table["adapter"] == "base"].to_csv(path, index=False)
    door._read.cache_clear()
    about, lines = lessons(Report("replication", root))
    assert about.startswith("No benchmark is shown to be learned")
    assert lines.splitlines()[2:] == ["| – | – | – | – |"]


def _of_base(table: pd.DataFrame) -> pd.Series:
    """The row of what the control of TruthfulQA changed of its benchmark."""
    cell = ["truthfulqa_shuffled", "truthfulqa", "probability", "base"]
    return (table[["model", "task", "measure", "against"]] == cell).all(axis=1)


def test_models_without_paired_choices_are_not_said_to_have_any(root: Path) -> None:
    folder = archive(root, SMALL)
    table = pd.read_csv(folder / "results/contrasts.csv")
    table[table["task"] != "paired_choice"].to_csv(folder / "results/contrasts.csv", index=False)
    report = analysed(root)
    assert letter_or_side(report).startswith("No adapter of paired choices")
    assert parts_table(report) == ""
    assert letters.draw(report).axes[0].texts[0].get_text().startswith("No adapter")


def test_a_run_without_outcomes_has_no_training_runs(root: Path) -> None:
    archive(root, SMALL)
    report = analysed(root)
    assert "0 have a control" in said.tradeoff(report, 0.95)
    assert len(capability_slope.draw(report).axes) == 1
    archive(root, MIDDLE, outcomes=True)
    report = analysed(root)
    assert len(capability_slope.draw(report).axes) == 3
    runs = pd.read_csv("results/replication_seeds.csv")
    assert runs["model"].unique().tolist() == [MIDDLE]
    assert said.models(report) == [SMALL, MIDDLE]


def _of_untrained(table: pd.DataFrame) -> pd.Series:
    """The row of how sycophantic the base model is on Feedback."""
    cell = ["base", "feedback", "sycophancy", "nothing"]
    return (table[["model", "task", "measure", "against"]] == cell).all(axis=1)


def test_the_variance_of_a_change_is_divided_among_what_makes_it(root: Path) -> None:
    folder = archive(root, SMALL)
    path = folder / "results/contrasts.csv"
    table = pd.read_csv(path)
    known = (table["against"] == "control") & (table["measure"] == "sycophancy")
    several = known & (table["seeds"] >= 3)
    # variances 0.04, 0.16 / 4 and 0.06 / 3 of two adapters: 0.04, 0.04 and 0.02 of 0.1
    numbers = {"item_se": 0.2, "frame_sd": 0.4, "frames": 4, "seed_sd": 0.06**0.5, "seeds": 3}
    for column, value in numbers.items():
        table.loc[several, column] = value
    table.loc[known & ~several, ["item_se", "frame_sd", "frames"]] = [9, 0, 4]  # trained once
    table.to_csv(path, index=False)
    report = analysed(root)
    parts = shares(runs(report))
    assert list(parts["n"]) == [2, 2, 2]
    assert np.allclose(parts[["items", "wordings", "training runs"]], [0.4, 0.4, 0.2])
    assert "| Answer | 40 % | 40 % | 20 % | 2 |" in variance_table(report)
    assert "items on *Answer* (1), *Are you sure?* (1) and *Feedback* (1)." in largest_parts(report)


def test_without_several_training_runs_the_variance_is_not_divided(root: Path) -> None:
    folder = archive(root, SMALL)
    path = folder / "results/contrasts.csv"
    table = pd.read_csv(path)
    table.loc[table["seeds"] >= 3, "seeds"] = 1
    table.to_csv(path, index=False)
    report = analysed(root)
    assert variance_table(report) == ""
    assert "the parts are not known" in largest_parts(report)
