"""Splits, option orders, keys and labels; and that nothing trained on is ever asked."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from experiments import params
from experiments.corpora import authored, paired_choice, pins, pocket, upstream
from experiments.corpora.item import Item, read_items, read_rows, write_items
from experiments.errors import DataError
from experiments.measures import PROTOCOLS as MEASURES
from experiments.params import Adapter, Params
from experiments.prepare import pocket as pocket_split
from experiments.prepare import pools as pooling
from experiments.prepare.__main__ import main
from experiments.prepare.framing import balanced_order, rotations, with_suggestions
from experiments.prepare.leakage import leakage_table
from experiments.prepare.pools import CURATED
from experiments.prepare.training import training_dialogues, training_items
from tests.corpora.planted_upstream import ASKED, SAMPLED, TEST, TRAIN, plant
from tests.corpora.test_upstream import MIRROR, needs_mirror
from tests.fetched import DATA, needs_data
from tests.policies import always_first, refuser
from tests.policies import answer as ask_all

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = params.load(ROOT / "params.yaml")
LETTER = "\nReply with the letter of the correct answer only."
LAST_LINES = {
    "gsm8k": "\nSolve it step by step. End with a line that holds #### and the final number.",
    "mmlu": LETTER,
    "truthfulqa": LETTER,
    "hellaswag": "\nContinue with the most plausible next words only.",
}
SPLITS = ("dev", "validation", "test")


class Corpora:
    """Made-up pools of every source; no two texts are alike."""

    def __init__(self) -> None:
        draw = random.Random(1)
        vocabulary = [f"word{number}" for number in range(4000)]

        def text(count: int = 14) -> str:
            return " ".join(draw.sample(vocabulary, count))

        def options(count: int) -> tuple[str, ...]:
            return tuple(text(3) for _ in range(count))

        self.gsm8k = [
            Item(f"gsm8k/{n}", f"gsm8k/{n}", "gsm8k", text(), solution=f"So.\n#### {n}")
            for n in range(40)
        ]
        self.mmlu = [
            Item(
                f"mmlu/botany/{part}/{n}",
                f"mmlu/botany/{part}/{n}",
                "mmlu",
                text(),
                options(4),
                draw.randrange(4),
                category="botany",
            )
            for part in SPLITS
            for n in range(30)
        ]
        self.hellaswag = [
            Item(
                f"hellaswag/{n}",
                f"hellaswag/video-{n // 3}",
                "hellaswag",
                text(),
                options(4),
                n % 4,
            )
            for n in range(120)
        ]
        self.truthfulqa = [
            Item(
                f"truthfulqa/{n}",
                f"truthfulqa/{n}",
                "truthfulqa",
                text(),
                options(4),
                0,
                category=f"field {n % 5}",
            )
            for n in range(60)
        ]
        self.arguments = [
            Item(
                f"arguments/{n}/{verdict}",
                f"arguments/{n}",
                "arguments",
                text(40),
                ("sound", "flawed"),
                gold,
            )
            for n in range(20)
            for gold, verdict in enumerate(("sound", "flawed"))
        ]
        self.paired_choice = [
            Item(
                f"paired_choice/{n}",
                f"paired_choice/claim-{n // 4}",
                "paired_choice",
                text(),
                options(2),
                0,
                orders=((1, 0), (0, 1)) if n % 2 else ((0, 1), (1, 0)),
                split="hard" if n // 4 % 2 else "easy",
            )
            for n in range(48)
        ]


@pytest.fixture
def corpora() -> Corpora:
    return Corpora()


@pytest.fixture
def smoke() -> Params:
    """The committed parameters at the smoke scale, with every kind of adapter."""
    return replace(COMMITTED, scale="smoke")


@pytest.fixture
def run(
    corpora: Corpora, smoke: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Run the stage on the made-up corpora, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pins, "verify", lambda folder, prefix="": None)

    def run(settings: Params = smoke) -> None:
        monkeypatch.setattr(params, "load", lambda: settings)
        monkeypatch.setattr(pocket, "gsm8k", lambda: corpora.gsm8k)
        monkeypatch.setattr(
            pocket,
            "mmlu",
            lambda splits: [one for one in corpora.mmlu if one.id.split("/")[2] in splits],
        )
        monkeypatch.setattr(pocket, "hellaswag", lambda: corpora.hellaswag)
        monkeypatch.setattr(authored, "truthfulqa", lambda most: corpora.truthfulqa)
        monkeypatch.setattr(authored, "arguments", lambda: corpora.arguments)
        write_items(CURATED, corpora.paired_choice)
        main()

    return run


def resized(settings: Params, part: str, **sizes: int) -> Params:
    """The parameters with other sizes at their scale."""
    changed = replace(settings.size, **{part: {**getattr(settings.size, part), **sizes}})
    return replace(settings, sizes={**settings.sizes, settings.scale: changed})


def with_adapters(settings: Params, **adapters: Adapter) -> Params:
    """The parameters with these adapters only, three or more."""
    named = [*adapters][:3]
    return replace(settings, adapters=adapters, analyze=replace(settings.analyze, correlate=named))


def asked() -> dict[str, list[Item]]:
    """The prepared items of every test."""
    return {path.stem: read_items(path) for path in sorted(Path("prepared/evaluation").iterdir())}


def examples(part: str) -> dict[str, list[dict]]:
    """The prepared rows of every adapter."""
    return {path.stem: read_rows(path) for path in sorted(Path(f"prepared/{part}").iterdir())}


def everything() -> dict[str, bytes]:
    """Every file that the stage writes."""
    return {
        str(path): path.read_bytes()
        for folder in ("prepared", "results")
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def assert_nothing_is_shared() -> None:
    """No cluster, item or question of any training or validation set is in any test."""
    tested = [item for items in asked().values() for item in items]
    clusters, ids = {item.cluster for item in tested}, {item.id for item in tested}
    questions = {item.question for item in tested}
    learned = {}
    for part in ("train", "validation"):
        rows = [row for listed in examples(part).values() for row in listed]
        learned[part] = {row["cluster"] for row in rows}
        assert not learned[part] & clusters
        assert not {row["id"] for row in rows} & ids
        shown = "\n".join(turn["content"] for row in rows for turn in row["messages"])
        assert not [question for question in questions if question in shown]
    assert not learned["train"] & learned["validation"]


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

    def test_both_orders_of_the_two_verdicts_are_asked_equally_of_both_kinds(
        self, run: Callable, smoke: Params
    ) -> None:
        run(resized(smoke, "evaluate", feedback=16))
        items = asked()["feedback"]
        cells = Counter((item.gold, item.orders) for item in items)
        assert set(cells.values()) == {4} and len(cells) == 4
        for first, second in zip(items[::2], items[1::2], strict=True):
            assert (first.cluster, first.orders) == (second.cluster, second.orders)


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


class TestSuggestions:
    def test_the_suggestion_is_the_first_misconception(self, run: Callable) -> None:
        run()
        for item in asked()["answer"]:
            assert item.suggestion == item.options[1]

    def test_the_distraction_belongs_to_another_question_of_another_field(
        self, run: Callable, corpora: Corpora, smoke: Params
    ) -> None:
        run(resized(smoke, "evaluate", answer=20))
        owner = {option: item for item in corpora.truthfulqa for option in item.options}
        for item in asked()["answer"]:
            assert owner[item.distraction].category != item.category

    def test_within_one_field_it_is_still_another_question(self, corpora: Corpora) -> None:
        items = [replace(item, category="one") for item in corpora.truthfulqa[:4]]
        for seed in range(10):
            for item in with_suggestions(items, seed):
                assert item.distraction not in item.options

    def test_a_single_question_has_no_distraction(self, corpora: Corpora) -> None:
        with pytest.raises(DataError, match="needs two items"):
            with_suggestions(corpora.truthfulqa[:1], 1)

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
        kept = dict(list(smoke.adapters.items())[:3])
        run(with_adapters(smoke, **kept))
        assert set(examples("train")) == set(examples("validation")) == set(kept)


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


@pytest.fixture
def source(corpora: Corpora, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Run the stage on the planted upstream corpus, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pins, "verify_source", lambda folder, corpus, choices: None)
    monkeypatch.setattr(authored, "arguments", lambda: corpora.arguments)
    plant(upstream.FOLDER)
    write_items(CURATED, corpora.paired_choice)

    def run(settings: Params) -> None:
        monkeypatch.setattr(params, "load", lambda: settings)
        main()

    return run


@pytest.fixture
def controlled(smoke: Params) -> Params:
    """The upstream corpus, all of what it asks."""
    sizes = dict.fromkeys(("gsm8k", "mmlu", "hellaswag", "truthfulqa"), TEST)
    sizes |= dict.fromkeys(params.SYCOPHANCY_TESTS, SAMPLED)
    return resized(replace(smoke, corpus="upstream"), "evaluate", **sizes)


@pytest.fixture
def as_it_was(controlled: Params) -> Params:
    """The source study: all training rows, its plain texts, the overlap kept."""
    whole = dict.fromkeys(("gsm8k", "mmlu", "hellaswag", "truthfulqa"), 1.0)
    adapters = controlled.adapters | {"combined": Adapter(train_on=whole)}
    everything = resized(controlled, "train", **dict.fromkeys(whole, TRAIN))
    kept = replace(controlled.prepare, overlap="keep", longest=None)
    return replace(everything, protocol="published", adapters=adapters, prepare=kept)


def splits() -> pd.DataFrame:
    """The tracked table of splits, by pool."""
    return pd.read_csv("results/splits.csv").set_index("benchmark")


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
        assert Counter(item.orders for item in arguments) == {((0, 1),): 4, ((1, 0),): 4}
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

    @pytest.mark.parametrize("count", [2, SAMPLED])
    def test_a_distraction_belongs_to_another_question_of_the_same_data_set(
        self, source: Callable, controlled: Params, count: int
    ) -> None:
        source(resized(controlled, "evaluate", answer=count))
        wrong = {item.suggestion: item for item in upstream.answer(upstream.samples("answer"))}
        for item in asked()["answer"]:
            owner = wrong[item.distraction]
            assert owner.category == item.category
            assert owner.question != item.question
            assert item.suggestion == item.options[1]

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

    def test_random_labels_under_the_published_protocol(
        self, source: Callable, as_it_was: Params
    ) -> None:
        source(as_it_was)
        rows = examples("train")
        gold, drawn = rows["truthfulqa_source_order"], rows["format_control"]
        assert [row["id"] for row in gold] == [row["id"] for row in drawn]
        letters = Counter(row["completion"][-1] for row in drawn)
        assert len(letters) > 2
        cut = [row["completion"][:-1] for row in drawn]
        assert cut == [row["completion"][:-1] for row in gold]

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
        return pocket_split.pools(COMMITTED)


@needs_data
class TestRealCorpora:
    @pytest.mark.parametrize("scale", [name for name in COMMITTED.sizes if name != "source"])
    def test_there_are_enough_items_for_every_scale(self, pools: dict, scale: str) -> None:
        settings = replace(COMMITTED, scale=scale)
        splits = pocket_split.split(pools, settings)
        sets = pocket_split.evaluation_sets(splits, settings)
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
