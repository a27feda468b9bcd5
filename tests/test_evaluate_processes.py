"""Evaluation under `accelerate launch`: two processes write the bytes that one writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from experiments.corpora.item import read_rows, write_items
from experiments.models.presets import fetch_model
from experiments.params import TESTS, Model
from tests.engine import tiny
from tests.test_evaluate import items

ROOT = Path(__file__).resolve().parents[1]
FILES = ("outcomes.jsonl", "transcripts.jsonl")
# The stage's own entry; then what it knew of the processes it ran in.
LAUNCHED = """
from experiments import evaluate, processes

evaluate.main()
print(f"process {processes.rank()} of {processes.state().num_processes}\\n", end="")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tiny model and two items per test, asked in two shards."""
    folder = tmp_path_factory.mktemp("project")
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["model"] = {"name": "./own"}
    content["evaluate"] |= {"shards": 2, "gsm8k_max_tokens": 8}
    content["evaluate"]["transcripts"] = {"items": 1, "max_tokens": 8}
    content["evaluate"]["engine"] |= {"cache_gib": 0.01, "generation_slots": 3, "threads": 1}
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    language_model = tiny.language_model("llama")
    language_model.model.save_pretrained(folder / "own")
    language_model.tokenizer.save_pretrained(folder / "own")
    fetch_model(Model(str(folder / "own")), folder / "data/model/own")
    for task, listed in items().items():
        write_items(folder / f"prepared/evaluation/{task}.jsonl", listed)
    (folder / "launched.py").write_text(LAUNCHED, encoding="utf-8")
    return folder


def evaluate(project: Path, launcher: list[str]) -> tuple[str, dict[str, bytes]]:
    """What a run prints and writes; nothing of it stays."""
    finished = subprocess.run(
        [sys.executable, *launcher, "launched.py", "base"],
        cwd=project,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    written = {name: (project / "outcomes/base" / name).read_bytes() for name in FILES}
    assert sorted(path.name for path in (project / "outcomes/base").iterdir()) == sorted(FILES)
    for name in FILES:
        (project / "outcomes/base" / name).unlink()
    return finished.stdout, written


def test_two_processes_write_what_one_writes(project: Path) -> None:
    configuration = ["--config_file", str(ROOT / "launch/ddp.yaml"), "--main_process_port", "0"]
    printed, alone = evaluate(project, [])
    assert "process 0 of 1" in printed
    printed, shared = evaluate(project, ["-m", "accelerate.commands.launch", *configuration])
    assert "process 0 of 2" in printed and "process 1 of 2" in printed
    assert shared == alone
    (project / "whole.jsonl").write_bytes(alone["outcomes.jsonl"])
    assert {row["task"] for row in read_rows(project / "whole.jsonl")} == set(TESTS)
