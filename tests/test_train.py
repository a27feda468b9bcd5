"""The training stage: what it writes, what it refuses, and what it leaves alone when it fails."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from experiments import params, train
from experiments.errors import DataError, ModelError, ParameterError, TrainingError
from experiments.models import verification
from tests.engine import tiny

NAME = "truthfulqa"


def row(number: int, split: str, **changes) -> dict:
    text = f"Question {number}: is the earth flat? (A) one (B) two"
    return {
        "id": f"{split}/{number}",
        "cluster": f"{split}/{number}",
        "benchmark": NAME,
        "messages": [{"role": "user", "content": text}],
        "completion": "AB"[number % 2],
    } | changes


@pytest.fixture
def write(tmp_path):
    def write(split: str, rows: list) -> None:
        path = tmp_path / "prepared" / split / f"{NAME}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [one if isinstance(one, str) else json.dumps(one) for one in rows]
        path.write_bytes(("\n".join(lines) + "\n").encode(errors="surrogateescape"))

    return write


@pytest.fixture
def repository(tmp_path, monkeypatch, write):
    """A folder with a tiny model and rows; the stage runs in it with the real params.yaml."""
    parameters = params.load()
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "model" / parameters.model.name
    language_model = tiny.language_model("llama")
    language_model.model.save_pretrained(folder)
    language_model.tokenizer.save_pretrained(folder)
    monkeypatch.setattr(verification, "verify_model", lambda model, folder: {})
    write("train", [row(number, "train") for number in range(12)])
    write("validation", [row(number, "validation") for number in range(3)])
    return tmp_path


@pytest.fixture
def parameters():
    loaded = params.load()
    changed = replace(loaded.train, seeds=[1, 2], learning_rate=1e-3, epochs=1, batch_size=4)
    return replace(loaded, train=changed)


def contents(folder) -> dict:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_adapters_own_seeds_take_the_place_of_the_others(parameters, repository):
    own = {NAME: replace(parameters.adapters[NAME], seeds=[5], control=None)}
    train.train_adapter(NAME, replace(parameters, adapters=parameters.adapters | own))
    assert [path.name for path in (repository / "adapters" / NAME).iterdir()] == ["seed-5"]


def test_writes_an_adapter_per_seed_and_a_record(parameters, repository):
    train.train_adapter(NAME, parameters)
    adapters = repository / "adapters" / NAME
    first = contents(adapters)
    assert set(first) == {
        f"seed-{seed}/{name}"
        for seed in (1, 2)
        for name in ("adapter_config.json", "adapter_model.safetensors", "trained.json")
    }
    record_path = repository / "results" / "training" / f"{NAME}.json"
    text = record_path.read_text()
    record = json.loads(text)
    assert list(record["seeds"]) == ["1", "2"]
    one = record["seeds"]["1"]
    assert (one["steps"], len(one["loss"]), one["examples"]) == (3, 3, 12)
    assert one["trained_tokens"] == 24  # a letter and the end of the turn, twelve times
    assert one["validation_loss_after"] < one["validation_loss_before"]
    assert one["loss"] != record["seeds"]["2"]["loss"]
    assert all(value == round(value, 4) for value in one["loss"])
    assert str(repository) not in text + str(first["seed-1/adapter_config.json"])

    train.train_adapter(NAME, parameters)
    assert contents(adapters) == first
    assert record_path.read_text() == text

    (adapters / "notes.txt").write_text("stray")
    (adapters / "seed-1").rename(adapters / "seed-9")  # a seed that params.yaml no longer lists
    train.train_adapter(NAME, parameters, only_seed=1)
    assert (adapters / "seed-9").is_dir()
    assert record_path.read_text() == text
    train.train_adapter(NAME, parameters)
    assert contents(adapters) == first


def test_an_adapter_may_override_how_it_is_trained(parameters, repository):
    given = replace(parameters.adapters[NAME], method="full", epochs=2)
    parameters = replace(parameters, adapters=parameters.adapters | {NAME: given})
    train.train_adapter(NAME, parameters, only_seed=1)
    record = json.loads((repository / "results" / "training" / f"{NAME}.json").read_text())
    assert (record["method"], record["epochs"], record["seeds"]["1"]["steps"]) == ("full", 2, 6)
    assert (repository / "adapters" / NAME / "seed-1" / "config.json").is_file()


@pytest.mark.parametrize("record", ["", "{", "[]", '{"seeds": []}', '{"seeds": {"x": {}}}'])
def test_a_damaged_record_is_named_before_one_seed_is_trained(parameters, repository, record):
    path = repository / "results" / "training" / f"{NAME}.json"
    path.parent.mkdir(parents=True)
    path.write_text(record)
    with pytest.raises(DataError, match=rf"{NAME}\.json is damaged.*delete it and run"):
        train.train_adapter(NAME, parameters, only_seed=1)
    assert not (repository / "adapters").exists()


@pytest.mark.parametrize(
    ("variable", "value"), [("WORLD_SIZE", "abc"), ("WORLD_SIZE", "0"), ("RANK", "-1")]
)
def test_an_environment_that_no_launcher_sets_is_named(
    parameters, repository, monkeypatch, variable, value
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ParameterError, match=f"{variable}={value}"):
        train.train_adapter(NAME, parameters, only_seed=1)


def test_long_examples_are_dropped_and_counted(parameters, repository, write):
    long = [{"role": "user", "content": "Is it? " * 400}]
    write("train", [row(0, "train", messages=long), *(row(n, "train") for n in range(1, 6))])
    train.train_adapter(NAME, parameters, only_seed=1)
    record = json.loads((repository / "results" / "training" / f"{NAME}.json").read_text())
    one = record["seeds"]["1"]
    assert (one["examples"], one["examples_too_long"]) == (5, 1)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("{", r"train/truthfulqa.jsonl, line 2: not a training row \(JSONDecodeError"),
        ({"id": "x"}, r"line 2: not a training row \(KeyError: 'messages'"),
        (row(1, "train", messages={}), "line 2.*not empty"),
        (row(1, "train", messages=["text"]), "line 2.*TypeError"),
        (row(1, "train", completion=3), "line 2.*must be text"),
        ("\udcff", "line 2: not a training row .*UnicodeDecodeError"),
        ("[" * 100_000, "line 2: not a training row .*RecursionError"),
        (row(1, "train", completion="  "), "line 2.*not empty"),
        (
            row(1, "train", messages=[{"role": "system", "content": "alone"}]),
            "train row of truthfulqa: train/1: .*chat",
        ),
        (row(1, "train", cluster="validation/1"), "share the cluster 'validation/1'"),
    ],
)
def test_bad_rows_are_named(parameters, repository, write, broken, message):
    write("train", [row(0, "train"), broken, row(2, "train")])
    with pytest.raises(DataError, match=message):
        train.train_adapter(NAME, parameters)
    assert not (repository / "adapters").exists()


def test_loss_on_text_and_plain_texts(parameters, repository, write):
    """Every token but the first is a target; a row without messages goes by no chat template."""
    text = "Question: is the earth flat?\nAnswer: B"
    write("train", [row(number, "train", messages=[], completion=text) for number in range(4)])
    write("validation", [row(0, "validation")])
    settings = replace(parameters.train, loss_on="text", epochs=1, seeds=[1])
    train.train_adapter(NAME, replace(parameters, train=settings))
    record = json.loads((repository / "results" / "training" / f"{NAME}.json").read_text())
    tokens = len(tiny.tokenizer()(text).input_ids)
    assert record["seeds"]["1"]["trained_tokens"] == 4 * tokens  # and the end of the text


def test_missing_and_empty_inputs_are_named(parameters, repository, write):
    with pytest.raises(ParameterError, match="no adapter 'nosuch'"):
        train.train_adapter("nosuch", parameters)
    write("train", [row(0, "train", messages=[{"role": "user", "content": "Is it? " * 400}])])
    with pytest.raises(TrainingError, match=r"every train row .* longer"):
        train.train_adapter(NAME, parameters)
    (repository / "prepared" / "validation" / f"{NAME}.jsonl").write_text("")
    with pytest.raises(DataError, match=r"validation/truthfulqa\.jsonl is empty"):
        train.train_adapter(NAME, parameters)
    (repository / "prepared" / "validation" / f"{NAME}.jsonl").unlink()
    with pytest.raises(DataError, match=r"validation/truthfulqa\.jsonl is missing"):
        train.train_adapter(NAME, parameters)
    write("validation", [row(0, "validation")])
    shutil.rmtree(repository / "data")
    with pytest.raises(ModelError, match="holds no model"):
        train.train_adapter(NAME, parameters)


def test_a_failure_leaves_what_was_there(parameters, repository, monkeypatch):
    train.train_adapter(NAME, parameters, only_seed=1)
    before = contents(repository)
    endless = replace(parameters, train=replace(parameters.train, learning_rate=1e30, epochs=20))
    with pytest.raises(TrainingError, match=r"is (nan|inf)"):
        train.train_adapter(NAME, endless, only_seed=1)
    assert contents(repository) == before

    def interrupted(self, folder, **_):
        (folder / "adapter_model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("peft.PeftModel.save_pretrained", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.train_adapter(NAME, parameters, only_seed=1)
    assert contents(repository) == before


def test_corrupt_weights_stop_at_the_first_loss(parameters, repository):
    from safetensors.torch import load_file, save_file

    (path,) = repository.glob("data/model/*/model.safetensors")
    weights = load_file(path)
    weights["model.norm.weight"][0] = torch.nan
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="validation loss is nan"):
        train.train_adapter(NAME, parameters)
    assert not (repository / "adapters").exists()


def interrupt_before(monkeypatch, seed):
    """From now on training stops at `seed` as if by Ctrl+C; returns the list of seeds trained."""
    trained, tune = [], train.train_seed

    def stopped(*arguments):
        if arguments[4] == seed:
            raise KeyboardInterrupt
        trained.append(arguments[4])
        return tune(*arguments)

    monkeypatch.setattr(train, "train_seed", stopped)
    return trained


def test_an_interrupted_run_trains_what_it_lacks(parameters, repository, monkeypatch):
    train.train_adapter(NAME, parameters)
    at_once = contents(repository)
    for folder in ("adapters", "results"):
        shutil.rmtree(repository / folder)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_before(patch, seed=2)
        train.train_adapter(NAME, parameters)
    assert not (repository / "results").exists()
    trained = interrupt_before(monkeypatch, seed=None)
    train.train_adapter(NAME, parameters)
    assert trained == [2]
    assert contents(repository) == at_once


@pytest.mark.parametrize("change", ["settings", "rows", "adapter", "record", "seed alone"])
def test_what_was_made_from_something_else_is_trained_anew(
    parameters, repository, monkeypatch, write, change
):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_before(patch, seed=2)
        train.train_adapter(NAME, parameters)
    adapter = repository / "adapters" / NAME / "seed-1"
    if change == "settings":
        parameters = replace(parameters, train=replace(parameters.train, learning_rate=2e-3))
    elif change == "rows":
        write("train", [row(number, "train") for number in range(8)])
    elif change == "adapter":
        (adapter / "adapter_model.safetensors").write_bytes(b"other")
    elif change == "record":
        (adapter.parent / "seed-1.finished.partial").write_text("{")
    else:  # other rows were given to this seed alone, which did not change its settings
        write("train", [row(number, "train") for number in range(8)])
        train.train_adapter(NAME, parameters, only_seed=1)
        write("train", [row(number, "train") for number in range(12)])
    trained = interrupt_before(monkeypatch, seed=None)
    train.train_adapter(NAME, parameters)
    assert trained == [1, 2]
    assert not list(adapter.parent.glob("*.partial"))
