"""What adapters learn: labels, prompts and shares."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from experiments.params import Adapter, Params
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
    def test_random_labels_keep_the_prompts_and_forget_the_answers(
        self, run: Callable, smoke: Params
    ) -> None:
        gold = Adapter(train_on={"mmlu": 1.0})
        settings = with_adapters(smoke, gold=gold, drawn=replace(gold, labels="random"), again=gold)
        run(resized(settings, "train", mmlu=50))
        rows = examples("train")
        assert [row["messages"] for row in rows["gold"]] == [
            row["messages"] for row in rows["drawn"]
        ]
        assert rows["gold"] == rows["again"]
        letters = Counter(row["completion"] for row in rows["drawn"])
        assert set(letters) == set("ABCD") and min(letters.values()) > 4
        agreement = sum(
            one["completion"] == other["completion"]
            for one, other in zip(rows["gold"], rows["drawn"], strict=True)
        )
        assert 4 <= agreement <= 23  # a quarter of 50, give or take three standard errors

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
