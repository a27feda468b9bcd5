"""Fine-tune one adapter per training seed.

    python -m experiments.train ADAPTER [--seed N]

Reads prepared/train/ADAPTER.jsonl and prepared/validation/ADAPTER.jsonl; writes
adapters/ADAPTER/seed-N/ (a peft adapter, or a whole checkpoint with `train.method: full`) and
results/training/ADAPTER.json. A seed's folder appears only when that seed is finished.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from experiments import params
from experiments.errors import DataError, ModelError, TrainingError, run_stage
from experiments.params import Params

PREPARED = Path("prepared")
ADAPTERS = Path("adapters")
RESULTS = Path("results/training")
MODELS = Path("data/model")
LOSS_DIGITS = 4


def main() -> None:
    """Train the adapter named on the command line."""
    parser = argparse.ArgumentParser(description="Fine-tune one adapter.")
    parser.add_argument("adapter")
    parser.add_argument("--seed", type=int, help="only this one of train.seeds")
    arguments = parser.parse_args()
    settings = params.load()
    settings.adapter(arguments.adapter)
    train_adapter(arguments.adapter, settings, arguments.seed)


def train_adapter(name: str, settings: Params, only_seed: int | None = None) -> None:
    """Train `name` with every seed, or with one and keep the records of the others.

    DataError on a missing or malformed row; ModelError if the model is not there; TrainingError if
    nothing is left to train on or a loss is not a number.
    """
    rows = {split: read(PREPARED / split / f"{name}.jsonl") for split in ("train", "validation")}
    model = MODELS / settings.model.name
    if not (model / "config.json").is_file():
        raise ModelError(f"{model} holds no model; run `python -m experiments.fetch`")
    record_path = RESULTS / f"{name}.json"
    seeds = settings.train.seeds if only_seed is None else [only_seed]
    records = {} if only_seed is None else earlier_records(record_path)
    for seed in seeds:
        records[str(seed)] = train_seed(
            rows, model, settings, seed, ADAPTERS / name / f"seed-{seed}"
        )
    if only_seed is None:
        for stale in set((ADAPTERS / name).iterdir()) - {
            ADAPTERS / name / f"seed-{seed}" for seed in seeds
        }:
            shutil.rmtree(stale)
    record = {
        "adapter": name,
        "model": settings.model.name,
        "method": settings.train.method,
        "epochs": settings.train.epochs,
        "seeds": dict(sorted(records.items(), key=lambda entry: int(entry[0]))),
    }
    record_path.parent.mkdir(parents=True, exist_ok=True)
    record_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def earlier_records(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))["seeds"] if path.is_file() else {}


def read(path: Path) -> list[dict]:
    """Rows with id, messages and completion; DataError names the file and line of a bad one."""
    if not path.is_file():
        raise DataError(f"{path} is missing; run `dvc repro prepare`")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            sound = isinstance(row["completion"], str) and all(
                isinstance(turn[part], str)
                for turn in row["messages"]
                for part in ("role", "content")
            )
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: not a training row ({type(error).__name__}: {error}); "
                "run `dvc repro prepare` again"
            ) from None
        if not sound or not row["messages"]:
            raise DataError(
                f"{path}, line {number}: messages and completion must be text and not empty; "
                "run `dvc repro prepare` again"
            )
        rows.append(row)
    return rows


def train_seed(
    rows: dict[str, list[dict]], model_folder: Path, settings: Params, seed: int, target: Path
) -> dict:
    """Train one seed into `target`, which is replaced only when all went well. Returns its record."""
    from transformers import AutoTokenizer

    from experiments.engine import tune

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    examples, dropped = {}, {}
    for split, split_rows in rows.items():
        encoded = []
        for row in split_rows:
            try:
                encoded.append(tune.encode(tokenizer, row["messages"], row["completion"]))
            except DataError as error:
                raise DataError(f"{split} row {row.get('id')}: {error}") from None
        examples[split] = [
            example for example in encoded if len(example.tokens) <= settings.train.max_tokens
        ]
        dropped[split] = len(encoded) - len(examples[split])
        if not examples[split]:
            raise TrainingError(
                f"{target.parent.name}: none of {len(encoded)} {split} rows is within "
                f"train.max_tokens = {settings.train.max_tokens}; raise it"
            )
    base = tune.load(model_folder, settings.train)
    model = tune.adapt(base, settings.train, seed)
    record = tune.tune(model, examples["train"], examples["validation"], settings.train, seed)
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    tune.save(model, partial, settings.model.name)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return {
        "examples": len(examples["train"]),
        "validation_examples": len(examples["validation"]),
        "dropped": dropped["train"],
        "validation_dropped": dropped["validation"],
        **rounded(record),
    }


def rounded(record: dict) -> dict:
    """Losses to the digits that are the same on every run."""
    return {
        key: [round(value, LOSS_DIGITS) for value in content]
        if isinstance(content, list)
        else round(content, LOSS_DIGITS)
        if isinstance(content, float)
        else content
        for key, content in record.items()
    }


if __name__ == "__main__":
    run_stage(main)
