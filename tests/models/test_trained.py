"""Only an adapter that is whole, of this base model and trained as params.yaml says is accepted."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import params
from experiments.errors import ModelError
from experiments.models.trained import NOTE, verify_trained, write_note

SETTINGS = params.load(Path(__file__).resolve().parents[2] / "params.yaml").train
BASE = {"config.json": "1" * 64, "model.safetensors": "2" * 64}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "adapters" / "mmlu" / "seed-1"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": 16, "lora_alpha": 32}))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    write_note(folder, BASE, SETTINGS)
    return folder


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_was_trained_so_is_accepted_and_repeats(folder: Path) -> None:
    verify_trained(folder, BASE, SETTINGS)
    verify_trained(folder, BASE, replace(SETTINGS, seeds=[1, 2]))
    before = (folder / NOTE).read_bytes()
    (folder / NOTE).unlink()
    write_note(folder, BASE, SETTINGS)
    assert (folder / NOTE).read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda at: (at / "adapter_model.safetensors").write_bytes(b""), "its sha256 differs"),
        (lambda at: (at / "adapter_model.safetensors").unlink(), "safetensors is missing"),
        (lambda at: edit(at / "adapter_config.json", lora_alpha=320), "its sha256 differs"),
        (lambda at: (at / "adapter_model.bin").write_bytes(b"pickle"), "does not belong there"),
        (lambda at: (at / NOTE).unlink(), "trained.json is missing or damaged"),
        (lambda at: (at / NOTE).write_text("[]"), "trained.json is missing or damaged"),
        (lambda at: edit(at / NOTE, files={"../../x": "1"}), "is missing"),
        (lambda at: (at / "adapter_config.json").rename(at / "c"), "config.json is missing"),
    ],
)
def test_a_folder_that_is_not_what_training_left_is_refused(
    folder: Path, spoil: object, says: str
) -> None:
    spoil(folder)
    with pytest.raises(ModelError, match=rf"{says}.*run `python -m experiments\.train mmlu` again"):
        verify_trained(folder, BASE, SETTINGS)


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()
    os.mkfifo(folder / "adapter_config.json")
    with pytest.raises(ModelError, match="is missing"):
        verify_trained(folder, BASE, SETTINGS)


def test_another_base_or_other_settings_are_named(folder: Path) -> None:
    with pytest.raises(ModelError, match="was trained on another model"):
        verify_trained(folder, BASE | {"model.safetensors": "3" * 64}, SETTINGS)
    other = replace(SETTINGS, lora=replace(SETTINGS.lora, alpha=320))
    with pytest.raises(ModelError, match=r"train\.lora = .*32.* and params\.yaml says .*320"):
        verify_trained(folder, BASE, other)
    with pytest.raises(ModelError, match=r"train\.epochs = 1 and params\.yaml says 3"):
        verify_trained(folder, BASE, replace(SETTINGS, epochs=3))


def test_a_seed_that_is_not_trained_is_missing(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"seed-2 is missing; run .*train mmlu` first"):
        verify_trained(folder.with_name("seed-2"), BASE, SETTINGS)
