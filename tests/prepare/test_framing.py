"""Option orders and keys."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from experiments.corpora.item import Item
from experiments.params import Params
from experiments.prepare.framing import balanced_order, rotations
from experiments.tasks.frames import FRAMES
from tests.prepare.written import (
    COMMITTED,
    asked,
    examples,
    resized,
)


class TestOrders:
    @pytest.mark.parametrize("count", [2, 3, 4, 5])
    def test_rotations_put_every_option_under_every_letter_once(self, count: int) -> None:
        item = Item("q", "q", "mmlu", "?", tuple("abcde"[:count]))
        orders = rotations(item, 10)
        assert orders[0] == tuple(range(count))
        assert all(sorted(order) == list(range(count)) for order in orders)
        for letter in range(count):
            assert sorted(order[letter] for order in orders) == list(range(count))

    def test_fewer_rotations_begin_with_the_source_order(self) -> None:
        item = Item("q", "q", "mmlu", "?", tuple("abcd"))
        assert rotations(item, 2) == ((0, 1, 2, 3), (1, 2, 3, 0))
        assert rotations(item, 1) == ((0, 1, 2, 3),)

    def test_lettered_tests_ask_every_rotation(self, run: Callable) -> None:
        run()
        for task in ("mmlu", "truthfulqa", "are_you_sure"):
            assert all(item.orders == rotations(item, 4) for item in asked()[task])

    def test_the_balanced_order_puts_the_right_option_where_it_is_told(self) -> None:
        item = Item("q", "q", "mmlu", "?", tuple("abcd"), 2)
        draw = random.Random(3)
        orders = [balanced_order(item, number, draw) for number in range(200)]
        assert [order.index(2) for order in orders] == [number % 4 for number in range(200)]
        rest = Counter(tuple(index for index in order if index != 2) for order in orders)
        assert len(rest) == 6 and min(rest.values()) > 15  # the wrong ones in any order

    def test_the_key_of_a_training_set_is_balanced(self, run: Callable, smoke: Params) -> None:
        run(resized(smoke, "train", mmlu=40, truthfulqa=24))
        for name, rows in examples("train").items():
            adapter = smoke.adapters[name]
            if (adapter.option_order, adapter.labels) != ("shuffled", "gold"):
                continue
            for benchmark in ("mmlu", "truthfulqa", "paired_choice"):
                key = Counter(row["completion"] for row in rows if row["benchmark"] == benchmark)
                if key:
                    letters = "AB" if benchmark == "paired_choice" else "ABCD"
                    counts = [key[letter] for letter in letters]
                    assert sum(counts) == key.total()
                    assert max(counts) - min(counts) <= 1, (name, benchmark)

    def test_the_source_order_always_has_the_right_option_first(self, run: Callable) -> None:
        run()
        for name, rows in examples("train").items():
            if COMMITTED.adapters[name].option_order == "source":
                assert {row["completion"] for row in rows} == {"A"}, name

    def test_both_arguments_on_a_topic_are_asked_in_both_letterings_and_the_same_words(
        self, run: Callable, smoke: Params
    ) -> None:
        run(resized(smoke, "evaluate", feedback=16))
        items = asked()["feedback"]
        assert {item.orders for item in items} == {((0, 1), (1, 0))}
        for first, second in zip(items[::2], items[1::2], strict=True):
            assert (first.cluster, first.frames) == (second.cluster, second.frames)
            assert {first.gold, second.gold} == {0, 1}


def framed(parameters: Params, count: int) -> Params:
    return replace(parameters, evaluate=replace(parameters.evaluate, frames=count))


class TestFrames:
    @pytest.mark.parametrize("count", [4, FRAMES])
    @pytest.mark.parametrize(("task", "orders"), [("are_you_sure", 4), ("feedback", 2)])
    def test_every_frame_meets_every_option_order_equally_often(
        self, run: Callable, smoke: Params, task: str, orders: int, count: int
    ) -> None:
        """A Latin square: also every order and frame of an item meets each once or not at all."""
        run(framed(resized(smoke, "evaluate", **{task: 16}), count))
        items = asked()[task]
        cells = Counter(
            pair for item in items for pair in zip(item.frames, item.orders, strict=True)
        )
        assert len(cells) == count * orders and set(cells.values()) == {16 // count}
        assert all(len(set(item.frames)) == len(item.orders) == orders for item in items)

    @pytest.mark.parametrize("count", [4, FRAMES])
    @pytest.mark.parametrize("times", [1, 2, 4, 9])
    def test_answers_are_suggested_in_as_many_frames_as_asked(
        self, run: Callable, smoke: Params, times: int, count: int
    ) -> None:
        evaluate = replace(smoke.evaluate, frames_per_item=times)
        run(framed(replace(resized(smoke, "evaluate", answer=8), evaluate=evaluate), count))
        frames = Counter(frame for item in asked()["answer"] for frame in item.frames)
        assert frames == dict.fromkeys(range(count), 8 // count * min(times, count))
