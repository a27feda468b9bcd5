"""What training and tests share is counted, and refused."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from experiments import params
from experiments.corpora.item import Item
from experiments.errors import DataError
from experiments.params import Params
from experiments.prepare import pools as pooling
from experiments.prepare.leakage import leakage_table
from tests.prepare.conftest import Corpora
from tests.prepare.written import everything, resized


class TestLeakage:
    ASKED = Item("asked", "c-asked", "mmlu", "a b c d e f g h i j k l", ("one", "two"))

    def table(self, *learned: Item) -> pd.Series:
        trained = {("one", "train"): list(learned[:1]), ("one", "validation"): list(learned[1:])}
        table = leakage_table(trained, {"mmlu": [self.ASKED]}, 0.6)
        assert len(table) == 1
        return table.iloc[0]

    @pytest.mark.parametrize(
        ("planted", "found"),
        [
            ({}, {"shared_clusters": 1, "exact": 1, "near": 1}),
            ({"cluster": "other"}, {"shared_clusters": 0, "exact": 1, "near": 1}),
            (
                {"cluster": "other", "question": "A b c d, e f g h i j k z"},
                {"shared_clusters": 0, "exact": 0, "near": 1},
            ),
            (
                {"cluster": "other", "options": ("three is here", "four is here", "five is here")},
                {"shared_clusters": 0, "exact": 1, "near": 0},
            ),
            ({"question": "quite another one"}, {"shared_clusters": 1, "exact": 0, "near": 0}),
            (
                {"cluster": "other", "question": "quite another one"},
                {"shared_clusters": 0, "exact": 0, "near": 0},
            ),
        ],
    )
    def test_what_is_planted_is_found(self, planted: dict, found: dict) -> None:
        row = self.table(replace(self.ASKED, id="learned", **planted))
        assert {name: row[name] for name in found} == found

    def test_validation_items_count_as_learned(self) -> None:
        innocent = replace(self.ASKED, id="x", cluster="x", question="quite another one")
        assert self.table(innocent, self.ASKED)["exact"] == 1

    @pytest.mark.parametrize("alike", ["same", "near"])
    def test_a_leak_stops_the_stage_and_leaves_what_was_there(
        self,
        run: Callable,
        corpora: Corpora,
        smoke: Params,
        monkeypatch: pytest.MonkeyPatch,
        alike: str,
    ) -> None:
        run()
        before = everything()
        monkeypatch.setattr(pooling, "join_clusters", lambda items, threshold, by_question: items)
        extra = "" if alike == "same" else " besides"
        # every problem stands twice, in two clusters: one is asked and the other learned
        corpora.gsm8k += [
            replace(one, id=f"{one.id}b", cluster=f"{one.id}b", question=one.question + extra)
            for one in corpora.gsm8k
        ]
        with pytest.raises(DataError, match=r"share items \(.*gsm8k and gsm8k") as raised:
            run(resized(smoke, "train", gsm8k=70))
        assert "\n" not in str(raised.value)
        assert everything() == before

    def test_the_tracked_table_covers_every_adapter_and_test(
        self, run: Callable, smoke: Params
    ) -> None:
        run()
        table = pd.read_csv("results/leakage.csv")
        assert len(table) == len(smoke.adapters) * len(params.TESTS)
        assert (table[["shared_clusters", "exact", "near"]] == 0).all(axis=None)
        assert (table[["training_items", "evaluation_items"]] > 0).all(axis=None)
