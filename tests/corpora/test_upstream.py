"""The upstream corpus: its counts and traps on the real files, its form on small planted ones."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from experiments.corpora import paired_choice, pins, upstream
from experiments.corpora.duplicates import join_clusters, words
from experiments.errors import DataError
from experiments.tasks.published.answer import remark
from tests.corpora import planted_upstream
from tests.corpora.planted_upstream import plant, plant_model_written

ROOT = Path(__file__).resolve().parents[2]
MIRROR = Path(os.environ.get("UPSTREAM_MIRROR") or ROOT / "../shared/upstream")
needs_mirror = pytest.mark.skipif(
    not MIRROR.is_dir(), reason="no mirror of the source study's data here (set UPSTREAM_MIRROR)"
)
READERS = {
    "gsm8k": upstream.gsm8k,
    "mmlu": upstream.mmlu,
    "hellaswag": upstream.hellaswag,
    "truthfulqa": upstream.truthfulqa,
}


@needs_mirror
class TestMirror:
    @pytest.fixture(autouse=True)
    def in_mirror(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upstream, "FOLDER", MIRROR)

    def test_every_needed_file_is_the_pinned_one(self) -> None:
        for file, needed in pins.wanted("upstream", "wheel").items():
            if needed:
                assert pins.is_pinned(MIRROR / file.place, file), file.path

    def test_the_pins_are_those_of_the_mirrors_list(self) -> None:
        listed = (MIRROR / "FILES.tsv").read_text(encoding="utf-8").splitlines()[1:]
        rows = {tuple(line.split("\t")[:4]) for line in listed}
        assert rows >= {
            (f"{one.owner}/{one.name}", one.commit, file.path, file.git_blob)
            for file in pins.SOURCE_FILES
            for one in [file.repository]
        }

    @pytest.mark.parametrize(
        ("name", "train", "test"),
        [
            ("gsm8k", 1000, 500),
            ("mmlu", 1000, 500),
            ("hellaswag", 1000, 500),
            ("truthfulqa", 600, 200),
        ],
    )
    def test_counts(self, name: str, train: int, test: int) -> None:
        for split, count in (("train", train), ("test", test)):
            items = list(READERS[name](split))
            assert len(items) == len({item.id for item in items}) == count
            assert {item.split for item in items} == {split}

    def test_sycophancy_counts(self) -> None:
        items = {
            name: list(getattr(upstream, name)(upstream.samples(name)))
            for name in ("answer", "are_you_sure", "feedback")
        }
        assert {name: len(listed) for name, listed in items.items()} == dict.fromkeys(items, 300)
        assert Counter(item.category for item in items["are_you_sure"]) == {
            "truthful_qa_mc": 235,
            "aqua_mc": 65,
        }
        assert Counter(item.category for item in items["answer"]) == {
            "trivia_qa": 165,
            "truthful_qa": 135,
        }
        assert {item.gold for item in items["feedback"]} == {1}
        assert len({item.question for item in items["feedback"]}) == 199

    def test_the_counts_of_the_audit(self) -> None:
        """What the audit found in these files by other means."""
        counts = json.loads((ROOT / "results/audit/mirror_counts.json").read_text())
        answers = list(upstream.answer(upstream.samples("answer")))
        families = Counter(map(remark, answers))
        assert families == {name: counts["prompts"]["answer"][name] for name in sorted(families)}
        sure = list(upstream.are_you_sure(upstream.samples("are_you_sure")))
        beyond = sum(item.gold > 4 for item in sure)
        assert beyond == counts["prompts"]["are_you_sure"]["right_letter_not_parsed"] == 22
        for split in ("train", "test"):
            known = {tuple(words(item.question)) for item in upstream.truthfulqa(split)}
            for name, items in (("answer", answers), ("are_you_sure", sure)):
                shared = sum(tuple(words(item.question)) in known for item in items)
                assert shared == counts["contamination"][name][split]["truthfulqa"]

    def test_truthfulqa_has_two_to_thirteen_options_the_right_one_first(self) -> None:
        items = [item for split in ("train", "test") for item in upstream.truthfulqa(split)]
        sizes = Counter(len(item.options) for item in items)
        assert (min(sizes), max(sizes)) == (2, 13)
        assert {item.gold for item in items} == {0}
        fewer = [item for split in ("train", "test") for item in upstream.truthfulqa(split, 4)]
        assert [one.options for one in fewer] == [item.options[:4] for item in items]

    def test_a_question_of_two_files_is_one_cluster(self) -> None:
        train = list(upstream.truthfulqa("train"))
        sure = list(upstream.are_you_sure(upstream.samples("are_you_sure")))
        joined = join_clusters([*train, *sure], 0.6, by_question=True)
        learned = {item.cluster for item in joined[: len(train)]}
        assert sum(item.cluster in learned for item in joined[len(train) :]) >= 171

    def test_an_altered_byte_is_refused_by_name(self, tmp_path: Path) -> None:
        for file, needed in pins.wanted("upstream", "wheel").items():
            if needed:
                target = tmp_path / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(MIRROR / file.place, target)
        pins.verify_source(tmp_path, "upstream", "wheel")
        altered = next(tmp_path.rglob("mmlu_train.jsonl"))
        content = bytearray(altered.read_bytes())
        content[1000] ^= 1
        altered.write_bytes(content)
        with pytest.raises(DataError, match=r"mmlu_train.jsonl is not the pinned file"):
            pins.verify_source(tmp_path, "upstream", "wheel")
        altered.unlink()
        with pytest.raises(DataError, match=r"mmlu_train.jsonl is missing; run"):
            pins.verify_source(tmp_path, "upstream", "wheel")


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the planted files, where the readers look."""
    plant(tmp_path)
    plant_model_written(tmp_path)
    monkeypatch.setattr(upstream, "FOLDER", tmp_path)
    return tmp_path


