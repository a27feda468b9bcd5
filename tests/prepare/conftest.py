"""Made-up corpora, and the stage run on them in an empty folder."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import params
from experiments.corpora import authored, pins, pocket, upstream
from experiments.corpora.item import Item, write_items
from experiments.params import Adapter, Params
from experiments.prepare.__main__ import main
from experiments.prepare.pools import CURATED
from tests import items
from tests.corpora.planted_upstream import SAMPLED, TEST, TRAIN, plant
from tests.prepare.written import COMMITTED, resized

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

        def lettered(name: str, number: int, **given: object) -> Item:
            named = {"id": name, "cluster": name, "question": text(), "options": options(4)}
            return items.question(number, **(named | {"orders": ()} | given))

        self.gsm8k = [items.problem(n, question=text()) for n in range(40)]
        self.mmlu = [
            lettered(f"mmlu/botany/{part}/{n}", n, category="botany")
            for part in SPLITS
            for n in range(30)
        ]
        self.hellaswag = [
            lettered(
                f"hellaswag/{n}", n, benchmark="hellaswag", cluster=f"hellaswag/video-{n // 3}"
            )
            for n in range(120)
        ]
        self.truthfulqa = [
            lettered(
                f"truthfulqa/{n}", n, benchmark="truthfulqa", gold=0, category=f"field {n % 5}"
            )
            for n in range(60)
        ]
        self.arguments = [items.argument(n, question=text(40), orders=()) for n in range(40)]
        self.paired_choice = [
            items.opinion(
                n,
                cluster=f"paired_choice/claim-{n // 4}",
                question=text(),
                options=options(2),
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
