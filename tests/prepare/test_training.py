"""What adapters learn: labels, prompts and shares."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from experiments.params import BENCHMARKS, Adapter, Params
from experiments.prepare.training import with_answers_of_others
from tests.prepare.written import (
    examples,
    resized,
    with_adapters,
)

LETTER = "\nReply with the letter of the correct answer only."
LAST_LINES = {
    "gsm8k": "\nSolve it step by step. End with a line that holds #### and the final number.",
    "mmlu": LETTER,
    "truthfulqa": LETTER,
    "hellaswag": "\nContinue with the most plausible next words only.",
}


class TestLabels:
    @pytest.mark.parametrize("name", ["mmlu", "gsm8k", "dialogues", "paired_choice"])
    def test_shuffled_labels_are_the_answers_of_others_of_the_kind(
        self, run: Callable, smoke: Params, name: str
    ) -> None:
        gold = Adapter(train_on={name: 1.0})
        settings = with_adapters(smoke, gold=gold, others=replace(gold, labels="shuffled"), x=gold)
        run(settings)
        for part in ("train", "validation"):
            ours, theirs = (examples(part)[key] for key in ("gold", "others"))
            unlabelled = [[{**row, "completion": ""} for row in rows] for rows in (ours, theirs)]
            assert unlabelled[0] == unlabelled[1]
            for kind in {row["benchmark"].partition("/")[0] for row in ours}:
                found, wanted = (
                    Counter(r["completion"] for r in rows if r["benchmark"].startswith(kind))
                    for rows in (theirs, ours)
                )
                assert found == wanted

    def test_own_labels_keep_the_gold_rows_and_list_the_choices(
        self, run: Callable, smoke: Params
    ) -> None:
        gold = Adapter(train_on=dict.fromkeys((*BENCHMARKS, "dialogues"), 1))
        run(with_adapters(smoke, gold=gold, own=replace(gold, labels="own"), x=gold))
        counts = Counter()
        for part in ("train", "validation"):
            ours, theirs = (examples(part)[key] for key in ("gold", "own"))
            assert all("choices" not in row for row in ours)
            choices = [row.pop("choices", None) for row in theirs]
            assert theirs == ours
            for row, listed in zip(ours, choices, strict=True):
                if row["benchmark"] == "gsm8k":
                    assert listed is None  # its solution is written
                    continue
                assert row["completion"] in listed and len(set(listed)) == len(listed)
                kind = row["benchmark"].partition("/")[0]
                shown = [line[0] for line in row["messages"][0]["content"].splitlines()]
                if kind not in ("hellaswag", "answer"):
                    assert listed == [letter for letter in "ABCD"[: len(listed)] if letter in shown]
                counts[kind, len(listed)] += 1
        assert set(counts) == {
            ("mmlu", 4), ("hellaswag", 4), ("truthfulqa", 4),
            ("feedback", 2), ("are_you_sure", 4), ("answer", 2),
        }  # fmt: skip

    @pytest.mark.parametrize("count", [2, 3, 8])
    def test_nobody_keeps_the_own_answer(self, count: int) -> None:
        rows = [
            {"benchmark": kind, "messages": ["asked"], "completion": f"{kind} {number}"}
            for number in range(count)
            for kind in ("mmlu", "answer/user_wrong")
        ]
        for seed in range(20):
            made = with_answers_of_others(rows, random.Random(seed))
            for before, after in zip(rows, made, strict=True):
                assert before["completion"] != after["completion"]
                assert after["completion"].startswith(before["benchmark"])

    def test_an_adapter_trains_on_the_question_as_it_is_asked(self, run: Callable) -> None:
        run()
        for row in examples("train")["combined"]:
            assert [turn["role"] for turn in row["messages"]] == ["user"]
            assert row["messages"][0]["content"].endswith(LAST_LINES[row["benchmark"]])

    def test_shares_make_the_combined_set_as_large_as_one_benchmark(
        self, run: Callable, smoke: Params
    ) -> None:
        sizes = dict.fromkeys(("gsm8k", "mmlu", "hellaswag", "truthfulqa"), 20)
        run(resized(smoke, "train", **sizes))
        rows = examples("train")
        assert Counter(row["benchmark"] for row in rows["combined"]) == dict.fromkeys(sizes, 5)
        assert len(rows["combined"]) == len(rows["mmlu"]) == 20
