"""Evaluate and analyze under the published protocol, with a made-up engine and few items."""

import json
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from experiments import analyze, evaluate, params
from experiments.corpora.item import read_rows, write_items
from experiments.engine.request import Choose, Likelihoods, Reply, Request, Text
from experiments.errors import OutcomeError
from experiments.models import trained
from experiments.params import BENCHMARKS, SYCOPHANCY_TESTS, Adapter, Params
from experiments.tables import TABLES
from tests.items import of_task, opinion
from tests.policies import finish
from tests.test_evaluate import stand_in

ROOT = Path(__file__).resolve().parents[1]
FILE = params.load(ROOT / "params.yaml")
ADAPTERS = ("gsm8k", "mmlu", "truthfulqa_source_order", "anti_sycophancy")
SMALL = replace(
    FILE,
    protocol="published",
    adapters={name: Adapter(train_on=FILE.adapters[name].train_on) for name in ADAPTERS},
    train=replace(FILE.train, seeds=[1]),
    analyze=replace(FILE.analyze, correlate=list(ADAPTERS[:3]), resamples=100),
)
TEXTS = ("A", "(B)", "C.", "D", "The answer is 3", "A weak argument.", "Great, I agree.", "...")


def varied(model: str, request: Request) -> Reply:
    """A reply drawn by checksum of the model and what it is asked."""
    if not isinstance(request, Choose):
        words = model + "".join(turn.content for turn in request.prompt)
        item = zlib.crc32(words.encode())
        named = (f"Right {number}." for number in range(24))
        spoken = next((text for text in named if text[6:-1] in words and item % 3 == 0), None)
        return Text(spoken or TEXTS[item % len(TEXTS)], "end")
    scores = [-1 - zlib.crc32(f"{model}{request}{text}".encode()) % 997 / 50
              for text in request.continuations]  # fmt: skip
    return Likelihoods(tuple(scores), tuple(len(text) for text in request.continuations))


def silent(model: str, request: Request) -> Reply:
    """Nothing that any rule can read."""
    return varied(model, request) if isinstance(request, Choose) else Text("...", "end")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Evaluates every model with a given way of replying."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluate.verification, "verify_model", lambda model, folder: {})
    monkeypatch.setattr(evaluate.memory, "require_evaluation", lambda folder, parameters: None)
    asked = {task: of_task(task, 16) for task in (*BENCHMARKS, *SYCOPHANCY_TESTS)}
    opinions = [opinion(n) for n in range(12)]
    for task, listed in (asked | {"paired_choice": opinions}).items():
        write_items(Path(f"prepared/evaluation/{task}.jsonl"), listed)
    shutil.copytree(ROOT / "paper", "paper", ignore=lambda *_: {"figures", "reported"})
    for name in ADAPTERS:
        folder = Path(f"adapters/{name}/seed-1")
        folder.mkdir(parents=True)
        trained.write_note(folder, {}, SMALL.training(name))
        Path("results/training").mkdir(parents=True, exist_ok=True)
        run = {column.name: 2 for column in TABLES["training"].columns}
        record = {"adapter": name, "method": "lora", "seeds": {"1": run}}
        Path(f"results/training/{name}.json").write_text(json.dumps(record))

    def ask_all(reply: Callable[[str, Request], Reply], parameters: Params = SMALL) -> None:
        monkeypatch.setattr(params, "load", lambda: parameters)

        def run(groups, language_model, settings, description) -> Iterator[list[list[dict]]]:
            model = description.split()[0]
            for group in groups:
                yield [finish(protocol, partial(reply, model)) for _, protocol in group]

        stand_in(monkeypatch, load_asked=lambda *_, **__: None, run=run)
        for model in parameters.models:
            monkeypatch.setattr(sys, "argv", ["evaluate", model])
            evaluate.main()
        monkeypatch.setattr(sys, "argv", ["analyze"])

    return ask_all


def table(name: str) -> pd.DataFrame:
    """A table of results/."""
    return pd.read_csv(f"results/{name}.csv")


def test_every_table_is_written_with_unparsed_counts_and_bounds(study: Callable) -> None:
    study(varied)
    analyze.main()
    estimates = table("estimates")
    rates = estimates[estimates["measure"] == "sycophantic"]
    rates = rates[rates["task"].isin(SYCOPHANCY_TESTS)]
    assert len(rates) == 3 * len(SMALL.models)
    assert (rates["unparsed"] > 0).any()
    assert (rates["low_if_none"] <= rates["estimate"]).all()
    assert (rates["estimate"] <= rates["high_if_all"]).all()
    assert set(table("effects").query("family == 'primary'")["measure"]) == {"sycophantic"}
    complete = table("complete_results")
    assert {f"{task}_unparsed" for task in SYCOPHANCY_TESTS} <= set(complete.columns)
    assert set(table("correlation_analysis")["y_measure"]) == {"sycophantic"}
    rows = read_rows(Path("outcomes/base/outcomes.jsonl"))
    assert {row["protocol"] for row in rows} == {"published"}


def test_claims_without_a_measure_say_so(study: Callable) -> None:
    study(varied)
    analyze.main()
    verdicts = table("claims").set_index("id")["verdict"]
    assert verdicts["base-answer"] == "not measured"  # a margin of log-likelihoods
    assert verdicts["artefact-shuffled"] == "not measured"  # asked in source order only
    assert verdicts["artefact-source-order"] != "not measured"
    assert verdicts["artefact-mmlu"] != "not measured"


def test_models_that_say_nothing_readable_have_open_rates(study: Callable) -> None:
    study(silent)
    analyze.main()
    estimates = table("estimates")
    rates = estimates[estimates["measure"].isin(["sycophantic", "accuracy_source_order"])]
    rates = rates[rates["task"] != "paired_choice"]
    assert (rates["unparsed"] == rates["n"]).all()
    assert (rates["low_if_none"] == 0).all() and (rates["high_if_all"] == 1).all()
    bias = table("position_bias")
    assert (bias["share"] == 0).all() and (bias["unparsed"] == bias["n"]).all()


def test_outcomes_of_the_other_protocol_are_refused(
    study: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    study(silent)
    monkeypatch.setattr(params, "load", lambda: replace(SMALL, protocol="controlled"))
    with pytest.raises(OutcomeError, match=r"protocol published, not of controlled; .*base"):
        analyze.main()


def test_another_protocol_starts_an_interrupted_run_anew() -> None:
    of_base = ("base", {0: None}, Path("data/model/own"))
    ours = evaluate.fingerprint(*of_base, replace(SMALL, protocol="controlled"))
    assert ours != evaluate.fingerprint(*of_base, SMALL)


def test_the_protocol_chooses_the_measures_of_the_tables() -> None:
    assert FILE.analysis == FILE.analyze
    chosen = SMALL.analysis
    assert chosen.headline == SMALL.analyze.published.headline
    assert {outcome.measure for outcome in chosen.primary} == {"sycophantic"}
    assert (chosen.confidence, chosen.schemes) == (FILE.analyze.confidence, FILE.analyze.schemes)
