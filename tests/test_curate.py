"""Which claims are hard, by either judge."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from experiments import curate
from experiments.corpora import pins, upstream
from experiments.corpora.item import Item
from experiments.curate import agreement, curation
from experiments.errors import DataError
from experiments.prepare.division import split_paired_choice
from tests.corpora.planted_upstream import plant_model_written


def test_the_model_written_files_are_read_and_what_is_left_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    plant_model_written(tmp_path)
    monkeypatch.setattr(upstream, "FOLDER", tmp_path)
    checked = []
    monkeypatch.setattr(pins, "verify_source", lambda *arguments: checked.append(arguments))
    settings = SimpleNamespace(source="files", same_claim=0.5, most_per_claim=2)
    items = curate.read_questions(settings)
    assert len(items) == 6
    assert checked == [(Path("data"), "pocket", "files")]
    assert "4 questions are left out: they have more than two options" in capsys.readouterr().out


def margins(**claims: list[float]) -> pd.DataFrame:
    """One row per item, swap-averaged margins by claim; the position is always 1 nat."""
    rows = [
        {"id": f"paired_choice/{name[1:]}{number}", "cluster": name, "swap_average": margin}
        for name, values in claims.items()
        for number, margin in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(position=1.0)


def split_of(table: pd.DataFrame) -> dict[str, str]:
    assert (table.groupby("cluster")["split"].nunique() == 1).all()
    return table.set_index("cluster")["split"].to_dict()


def test_a_claim_is_judged_by_the_mean_of_its_items() -> None:
    """Claim 2 holds the largest margin of all, but its mean is below that of claim 1."""
    table = curation(margins(c1=[0.5, 0.5], c2=[3.0, -3.0], c3=[-1.0], c4=[1.0]), {}, 0.5, "base")
    assert split_of(table) == {"c1": "hard", "c2": "easy", "c3": "easy", "c4": "hard"}


def test_equal_claims_are_divided_by_name_not_by_the_order_of_rows() -> None:
    frame = margins(c1=[0.0], c2=[0.0], c3=[0.0], c4=[0.0])
    forward = curation(frame, {}, 0.5, "base")
    backward = curation(frame.iloc[::-1], {}, 0.5, "base")
    pd.testing.assert_frame_equal(forward, backward)
    assert (forward["split"] == "hard").sum() == 2


def test_a_margin_is_stable_if_both_letterings_prefer_the_same_option() -> None:
    table = curation(margins(c1=[1.5, 0.5], c2=[-1.5]), {}, 0.5, "base")
    assert table["stable"].tolist() == [True, False, True]


def test_claudes_majority_decides_a_claim_and_a_tie_is_hard() -> None:
    frame = margins(c1=[0.0, 0.0, 0.0], c2=[0.0, 0.0], c3=[0.0])
    verdicts = {
        "paired_choice/10": "easy",
        "paired_choice/11": "easy",
        "paired_choice/12": "hard",
        "paired_choice/20": "easy",
        "paired_choice/21": "hard",
        "paired_choice/30": "easy",
    }
    table = curation(frame, verdicts, 0.5, "claude")
    assert split_of(table) == {"c1": "easy", "c2": "hard", "c3": "easy"}


def test_without_verdicts_claude_cannot_decide_and_base_can() -> None:
    frame = margins(c1=[0.0], c2=[1.0])
    assert set(curation(frame, {}, 0.5, "base")["claude_split"]) == {""}
    with pytest.raises(DataError, match="2 claims"):
        curation(frame, {}, 0.5, "claude")


def test_ids_are_in_the_order_of_their_numbers() -> None:
    table = curation(margins(c1=[0.0] * 3, c10=[0.0] * 3, c2=[0.0] * 3), {}, 0.5, "base")
    numbers = [int(name.rsplit("/")[-1]) for name in table["id"]]
    assert numbers == sorted(numbers)


def test_a_cluster_of_both_kinds_is_used_by_neither() -> None:
    """Near duplicates can join an easy claim with a hard one after curation."""

    def claim(number: int, *splits: str) -> list[Item]:
        return [
            Item(f"p/{number}/{i}", f"c{number}", "paired_choice", "Q", ("a", "b"), split=split)
            for i, split in enumerate(splits)
        ]

    easy = [item for n in range(6) for item in claim(n, "easy", "easy")]
    hard = [item for n in range(6, 9) for item in claim(n, "hard")]
    mixed = claim(9, "easy", "hard")
    sizes = SimpleNamespace(evaluate={"paired_choice": 4}, train={"paired_choice": 4}, validation=4)
    parameters = SimpleNamespace(seed=1, size=sizes, scale="pocket")
    parts = split_paired_choice([*easy, *hard, *mixed], parameters)
    assert "c9" not in {item.cluster for items in parts.values() for item in items}
    assert [item.split for item in parts["evaluation"]] == ["easy", "easy", "hard", "hard"]
    clusters = [{item.cluster for item in items} for items in parts.values()]
    assert sum(map(len, clusters)) == len(set.union(*clusters))


def labels(*counted: tuple[str, str, int]) -> tuple[pd.Series, pd.Series]:
    """The labels of two judges: so many rows of every pair."""
    rows = [pair[:2] for pair in counted for _ in range(pair[2])]
    frame = pd.DataFrame(rows, columns=["first", "second"], dtype=object)
    return frame["first"], frame["second"]


@pytest.mark.parametrize(
    ("counted", "observed", "kappa"),
    [
        # Cohen (1960): 35 of 50 agree, shares 25/25 and 30/20, so kappa = (0.7 - 0.5) / 0.5
        ([("y", "y", 20), ("y", "n", 5), ("n", "y", 10), ("n", "n", 15)], 0.7, 0.4),
        ([("y", "y", 1), ("n", "n", 1)], 1.0, 1.0),
        ([("y", "n", 1), ("n", "y", 1)], 0.0, -1.0),
        ([("y", "n", 3), ("n", "n", 1)], 0.25, 0.0),
        ([("y", "y", 2)], 1.0, None),
        ([], None, None),
    ],
)
def test_agreement_of_two_judges(
    counted: list, observed: float | None, kappa: float | None
) -> None:
    measured = agreement(*labels(*counted))
    assert measured["n"] == sum(count for *_, count in counted)
    expected = {"observed": observed, "kappa": kappa}
    for name, value in expected.items():
        assert (
            measured[name] == pytest.approx(value) if value is not None else pd.isna(measured[name])
        ), name
