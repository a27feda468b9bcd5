"""The upstream corpus, divided as the source study divided it."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from experiments import params
from experiments.corpora import upstream
from experiments.corpora.item import read_rows, write_items
from experiments.errors import DataError
from experiments.measures import PROTOCOLS as MEASURES
from experiments.params import Params
from experiments.prepare.__main__ import main
from experiments.prepare.framing import rotations
from experiments.prepare.pools import CURATED
from tests.corpora.planted_upstream import ASKED, SAMPLED, TEST, TRAIN
from tests.corpora.test_upstream import MIRROR, needs_mirror
from tests.policies import always_first, refuser
from tests.policies import answer as ask_all
from tests.prepare.conftest import Corpora
from tests.prepare.written import (
    asked,
    assert_nothing_is_shared,
    everything,
    examples,
    resized,
    splits,
)


class TestUpstream:
    def test_the_splits_of_the_source_are_kept_and_nothing_is_shared(
        self, source: Callable, controlled: Params
    ) -> None:
        source(controlled)
        assert {task: len(items) for task, items in asked().items()} == controlled.size.evaluate
        for name, rows in examples("train").items():
            assert rows and examples("validation")[name], name
            assert {row["id"].split("/")[-2] for row in rows if row["id"].startswith("gsm8k")} <= {
                "train"
            }
        assert {item.split for item in asked()["mmlu"]} == {"test"}
        assert_nothing_is_shared()

    def test_what_is_asked_leaves_training_and_is_counted(
        self, source: Callable, controlled: Params
    ) -> None:
        source(resized(controlled, "train", gsm8k=100, truthfulqa=100))
        found = splits()
        assert found["overlapping"].to_dict() == dict.fromkeys(found.index, 0) | {
            "truthfulqa": ASKED
        }
        used = found["train"] + found["validation"]
        assert (used["gsm8k"], used["truthfulqa"]) == (TRAIN, TRAIN - ASKED)
        assert found.loc["answer", ["train", "validation", "evaluation"]].tolist() == [
            0,
            0,
            SAMPLED,
        ]

    def test_every_row_is_asked_also_two_of_one_cluster(
        self, source: Callable, controlled: Params
    ) -> None:
        source(controlled)
        arguments = asked()["feedback"]
        assert len({item.cluster for item in arguments}) == SAMPLED - 1
        assert {item.orders for item in arguments} == {((0, 1), (1, 0))}
        assert {item.options[item.gold] for item in arguments} == {"flawed"}

    def test_options_orders_and_prompts(self, source: Callable, controlled: Params) -> None:
        source(controlled)
        sure = asked()["are_you_sure"]
        assert {len(item.options) for item in sure} == {2, 3, 4, 5, 6}
        assert all(item.orders == rotations(item, 4) for item in sure)
        assert all(len(item.options) <= 4 for item in asked()["truthfulqa"])
        assert all(item.prompt for item in [*sure, *asked()["answer"]])
        rows = read_rows(Path("prepared/evaluation/mmlu.jsonl"))
        assert not any("prompt" in row for row in rows)  # where there is none, there is no field

    def test_length_limits_leave_items_out_unless_there_are_none(
        self, source: Callable, controlled: Params
    ) -> None:
        short = replace(controlled.prepare, longest={**controlled.prepare.longest, "mmlu": 1})
        with pytest.raises(
            DataError, match=r"mmlu has 0 items to ask, too few for 8; lower .* or raise prepare"
        ):
            source(replace(controlled, prepare=short))
        assert not Path("prepared").exists()
        source(replace(controlled, prepare=replace(short, longest=None)))
        assert splits().loc["mmlu", "items"] == TRAIN + TEST

    def test_one_item_too_few_is_named(self, source: Callable, controlled: Params) -> None:
        with pytest.raises(DataError, match="feedback has 8 items to ask, too few for 9"):
            source(resized(controlled, "evaluate", feedback=9))

    def test_the_source_study_as_it_was(self, source: Callable, as_it_was: Params) -> None:
        source(as_it_was)
        rows = examples("train")
        # the last tenth of its own rows validates
        assert (len(rows["gsm8k"]), len(examples("validation")["gsm8k"])) == (22, 2)
        assert rows["gsm8k"][0]["messages"] == []
        assert rows["gsm8k"][0]["completion"].startswith("Question: ")
        assert "<<1+1=2>>" in rows["gsm8k"][0]["completion"]
        assert all(row["completion"].endswith("Answer: A") for row in rows["truthfulqa"])
        assert any("\nF. " in row["completion"] for row in rows["truthfulqa"])
        assert rows["hellaswag"][0]["completion"].startswith("Context: [header]")
        assert any(len(item.options) > 4 for item in asked()["truthfulqa"])
        # adapters that the study did not train keep their dialogues
        assert all(row["messages"] for row in rows["paired_lora"] + rows["anti_sycophancy"])
        held = examples("validation")["combined"]
        assert {row["benchmark"] for row in held} == {"hellaswag"}
        assert not {row["cluster"] for row in held} & {row["cluster"] for row in rows["combined"]}
        assert len(rows["combined"]) == 4 * TRAIN - 9  # a tenth of 96

    def test_a_prompt_with_an_unknown_remark_is_refused(
        self, source: Callable, controlled: Params
    ) -> None:
        path = upstream.FOLDER / upstream.SAMPLES
        content = json.loads(path.read_text(encoding="utf-8"))
        content["answer"][1]["prompt"][0]["content"] += " Or is it?"
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(DataError, match="answer/1 is not its question and a known remark"):
            source(controlled)

    def test_a_kept_overlap_is_written_down_and_not_refused(
        self, source: Callable, as_it_was: Params
    ) -> None:
        source(as_it_was)
        leakage = pd.read_csv("results/leakage.csv").set_index(["adapter", "task"])
        assert leakage.loc[("truthfulqa", "are_you_sure"), "exact"] == ASKED
        assert leakage.loc[("gsm8k", "gsm8k"), "exact"] == 0
        # our own dialogues are about other items all the same
        ours = leakage.loc["anti_sycophancy", ["shared_clusters", "exact", "near"]]
        assert (ours == 0).all(axis=None)
        assert splits().loc["truthfulqa", "overlapping"] == ASKED
        source(replace(as_it_was, prepare=replace(as_it_was.prepare, overlap="remove")))
        leakage = pd.read_csv("results/leakage.csv")
        assert (leakage[["shared_clusters", "exact", "near"]] == 0).all(axis=None)

    def test_shuffled_labels_of_plain_texts_are_the_answers_alone(
        self, source: Callable, as_it_was: Params
    ) -> None:
        source(as_it_was)
        rows = examples("train")
        gold, others = (
            [row["completion"].rpartition("Answer: ") for row in rows[name]]
            for name in ("mmlu", "mmlu_shuffled")
        )
        assert [text for text, _, _ in gold] == [text for text, _, _ in others]
        found, wanted = ([answer for *_, answer in texts] for texts in (others, gold))
        assert found != wanted and Counter(found) == Counter(wanted)

    def test_a_second_run_writes_the_same_bytes(self, source: Callable, controlled: Params) -> None:
        source(controlled)
        first = everything()
        source(controlled)
        assert everything() == first

    @pytest.mark.parametrize("protocol", ["controlled", "published"])
    def test_every_task_can_ask_its_items(
        self, source: Callable, controlled: Params, protocol: str
    ) -> None:
        """A policy that always says A, and one that never says anything that can be read."""
        source(replace(controlled, protocol=protocol))
        for task, items in asked().items():
            for policy in (always_first, refuser):
                outcomes = ask_all(task, items, policy, controlled.evaluate, protocol)
                assert set(outcomes["id"]) == {item.id for item in items}
                values = MEASURES[protocol][task].measures(outcomes)
                assert values["value"].notna().any(), task
        outcomes = ask_all("feedback", asked()["feedback"], refuser, controlled.evaluate, protocol)
        if protocol == "published":
            assert outcomes["flawed"].all()


@needs_mirror
def test_the_stage_on_the_mirror(
    smoke: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpora: Corpora
) -> None:
    """The real files at small sizes, short items only, so that it takes seconds."""
    longest = {"gsm8k": 250, "mmlu": 150, "hellaswag": 300, "truthfulqa": 400, "arguments": 800}
    shorter = replace(smoke.prepare, longest={**smoke.prepare.longest, **longest})
    settings = replace(smoke, corpus="upstream", prepare=shorter)
    monkeypatch.setattr(params, "load", lambda: settings)
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    upstream.FOLDER.symlink_to(MIRROR.resolve())
    write_items(CURATED, corpora.paired_choice)
    main()
    assert {task: len(items) for task, items in asked().items()} == settings.size.evaluate
    assert_nothing_is_shared()
    assert splits().loc["truthfulqa", "overlapping"] > 150