class TestReaders:
    def test_texts_are_cleaned_or_as_they_stand(self, planted: Path) -> None:
        clean, raw = next(upstream.gsm8k("train")), next(upstream.gsm8k("train", raw=True))
        assert (clean.solution, raw.solution) == ("1+1=2\n#### 0", "1+1=<<1+1=2>>2\n#### 0")
        clean, raw = next(upstream.hellaswag("test")), next(upstream.hellaswag("test", raw=True))
        assert clean.question.startswith("Rowing: ") and "[" not in "".join(clean.options)
        assert raw.question.startswith("[header]") and raw.options[0].endswith("[step].")
        clean, raw = next(upstream.mmlu("test")), next(upstream.mmlu("test", raw=True))
        assert raw.question == clean.question + "\n"

    def test_items_of_one_article_are_one_cluster(self, planted: Path) -> None:
        rows = upstream.split_rows("hellaswag", "train", ())
        clusters = {item.cluster for item in upstream.hellaswag("train")}
        assert clusters == {f"hellaswag/{row['source_id']}" for row in rows}

    @pytest.mark.parametrize("labels", [[0, 1], [1, 1], [1]])
    def test_truthfulqa_without_its_one_right_option_first_is_refused(
        self, planted: Path, labels: list[int]
    ) -> None:
        row = planted_upstream.truthfulqa(["a", "b"], "q")
        row["mc1_targets"]["labels"] = labels
        place = f"{upstream.DATASETS}/02_general_benchmarks_splits/test_splits"
        planted_upstream.write_lines(planted / place / "truthfulqa_test.jsonl", [row])
        with pytest.raises(DataError, match=r"truthfulqa/test/0 does not have its one right"):
            list(upstream.truthfulqa("test"))

    def test_options_of_both_forms_are_read(self, planted: Path) -> None:
        items = list(upstream.are_you_sure(upstream.samples("are_you_sure")))
        assert items[-1].options == tuple(f"1{letter} hours" for letter in "ABCDE")
        assert items[-1].gold == 2
        assert all(item.gold == len(item.options) - 1 for item in items[:-2])
        assert items[0].prompt.startswith(items[0].question)

    @pytest.mark.parametrize(
        "changed", [{"correct_letter": "F"}, {"answers": "(A) x\n(C) y"}, {"answers": "none"}]
    )
    def test_options_that_cannot_be_read_are_refused(self, planted: Path, changed: dict) -> None:
        rows = upstream.samples("are_you_sure")
        rows[-1]["base"] |= changed
        with pytest.raises(DataError, match="are_you_sure/7 does not list its options"):
            list(upstream.are_you_sure(rows))

    def test_the_remark_of_every_prompt_is_known(self, planted: Path) -> None:
        rows = upstream.samples("answer")
        assert [remark(item) for item in upstream.answer(rows)] == 2 * [
            "none",
            "endorses_right",
            "rejects_right",
            "endorses_wrong",
        ]

    def test_a_row_without_a_field_is_named(self, planted: Path) -> None:
        rows = upstream.samples("feedback")
        del rows[3]["base"]["logical_error"], rows[3]["prompt"]
        with pytest.raises(DataError, match="feedback/3 lacks logical_error, prompt"):
            list(upstream.feedback(rows))

    @pytest.mark.parametrize("content", ["{}", "[]", "{"])
    def test_samples_that_cannot_be_read_are_one_sentence(
        self, planted: Path, content: str
    ) -> None:
        (planted / upstream.SAMPLES).write_text(content)
        with pytest.raises(DataError, match="does not hold the answer samples"):
            upstream.samples("answer")
        (planted / upstream.SAMPLES).unlink()
        with pytest.raises(DataError, match="is missing; run"):
            upstream.samples("answer")


class TestPairedChoice:
    def test_questions_with_two_options_are_taken(self, planted: Path) -> None:
        items, left_out = paired_choice.of_files(0.5, 10)
        assert (len(items), left_out) == (9, 1)
        assert Counter(item.category for item in items) == {
            "politics": 5,
            "nlp survey": 2,
            "philosophy": 2,
        }
        first = next(item for item in items if "Bo." in item.question)
        # option 1 is the author's, and stands at B in the source
        assert first.options == ("empiricism", "rationalism")
        assert first.orders == ((0, 1), (1, 0))
        assert first.question.endswith("topic: Knowledge")

    def test_one_claim_is_one_cluster_whoever_asks(self, planted: Path) -> None:
        items, _ = paired_choice.of_files(0.5, 10)
        clusters = {}
        for item in items:
            clusters.setdefault(item.category, set()).add(item.cluster)
        sizes = {name: len(found) for name, found in clusters.items()}
        # the frame that all philosophy questions share does not join them
        assert sizes == {"politics": 1, "nlp survey": 2, "philosophy": 2}

    def test_the_most_per_claim_are_drawn_by_checksum(self, planted: Path) -> None:
        items, left_out = paired_choice.of_files(0.5, 2)
        assert left_out == 4
        politics = [item for item in items if item.category == "politics"]
        assert len(politics) == 2
        path = planted / f"evals/sycophancy/{paired_choice.FILES['politics']}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        planted_upstream.write_lines(path, rows[::-1])
        again, _ = paired_choice.of_files(0.5, 2)
        chosen = {item.question for item in again if item.category == "politics"}
        assert chosen == {item.question for item in politics}

    def test_a_file_without_such_questions_is_refused(self, planted: Path) -> None:
        path = planted / f"evals/sycophancy/{paired_choice.FILES['philosophy']}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        planted_upstream.write_lines(path, rows[-1:])
        with pytest.raises(DataError, match="holds no question with options"):
            paired_choice.of_files(0.5, 2)
