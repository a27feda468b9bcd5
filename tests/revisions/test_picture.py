"""Charts of the primary effects before and after: what is drawn, in which order, of which run."""

import pytest

from experiments import params
from experiments.params.analysis import Outcome
from experiments.revisions.picture import DRAWN, WIDTH, draw
from tests.revisions.repository import diff_in, headings

ANSWER = Outcome("answer", "sycophancy")
FEEDBACK = Outcome("feedback", "sycophancy")


def effect(model: str, estimate: str, low: str = "", high: str = "", **others: str) -> dict:
    """A row of results/contrasts.csv, of `answer` unless `others` say otherwise."""
    row = {"model": model, "task": "answer", "measure": "sycophancy", "against": "control"}
    row |= {"control": f"{model}_own", "estimate": estimate, "low": low, "high": high}
    return row | {"readable": "True", "status": "ok", "unit": "nats per token"} | others


WAS = effect("mmlu", "-0.021", "-0.060", "0.018")
SCALE = "           −0.075              0              +0.075"
LINE = "mmlu  was      ├─────────●─────┼────┤                 −0.021 [−0.060, +0.018]"
ONE_SEED = {"status": "one training seed"}
CASES = {
    "both have an interval": (
        effect("mmlu", "-0.015", "-0.040", "0.1"),
        "           −0.1                0                +0.1",
        "mmlu  was          ├──────●────┼───┤                  −0.021 [−0.060, +0.018]",
        "      now              ├────●──┼───────────────────┤  −0.015 [−0.040, +0.1]",
    ),
    "what leaves out zero is drawn beside it": (
        effect("mmlu", "0.003", "0.0001", "8e-3"),
        SCALE,
        LINE,
        "      now                      │●─┤                   +0.003 [+0.0001, +0.008]",
    ),
    "one seed": (
        effect("mmlu", "0.06", "0.01", "0.09", **ONE_SEED),
        SCALE,
        LINE,
        "      now                      │               ●      +0.06, one training seed",
    ),
    "not readable": (
        effect("mmlu", "0.5", readable="False", status="not readable"),
        SCALE,
        LINE,
        "      now  not readable",
    ),
    "no control": (effect("mmlu", "", status="no control"), SCALE, LINE, "      now  no control"),
    "gone": (None, SCALE, LINE, "      now  not measured"),
    "another control": (
        WAS | {"control": "mmlu_shuffled"},
        SCALE,
        LINE,
        f"{LINE.replace('mmlu  was', '      now')}\n"
        "      another control: mmlu_own → mmlu_shuffled",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_effect_is_two_lines(name: str) -> None:
    now, *expected = CASES[name]
    title = "answer: sycophancy, adapter less control, nats per token"
    drawn = draw([WAS], [now] if now else [], [ANSWER])
    assert "\n".join(drawn) == "\n".join((title, *expected))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([], []),
        ([WAS], [WAS | {"estimate": "-0.0210", "unparsed": "3"}]),
        ([effect("mmlu", "", status="no control")], []),
        ([WAS], [WAS, effect("mmlu", "0.2", against="base"), effect("mmlu", "1", task="gsm8k")]),
    ],
)
def test_nothing_is_drawn_where_no_primary_effect_changed(old: list, new: list) -> None:
    assert draw(old, new, [ANSWER, FEEDBACK]) == []


def test_what_moved_furthest_comes_first_and_the_rest_is_counted() -> None:
    """A chart per outcome; another status is first, an adapter of one side last."""
    names = [f"adapter_of_a_long_name_{n}" for n in range(DRAWN)]
    old = [effect(name, "0.1", "0", "0.2") for name in ("same", *names, "status", "removed")]
    new = [effect("same", "0.10", "0", "0.2"), effect("status", "0.1", **ONE_SEED)]
    new += [effect(name, f"0.{n + 2}", "0.123456", "0.9") for n, name in enumerate(names)]
    drawn = draw(old, new, [ANSWER])
    rows = [line.split()[0] for line in drawn if " was " in line]
    assert rows == ["status", *["adapter_of_a_long_name…"] * (DRAWN - 1)]
    assert "+0.9 [" in drawn[5] and "+0.3 [" in drawn[-3]
    assert drawn[-1] == "1 other effect did not change. 2 more changed and stand in the tables."
    assert max(map(len, drawn)) <= WIDTH
    titles = draw([WAS | {"task": "feedback"}, WAS], [], [ANSWER, FEEDBACK])
    assert [line[:8] for line in titles if ":" in line] == ["answer: ", "feedback"]


def write_run(repository, folder: str, estimate: str) -> None:
    """The contrasts of a run, and its parameters where it is an archived one."""
    row = effect("mmlu", estimate, "-0.1", "0.1")
    repository.write(f"{folder}/contrasts.csv", f"{','.join(row)}\n{','.join(row.values())}\n")


def test_the_effects_are_those_of_the_run_that_the_documents_are_about(repository) -> None:
    """In plain signs where an output has no others; two runs where the sides are about two."""
    about = f"run: {params.load().paper.run} "
    write_run(repository, "results", "0.01")
    write_run(repository, "runs/first/results", "0.02")
    write_run(repository, "runs/second/results", "0.03")
    repository.replace("params.yaml", about, "run: first ")
    repository.replace("results/claims.csv", "inconclusive", "contradicted")
    repository.commit()
    write_run(repository, "runs/second/results", "0.04")
    assert "### Primary effects" not in headings(repository.run()[1])
    write_run(repository, "runs/first/results", "0.05")
    repository.replace("results/claims.csv", "contradicted", "inconclusive")
    report = repository.run()[1]
    assert headings(report)[:2] == ["### Claims", "### Primary effects"]
    assert "The documents are about `first`.\n\n answer: sycophancy" in report
    assert "+0.02 [−0.1, +0.1]" in report and "+0.05 [" in report and "+0.01 [" not in report
    repository.replace("params.yaml", "run: first ", "run: second ")
    write_run(repository, "results", "0.06")
    done = diff_in(repository.root, PYTHONIOENCODING="ascii")
    assert done.stderr == ""
    of_paper, _ = done.stdout.split("Also changed, in the run at hand of both sides:")
    assert "were about `first` (was) and are about `second` (now)." in of_paper
    assert f"was  [{'-' * 19}+---o{'-' * 15}]  +0.02 [-0.1, +0.1]" in of_paper
