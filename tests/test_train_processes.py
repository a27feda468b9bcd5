"""Training under `accelerate launch`: two processes give what one gives."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from experiments import params, train
from experiments.errors import run_stage
from experiments.models.fetching import fetch_model
from experiments.params import Model
from tests.engine import tiny

ROOT = Path(__file__).resolve().parents[1]
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--config_file"]
# The stage's own entry; then what the trainer knew of the processes it ran in.
LAUNCHED = """
import torch
from accelerate import PartialState
from experiments import train

train.main()
state = PartialState()
who = f"process {state.process_index} of {state.num_processes}"
print(f"{who}, drew from {torch.initial_seed()}\\n", end="")
"""


def row(number: int) -> dict:
    """A training row; prompts and completions of many lengths."""
    question = "Which of these is right? " * (1 + number % 3) + f"(A) {number} (B) {number * 7}"
    return {
        "id": f"q/{number}",
        "cluster": f"q/{number}",
        "messages": [{"role": "user", "content": question}],
        "completion": "(A) one two three"[: 3 + 4 * (number % 4)],
    }


def write_rows(folder: Path, name: str, training: int, validation: int) -> None:
    """Prepared rows of an adapter."""
    for split, first, count in (("train", 0, training), ("validation", 50, validation)):
        path = folder / f"prepared/{split}/{name}.jsonl"
        path.parent.mkdir(parents=True)
        lines = [json.dumps(row(number)) + "\n" for number in range(first, first + count)]
        path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tiny model and nine rows: the last step has none for one process."""
    folder = tmp_path_factory.mktemp("project")
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["model"] = {"name": "./own"}
    content["train"] |= {
        "epochs": 2, "batch_size": 4, "token_budget": 96, "learning_rate": 5e-3, "seeds": [1],
        "lora": {"r": 4, "alpha": 8, "dropout": 0.0},
    }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    language_model = tiny.language_model("llama")
    language_model.model.save_pretrained(folder / "own")
    language_model.tokenizer.save_pretrained(folder / "own")
    fetch_model(Model(str(folder / "own")), folder / "data/model/own")
    (folder / "launched.py").write_text(LAUNCHED, encoding="utf-8")
    write_rows(folder, "mmlu", training=9, validation=3)
    return folder


def results(project: Path) -> tuple[dict, dict]:
    """What training wrote, and nothing of it stays: the record and the adapter's weights."""
    record = json.loads((project / "results/training/mmlu.json").read_text(encoding="utf-8"))
    weights = load_file(project / "adapters/mmlu/seed-1/adapter_model.safetensors")
    for name in ("results", "adapters"):
        shutil.rmtree(project / name)
    return record, weights


def test_two_processes_train_what_one_trains(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(train, "LOSS_DIGITS", 7)
    run_stage(lambda: train.train_adapter("mmlu", params.load()))
    record, weights = results(project)
    configuration = [str(ROOT / "launch/ddp.yaml"), "--main_process_port", "0"]
    finished = subprocess.run(
        [*LAUNCH, *configuration, "launched.py", "mmlu"],
        cwd=project,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert sorted(re.findall(r"process . of ., drew from \d+", finished.stdout)) == [
        "process 0 of 2, drew from 1",  # as one process does
        "process 1 of 2, drew from 2",  # dropout would otherwise drop the same in both
    ]
    shared_record, shared_weights = results(project)
    one, shared = record["seeds"]["1"], shared_record["seeds"]["1"]
    assert one["steps"] == shared["steps"] == 6
    assert shared["trained_tokens"] == one["trained_tokens"]
    assert shared["loss"] == pytest.approx(one["loss"], abs=1e-4)  # written with four digits
    assert one["loss"][0] - one["loss"][-1] > 0.1  # training moves, so equal losses say something
    for name in ("validation_loss_before", "validation_loss_after"):
        assert shared[name] == pytest.approx(one[name], abs=1e-4)
    assert set(weights) == set(shared_weights)
    for name, weight in weights.items():
        assert (weight - shared_weights[name]).abs().max() < 1e-5, name


# A model divided as accelerate divides it (fully_shard per layer), after one backward pass.
DIVIDED = """
import sys
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from experiments.engine.training import tune
from tests.engine import tiny

distributed.init_process_group("gloo")
mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
model = tiny.language_model("llama").model
for layer in (*model.model.layers, model):
    fully_shard(layer, mesh=mesh)
model(torch.arange(12)[None]).logits.sum().backward()
weights = tune.whole_state(model)
if distributed.get_rank() == 0:
    tune.save(model, Path(sys.argv[1]), "tiny", weights)
distributed.barrier()
distributed.destroy_process_group()
"""


def test_a_divided_model_is_saved_whole(tmp_path: Path) -> None:
    (tmp_path / "divided.py").write_text(DIVIDED, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    finished = subprocess.run(
        [*command, "divided.py", "saved"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    saved = load_file(tmp_path / "saved/model.safetensors")
    config = json.loads((tmp_path / "saved/config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"]
    for name, weight in tiny.language_model("llama").model.state_dict().items():
        assert torch.equal(saved[name], weight), name
