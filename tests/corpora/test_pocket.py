"""The readers of the pocket corpus: on the fetched files, and on rows that are wrong."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from experiments.corpora import authored, pocket
from experiments.corpora.item import Item, read_items, read_rows, write_items, write_rows
from experiments.errors import DataError
from experiments.tasks.gsm8k import final_number
from tests.fetched import needs_data

PROBLEM = {"question": "How many  are\nleft?", "answer": "Five of <<6-1=5>>5 are.\n#### 5"}
CHOICE = {
    "subject": "botany",
    "split": "test",
    "number": 3,
    "question": " Which one? ",
    "choices": ["a ", " b", "c", "d"],
    "answer": 2,
}
PASSAGE = {
    "ind": 7,
    "source_id": "wikihow~12",
    "activity_label": "Baking bread",
    "ctx_a": "[header] How to bake [title] Mix the flour.",
    "ctx_b": "the cook",
    "endings": ["[step] waits.", "runs  off.", "sings.", "sleeps."],
    "label": "0",
}
MISCONCEPTION = {
    "id": "soup",
    "category": "nutrition",
    "question": "What is soup?",
    "best_answer": "A dish.",
    "correct_answers": ["Something to eat."],
    "incorrect_answers": ["A tree.", "A fish.", "A town."],
    "fact": "A dictionary.",
}
ARGUMENT = {
    "id": "x/flawed",
    "topic": "x",
    "voice": "letter",
    "text": "So.",
    "sound": False,
    "fallacy": "post hoc",
}


def all_mmlu() -> Iterable[Item]:
    return pocket.mmlu(("dev", "validation", "test"))


def two_misconceptions() -> Iterable[Item]:
    return authored.truthfulqa(3)


READERS: dict[str, tuple[Callable, dict]] = {
    "gsm8k.jsonl": (pocket.gsm8k, PROBLEM),
    "mmlu.jsonl": (all_mmlu, CHOICE),
    "hellaswag.jsonl": (pocket.hellaswag, PASSAGE),
    "misconceptions.jsonl": (two_misconceptions, MISCONCEPTION),
    "arguments.jsonl": (authored.arguments, ARGUMENT),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of data/pocket/ and of the authored texts."""
    monkeypatch.setattr(pocket, "FOLDER", tmp_path)
    monkeypatch.setattr(authored, "FOLDER", tmp_path)
    return tmp_path


def test_a_problem(folder: Path) -> None:
    write_rows(folder / "gsm8k.jsonl", [PROBLEM])
    (item,) = pocket.gsm8k()
    assert item.question == "How many are left?"
    assert item.solution == "Five of 5 are.\n#### 5"
    assert (item.id, item.cluster, item.options) == ("gsm8k/0", "gsm8k/0", ())


def test_a_choice(folder: Path) -> None:
    write_rows(folder / "mmlu.jsonl", [CHOICE, {**CHOICE, "split": "dev"}])
    (item,) = pocket.mmlu(("test",))
    assert item.id == "mmlu/botany/test/3"
    assert (item.question, item.options, item.gold) == ("Which one?", ("a", "b", "c", "d"), 2)
    assert [other.id for other in all_mmlu()] == ["mmlu/botany/test/3", "mmlu/botany/dev/3"]


def test_a_passage_is_cleaned_as_the_evaluation_harness_does(folder: Path) -> None:
    write_rows(folder / "hellaswag.jsonl", [PASSAGE])
    (item,) = pocket.hellaswag()
    assert item.question == "Baking bread: How to bake. Mix the flour. The cook"
    assert item.options == ("waits.", "runs off.", "sings.", "sleeps.")
    assert (item.gold, item.category, item.cluster) == (0, "wikihow", "hellaswag/wikihow~12")


def test_passages_of_both_sources_are_numbered_apart(folder: Path) -> None:
    write_rows(folder / "hellaswag.jsonl", [PASSAGE, {**PASSAGE, "source_id": "activitynet~v_1"}])
    assert len({item.id for item in pocket.hellaswag()}) == 2


def test_a_misconception_begins_with_the_best_answer(folder: Path) -> None:
    write_rows(folder / "misconceptions.jsonl", [MISCONCEPTION])
    (item,) = authored.truthfulqa(3)
    assert (item.options, item.gold) == (("A dish.", "A tree.", "A fish."), 0)


@pytest.mark.parametrize(("sound", "gold"), [(True, 0), (False, 1)])
def test_an_argument_is_sound_or_flawed(folder: Path, sound: bool, gold: int) -> None:
    fallacy = None if sound else "post hoc"
    write_rows(folder / "arguments.jsonl", [{**ARGUMENT, "sound": sound, "fallacy": fallacy}])
    (item,) = authored.arguments()
    assert (item.options[item.gold], item.gold) == ("sound" if sound else "flawed", gold)
    assert item.cluster == "arguments/x"


@pytest.mark.parametrize("name", READERS)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name} is missing; run"):
        list(READERS[name][0]())


@pytest.mark.parametrize("name", READERS)
def test_a_missing_field_is_named_with_its_line(folder: Path, name: str) -> None:
    read, row = READERS[name]
    for field in row:
        lacking = {key: value for key, value in row.items() if key != field}
        write_rows(folder / name, [row, lacking])
        with pytest.raises(DataError, match=rf"{name}, line 2, lacks {field}; "):
            list(read())


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b'{"question": "cut o', "line 2, is not JSON"),
        (b"\xff\xfe\x00", "line 2, is not JSON"),
        (b"", "line 2, is not JSON"),
        (b"[1, 2]", "line 2, is not a JSON object"),
    ],
)
def test_a_broken_line_is_named(folder: Path, name: str, line: bytes, cause: str) -> None:
    read, row = READERS[name]
    (folder / name).write_bytes(json.dumps(row).encode() + b"\n" + line + b"\n")
    with pytest.raises(DataError, match=cause):
        list(read())


