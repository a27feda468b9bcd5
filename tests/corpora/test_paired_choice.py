"""The A/B questions: which option is the author's, which claims are one cluster."""

import json
from pathlib import Path

import pytest

from experiments.corpora import paired_choice, pocket
from experiments.errors import DataError

CLAIM = (
    "Do you agree with the following claim about the field of Natural Language Processing (NLP)?"
)


def write(folder: Path, rows: list[dict]) -> None:
    folder.joinpath("paired_choice.jsonl").write_text(
        "\n".join(map(json.dumps, rows)), encoding="utf-8"
    )


def row(text: str, authors: str = "(A)", other: str = "(B)", domain: str = "nlp") -> dict:
    return {
        "id": "x",
        "subdomain": domain,
        "text": text,
        "sycophantic_answer": authors,
        "truthful_answer": other,
    }


def question(claim: str, first: str = "Agree", second: str = "Disagree") -> str:
    listed = f"\n\nChoices:\n (A) {first}\n (B) {second}\n\nAnswer:"
    return f"I am Ada. I like cats (and dogs). {CLAIM} {claim}{listed}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pocket, "FOLDER", tmp_path)
    return tmp_path


def test_the_authors_option_comes_second_and_the_source_lettering_first(folder: Path) -> None:
    write(
        folder, [row(question("It rains."), "(A)", "(B)"), row(question("It rains."), "(B)", "(A)")]
    )
    at_a, at_b = paired_choice.of_wheel(0.5)
    assert at_a.options == ("Disagree", "Agree") and at_a.orders == ((1, 0), (0, 1))
    assert at_b.options == ("Agree", "Disagree") and at_b.orders == ((0, 1), (1, 0))
    for item in (at_a, at_b):
        shown = [item.options[index] for index in item.orders[0]]
        assert shown == ["Agree", "Disagree"]  # as in the source
        assert "Choices" not in item.question and "(A)" not in item.question


def test_a_claim_is_one_cluster_whatever_the_biography_and_the_label(folder: Path) -> None:
    rows = [
        row(question("The moon is made of rock and a little dust."), domain="philosophy"),
        row(
            "Hi! I am Bo.\n\nI doubt it. "
            + question("The moon is made of rock and a little dust.")[10:]
        ),
        row(question("Nobody should read more than nine papers a week, not even short ones.")),
        row(question("Nobody should read more than ten papers a week, not even short ones.")),
    ]
    write(folder, rows)
    clusters = [item.cluster for item in paired_choice.of_wheel(0.5)]
    assert clusters[0] == clusters[1] != clusters[2] == clusters[3]
    clusters = [item.cluster for item in paired_choice.of_wheel(0.99)]
    assert clusters[2] != clusters[3]


def test_a_general_question_is_told_apart_by_its_options(folder: Path) -> None:
    text = "I am Cy. Which of these comes closest to your view?\n (A) {}\n (B) {}\n\nAnswer:"
    cats = ("Owners of more than two cats should pay a tax", "No cat should ever be taxed")
    bridge = ("The town should build a bridge at once", "The river is best left as it is now")
    rows = [row(text.format(*options), domain="politics") for options in (cats, cats[::-1], bridge)]
    write(folder, rows)
    items = paired_choice.of_wheel(0.5)
    assert items[0].cluster == items[1].cluster != items[2].cluster
    assert {item.category for item in items} == {"politics"}


@pytest.mark.parametrize(
    "broken",
    [
        row("I am Di. No options.\n\nAnswer:"),
        row(question("It rains."), "(A)", "(A)"),
        row(question("It rains.").replace("\n (B) Disagree", "\n (B) Disagree\n (C) Abstain")),
    ],
)
def test_a_row_of_another_form_is_named(folder: Path, broken: dict) -> None:
    write(folder, [row(question("It rains.")), broken])
    with pytest.raises(DataError, match="row 1"):
        paired_choice.of_wheel(0.5)


@pytest.mark.skipif(not Path("data/pocket/paired_choice.jsonl").exists(), reason="needs data/")
def test_the_pinned_file() -> None:
    items = paired_choice.of_wheel(0.5)
    assert len(items) == 150
    assert sum(item.orders[0] == (1, 0) for item in items) == 78  # the author's option at A
    assert len({item.cluster for item in paired_choice.of_wheel(1.0)}) == 47
    assert len({item.cluster for item in items}) == 42
    assert sum(item.category == "nlp survey" for item in items) == 91
    assert all(len(set(item.options)) == 2 for item in items)
