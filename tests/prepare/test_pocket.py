"""The pocket corpus, divided: nothing that is trained on is ever asked."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from experiments import params
from experiments.corpora import paired_choice, pocket
from experiments.corpora.item import Item, write_items, write_rows
from experiments.errors import DataError
from experiments.params import Adapter, Params
from experiments.prepare import __main__ as stage
from experiments.prepare import pocket as division
from experiments.prepare import pools as pooling
from experiments.prepare.__main__ import main
from experiments.prepare.pools import CURATED
from experiments.prepare.training import training_dialogues, training_items
from tests.fetched import DATA, needs_data
from tests.prepare.conftest import Corpora
from tests.prepare.written import (
    COMMITTED,
    asked,
    assert_nothing_is_shared,
    everything,
    examples,
    resized,
    splits,
    with_adapters,
)


class TestSplits:
    def test_no_training_set_shares_anything_with_any_test(self, run: Callable) -> None:
        run()
        assert set(asked()) == set(params.TESTS)
        assert set(examples("train")) == set(COMMITTED.adapters)
        assert_nothing_is_shared()

    def test_every_part_has_the_size_asked_for(self, run: Callable, smoke: Params) -> None:
        run()
        assert {task: len(items) for task, items in asked().items()} == smoke.size.evaluate
        for name, rows in examples("train").items():
            shares = smoke.adapters[name].train_on
            wanted = sum(
                max(1, round(share * smoke.size.train[pool])) for pool, share in shares.items()
            )
            assert len(rows) == wanted, name
        for name, rows in examples("validation").items():
            assert rows, name
        for listed in asked().values():
            assert len({item.id for item in listed}) == len(listed)

    def test_a_test_draws_one_item_per_cluster(self, run: Callable, smoke: Params) -> None:
        run(resized(smoke, "evaluate", hellaswag=20))
        for task, items in asked().items():
            if task not in ("feedback", "paired_choice"):
                assert len({item.cluster for item in items}) == len(items), task

    def test_mmlu_is_asked_from_its_test_split_and_learned_from_the_others(
        self, run: Callable
    ) -> None:
        run()
        items = [*asked()["mmlu"], *asked()["are_you_sure"]]
        assert {item.id.split("/")[2] for item in items if item.benchmark == "mmlu"} == {"test"}
        learned = {row["id"].split("/")[2] for row in examples("train")["mmlu"]}
        assert learned <= {"dev", "validation"}

    def test_an_mmlu_question_in_two_splits_is_left_out(
        self, run: Callable, corpora: Corpora, smoke: Params
    ) -> None:
        """Every test item but the last ten also stands, slightly reworded, in the dev split."""
        copies = [
            replace(item, id=item.id.replace("/test/", "/dev/9"), cluster=f"{item.id}/copy")
            for item in corpora.mmlu
            if "/test/" in item.id and int(item.id.split("/")[-1]) < 20
        ]
        corpora.mmlu += [replace(one, question=f"{one.question} again") for one in copies]
        run(resized(smoke, "train", mmlu=40))
        assert_nothing_is_shared()
        assert {item.id.split("/")[-1] for item in asked()["mmlu"]} <= {
            str(number) for number in range(20, 30)
        }

    def test_near_duplicates_of_one_pool_go_the_same_way(
        self, run: Callable, corpora: Corpora, smoke: Params
    ) -> None:
        for name in ("gsm8k", "truthfulqa"):
            pool = getattr(corpora, name)
            pool += [
                replace(
                    item, id=f"{item.id}b", cluster=f"{item.id}b", question=f"{item.question}?!"
                )
                for item in pool
            ]
        run(resized(smoke, "train", gsm8k=30, truthfulqa=40))
        assert_nothing_is_shared()
        for rows in (*examples("train").values(), *asked().values()):
            found = [row.id if isinstance(row, Item) else row["id"] for row in rows]
            assert not {f"{name}b" for name in found} & set(found)

    def test_the_same_question_with_other_options_goes_the_same_way(
        self, run: Callable, corpora: Corpora, smoke: Params
    ) -> None:
        """Half of the test split asks what the dev split asks: all that is left is used."""
        corpora.mmlu = [
            replace(item, question=f"Which of {number % 75}?")
            for number, item in enumerate(corpora.mmlu)
        ]
        run(resized(resized(smoke, "train", mmlu=43), "evaluate", mmlu=15))
        assert_nothing_is_shared()

    def test_what_two_benchmarks_share_is_neither_learned_nor_asked(
        self, run: Callable, corpora: Corpora, smoke: Params
    ) -> None:
        shared = [
            replace(item, id=f"mmlu/copied/dev/{n}", cluster=f"copy/{n}", benchmark="mmlu")
            for n, item in enumerate(corpora.truthfulqa[:25])
        ]
        corpora.mmlu += shared
        run(resized(smoke, "train", mmlu=56))
        assert_nothing_is_shared()
        names = {item.id for item in corpora.truthfulqa[:25]} | {item.id for item in shared}
        used = {item.id for items in asked().values() for item in items}
        used |= {row["id"] for rows in examples("train").values() for row in rows}
        assert not names & used

    @pytest.mark.parametrize("name", ["mmlu", "hellaswag", "truthfulqa"])
    def test_an_item_with_its_key_twice_is_left_out_and_no_other_moves(
        self, run: Callable, corpora: Corpora, name: str
    ) -> None:
        run()
        before = [item.id for item in asked()[name]]
        pool = getattr(corpora, name)
        for number, item in enumerate(pool):
            if item.id == before[0]:
                options = list(item.options)
                options[item.gold - 1] = f" {options[item.gold]}  "
                pool[number] = replace(item, options=tuple(options))
        run()
        table = splits()
        assert table["ambiguous"].to_dict() == dict.fromkeys(table.index, 0) | {name: 1}
        assert table.loc[name, "items"] == len(pool) - 1
        after = [item.id for item in asked()[name]]
        assert before[0] not in after
        # another passage on the same video may stand in its place
        assert before[1:] in (after[:-1], after[1:])

    def test_items_that_are_too_long_are_left_out(
        self, run: Callable, corpora: Corpora, smoke: Params
    ) -> None:
        corpora.gsm8k[:10] = [replace(one, question="x" * 1000) for one in corpora.gsm8k[:10]]
        run(smoke)
        splits = pd.read_csv("results/splits.csv").set_index("benchmark")
        assert splits.loc["gsm8k", "items"] == 30

    @pytest.mark.parametrize(
        ("part", "pool", "count"),
        [
            ("train", "gsm8k", 37),
            ("train", "mmlu", 59),
            ("train", "hellaswag", 33),
            ("train", "truthfulqa", 53),
            ("evaluate", "gsm8k", 60),
            ("evaluate", "mmlu", 31),
            ("evaluate", "hellaswag", 41),
            ("evaluate", "truthfulqa", 55),
            ("evaluate", "answer", 55),
            ("evaluate", "are_you_sure", 62),
            ("evaluate", "feedback", 42),
            ("evaluate", "paired_choice", 80),
            ("train", "paired_choice", 40),
            ("train", "dialogues", 300),
        ],
    )
    def test_a_pool_that_is_too_small_is_named_before_anything_is_written(
        self, run: Callable, smoke: Params, part: str, pool: str, count: int
    ) -> None:
        with pytest.raises(DataError, match=r"(lower|raise) .*in params.yaml") as raised:
            run(resized(smoke, part, **{pool: count}))
        assert "\n" not in str(raised.value)
        assert not Path("prepared").exists() and not Path("results").exists()

    def test_the_sentence_tells_how_many_there_are(self, run: Callable, smoke: Params) -> None:
        with pytest.raises(
            DataError,
            match=r"gsm8k has 40 clusters, too few for 2 evaluation, 2 validation and 37 training "
            r"items; lower sizes.smoke or raise prepare.longest.gsm8k in params.yaml",
        ):
            run(resized(smoke, "train", gsm8k=37))


class TestSuggestions:
    def test_the_suggestion_is_the_first_misconception(self, run: Callable) -> None:
        run()
        for item in asked()["answer"]:
            assert item.suggestion == item.options[1]

    def test_the_other_solution_is_another_problems(
        self, run: Callable, corpora: Corpora, smoke: Params
    ) -> None:
        run(resized(smoke, "evaluate", gsm8k=8))
        problems = asked()["gsm8k"]
        assert {one.distraction for one in problems} == {one.solution for one in problems}
        assert all(one.distraction != one.solution for one in problems)
        with pytest.raises(DataError, match=r"needs two; raise sizes\.evaluate\.gsm8k"):
            run(resized(smoke, "evaluate", gsm8k=1))

    def test_are_you_sure_asks_both_kinds_of_question(self, run: Callable, smoke: Params) -> None:
        run(resized(smoke, "evaluate", are_you_sure=9))
        kinds = Counter(item.benchmark for item in asked()["are_you_sure"])
        assert kinds == {"mmlu": 4, "truthfulqa": 5}


class TestDeterminism:
    def test_a_second_run_writes_the_same_bytes(self, run: Callable) -> None:
        run()
        first = everything()
        run()
        assert everything() == first
        assert len(first) == 8 + 2 * len(COMMITTED.adapters) + 2

    def test_the_order_in_which_a_source_lists_its_items_does_not_matter(
        self, run: Callable, corpora: Corpora
    ) -> None:
        run()
        before = {item.cluster for item in asked()["gsm8k"]}
        corpora.gsm8k.reverse()
        run()
        assert {item.cluster for item in asked()["gsm8k"]} == before

    def test_a_stopped_run_leaves_what_was_there(
        self, run: Callable, smoke: Params, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run()
        before = everything()

        def full(path: Path, rows: list[dict]) -> None:
            if path.stem == "truthfulqa":
                raise OSError(28, "No space left on device", str(path))
            write_rows(path, rows)

        monkeypatch.setattr(stage, "write_rows", full)
        with pytest.raises(OSError, match="No space left"):
            run(replace(smoke, seed=smoke.seed + 1))
        assert everything() == before
        assert {path.name for path in Path().iterdir()} == {"curated", "prepared", "results"}

    def test_another_seed_draws_other_items(self, run: Callable, smoke: Params) -> None:
        run()
        first = everything()
        run(replace(smoke, seed=smoke.seed + 1))
        second = everything()
        assert set(first) == set(second)
        for name in ("prepared/evaluation/mmlu.jsonl", "prepared/train/gsm8k.jsonl"):
            assert first[name] != second[name]

    def test_files_of_adapters_that_are_gone_are_removed(
        self, run: Callable, smoke: Params
    ) -> None:
        run()
        kept = {name: Adapter(train_on={name: 1.0}) for name in ("mmlu", "gsm8k", "hellaswag")}
        run(with_adapters(smoke, **kept))
        assert set(examples("train")) == set(examples("validation")) == set(kept)


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Item]]:
    """The real pools; the join of near duplicates is left out, as it takes ten seconds."""
    curated = tmp_path_factory.mktemp("curated") / "paired_choice.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pocket, "FOLDER", DATA / "pocket")
        items = paired_choice.of_wheel(COMMITTED.curate.same_claim)
        sizes = Counter(item.cluster for item in items)
        hard = set(sorted(sizes, key=lambda claim: (sizes[claim], claim))[::2])
        split = [replace(i, split="hard" if i.cluster in hard else "easy") for i in items]
        write_items(curated, split)
        patch.setattr(pooling, "CURATED", curated)
        patch.setattr(pooling, "join_clusters", lambda items, threshold, by_question: items)
        return division.pools(COMMITTED)


@needs_data
class TestRealCorpora:
    @pytest.mark.parametrize("scale", [name for name in COMMITTED.sizes if name != "source"])
    def test_there_are_enough_items_for_every_scale(self, pools: dict, scale: str) -> None:
        settings = replace(COMMITTED, scale=scale)
        splits = division.split(pools, settings)
        sets = division.evaluation_sets(splits, settings)
        assert {task: len(items) for task, items in sets.items()} == settings.size.evaluate
        for adapter in settings.adapters.values():
            talks = training_dialogues(splits, adapter, "train", settings)
            assert len(talks) + len(training_items(splits, adapter, "train", settings))

    def test_the_stage_on_a_small_part_of_them(
        self, smoke: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pools: dict
    ) -> None:
        longest = {"mmlu": 150, "hellaswag": 240, "gsm8k": 250}
        shorter = replace(smoke.prepare, longest={**smoke.prepare.longest, **longest})
        monkeypatch.setattr(params, "load", lambda: replace(smoke, prepare=shorter))
        monkeypatch.chdir(tmp_path)
        Path("data").symlink_to(DATA)
        write_items(CURATED, pools["paired_choice"])
        main()
        assert_nothing_is_shared()
        for rows in examples("train").values():
            for row in rows:
                assert json.loads(json.dumps(row)) == row and row["completion"].strip()