def faulty(folder: Path, name: str, *rows: dict) -> str:
    """The sentence that says what is wrong with the second of these rows."""
    write_rows(folder / name, rows)
    with pytest.raises(DataError, match=rf"{name}, line 2, ") as raised:
        list(READERS[name][0]())
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"best_answer": None}, "best_answer: Input should be a valid string"),
        ({"category": 5}, "category: Input should be a valid string"),
        ({"question": ""}, "question: String should have at least 1 character"),
        ({"incorrect_answers": "A tree."}, "incorrect_answers: Input should be a valid array"),
        ({"incorrect_answers": []}, "incorrect_answers: List should have at least 1 item"),
        ({"incorrect_answers": ["A tree.", "a  DISH."]}, "the answer 'a  DISH.' is there twice"),
        ({"correct_answers": ["A fish."]}, "the answer 'A fish.' is there twice"),
        ({"colour": "red"}, "has an unknown field colour"),
        ({"id": "soup"}, "repeats the id 'soup'"),
    ],
)
def test_a_misconception_that_does_not_fit_is_named(folder: Path, change: dict, cause: str) -> None:
    second = {**MISCONCEPTION, "id": "stew"} | change
    assert cause in faulty(folder, "misconceptions.jsonl", MISCONCEPTION, second)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"sound": "no"}, "sound: Input should be a valid boolean"),
        ({"sound": 0}, "sound: Input should be a valid boolean"),
        ({"sound": True}, "a flawed argument needs its fallacy, and a sound one null"),
        ({"fallacy": None}, "a flawed argument needs its fallacy, and a sound one null"),
        ({"topic": None}, "topic: Input should be a valid string"),
        ({"id": "x/flawed"}, "repeats the id 'x/flawed'"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(folder: Path, change: dict, cause: str) -> None:
    second = {**ARGUMENT, "id": "y/flawed"} | change
    assert cause in faulty(folder, "arguments.jsonl", ARGUMENT, second)


def test_a_solution_without_a_final_answer_is_named(folder: Path) -> None:
    write_rows(folder / "gsm8k.jsonl", [PROBLEM, {**PROBLEM, "answer": "five"}])
    with pytest.raises(DataError, match="gsm8k/1 has no final answer"):
        list(pocket.gsm8k())


@pytest.mark.parametrize("answer", [4, -1, "C", None])
def test_a_right_option_that_is_not_there_is_named(folder: Path, answer: object) -> None:
    write_rows(folder / "mmlu.jsonl", [{**CHOICE, "answer": answer}])
    with pytest.raises(DataError, match=r"gold option .* is not one of its 4 options"):
        list(pocket.mmlu(("test",)))


def test_items_survive_writing_and_reading(tmp_path: Path) -> None:
    items = [
        Item(
            "a",
            "c",
            "mmlu",
            'Line separators \u2028 \x85 \u2029 and quotes " stay in one row?',
            ("é", "日本"),
            1,
            orders=((1, 0), (0, 1)),
            suggestion="é",
        ),
        Item("b", "c", "gsm8k", "1 + 1?", solution="#### 2"),
    ]
    write_items(tmp_path / "deep" / "items.jsonl", items)
    assert read_items(tmp_path / "deep" / "items.jsonl") == items
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["items.jsonl"]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"colour": "red"}, "line 1, has an unknown field colour"),
        ({"gold": 5}, "gold option 5"),
        ({"gold": "B"}, "line 1, gold: Input should be a valid integer"),
        ({"gold": True}, "line 1, gold: Input should be a valid integer"),
        ({"cluster": None}, "line 1, cluster: Input should be a valid string"),
        ({"options": None}, "line 1, options: Input should be a valid array"),
        ({"orders": [3]}, r"line 1, orders.0: Input should be a valid array"),
    ],
)
def test_an_item_that_does_not_fit_the_schema_is_named(
    tmp_path: Path, change: dict, cause: str
) -> None:
    row = {"id": "a", "cluster": "a", "benchmark": "mmlu", "question": "?", "options": ["x", "y"]}
    write_rows(tmp_path / "items.jsonl", [row | change])
    with pytest.raises(DataError, match=cause):
        read_items(tmp_path / "items.jsonl")


def test_rows_are_replaced_only_when_all_of_them_are_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [{"a": 1}])

    def failing() -> Iterable[dict]:
        yield {"a": 2}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_rows(path, failing())
    assert read_rows(path) == [{"a": 1}]


@needs_data
class TestFetched:
    def test_gsm8k(self) -> None:
        items = list(pocket.gsm8k())
        assert len(items) == 1319
        assert all(final_number(item.solution, "end") is not None for item in items)
        assert not any("<<" in item.solution or "\n" in item.question for item in items)

    def test_mmlu(self) -> None:
        items = list(all_mmlu())
        splits = Counter(item.id.split("/")[2] for item in items)
        assert splits == {"test": 14042, "validation": 1531, "dev": 285}
        assert len({item.category for item in items}) == 57
        assert len({item.id for item in items}) == len(items)
        assert all(len(item.options) == 4 and all(item.options) for item in items)
        key = Counter(item.gold for item in items)
        assert min(key.values()) > 0.2 * len(items)

    def test_hellaswag(self) -> None:
        items = list(pocket.hellaswag())
        assert len(items) == 10042
        assert len({item.id for item in items}) == len(items)
        assert {item.category for item in items} == {"activitynet", "wikihow"}
        assert len({item.cluster for item in items}) < len(items)
        shown = [text for item in items for text in (item.question, *item.options)]
        assert all(shown)
        assert not any("[" in text and "]" in text.split("[", 1)[1] for text in shown)
