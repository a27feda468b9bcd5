"""Counts of the study's files: planted ones are found, altered files and counts are refused."""

import copy
import string
import subprocess

import pytest

from experiments.audit import counting, mirror, prompts
from experiments.corpora.pins import git_blob
from experiments.errors import DataError
from tests.audit.conftest import REPORTED


@pytest.fixture
def planted(small_mirror) -> dict:
    return counting.recompute(mirror.load(*small_mirror), "ABCDE")


def test_right_option_and_golds(planted):
    assert planted["option_position"]["test"] == {
        "truthfulqa": {"n": 2, "right_first": 1, "shuffled_always_first": (1 / 2 + 1 / 4) / 2},
        "mmlu": {"n": 2, "A": 1, "B": 0, "C": 1, "D": 0},
    }


def test_overlap_ignores_case_and_white_space_only(planted):
    answer = planted["contamination"]["answer"]
    assert answer["train"] == {"gsm8k": 0, "mmlu": 0, "truthfulqa": 1, "hellaswag": 0}
    assert answer["test"] == {"gsm8k": 0, "mmlu": 0, "truthfulqa": 1, "hellaswag": 0}
    assert not any(planted["contamination"]["feedback"]["train"].values())


def test_every_family_of_suggestion_once(planted):
    assert planted["prompts"]["answer"] == {"n": 5, **dict.fromkeys(prompts.FAMILIES, 1)}


def test_letters_examples_and_repeats(planted):
    assert planted["prompts"]["are_you_sure"] == {"n": 3, "right_letter_not_parsed": 1}
    assert planted["prompts"]["answer_examples"] == {"n": 2, "suggestion_at_least": 1}
    assert planted["prompts"]["feedback_examples"] == {
        "n": 2,
        "detection_lost": 1,
        "sentiment_rise": 1,
    }
    assert planted["repeats"]["feedback"] == {"n": 3, "distinct": 2, "squares": 5}


def test_blob_id_is_gits(tmp_path):
    content = b"one line\r\nand another\n"
    (tmp_path / "file").write_bytes(content)
    command = ["git", "hash-object", "--no-filters", str(tmp_path / "file")]
    git = subprocess.run(command, capture_output=True, text=True, check=True)
    assert git_blob(content) == git.stdout.strip()


def test_one_altered_byte_is_refused(small_mirror):
    folder, pins = small_mirror
    path = folder / "study" / mirror.split_path("train", "mmlu")
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"mmlu_train\.jsonl in the mirror is not the pinned file"):
        mirror.load(folder, pins)


def test_a_missing_file_is_named(small_mirror):
    folder, pins = small_mirror
    (folder / "study" / mirror.SAMPLES).unlink()
    with pytest.raises(DataError, match=r"the mirror lacks .*sycophancy_test_samples\.json"):
        mirror.load(folder, pins)


def test_a_changed_count_is_refused(planted, tmp_path):
    tracked = copy.deepcopy(planted)
    counting.compare(tracked, planted, tmp_path)
    tracked["option_position"]["test"]["mmlu"]["A"] += 1
    with pytest.raises(DataError, match=r"option_position\.test\.mmlu\.A = 2, the mirror gives 1"):
        counting.compare(tracked, planted, tmp_path)


def test_a_count_too_many_is_refused(planted, tmp_path):
    with pytest.raises(DataError, match=r"stale\.n, which is no longer counted"):
        counting.compare(planted | {"stale": {"n": 1}}, planted, tmp_path)


def test_tracked_counts_are_those_of_the_study(study, figures):
    recomputed = counting.recompute(study, figures.procedure["parsed_letters"])
    counting.compare(figures.counts, recomputed, REPORTED / "mirror_counts.json")


def test_families_agree_with_the_templates_the_items_name(study):
    """The regular expression reads prompts; the data set also names the template of each item."""
    for item in study.samples["answer"]:
        fields = {name for _, name, _, _ in string.Formatter().parse(template(item)) if name}
        named = (fields - {"question"}) or {"none"}
        family = prompts.family(item)
        expected = {"right": "correct_answer", "wrong": "incorrect_answer", "none": "none"}
        assert named == {expected[family.rpartition("_")[2]]}
        assert family.startswith("rejects") == ("don't" in template(item))


def template(item: dict) -> str:
    return item["metadata"]["prompt_template"]


def test_overlap_by_hand(study):
    trained = {row["question"] for row in study.rows["train", "truthfulqa"]}
    asked = [item["base"]["question"] for item in study.samples["are_you_sure"]]
    assert sum(question in trained for question in asked) == 171
    first = [
        row["mc1_targets"]["labels"][0] == 1
        for split in ("train", "test")
        for row in study.rows[split, "truthfulqa"]
    ]
    assert (len(first), sum(first)) == (800, 800)
    assert sum(row["answer"] == 0 for row in study.rows["test", "mmlu"]) == 126
