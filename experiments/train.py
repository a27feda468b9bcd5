"""Fine-tune one adapter, once per training seed.

    python -m experiments.train ADAPTER [--seed N]
    accelerate launch --config_file launch/ddp.yaml -m experiments.train ADAPTER   # several devices

Reads prepared/train/ADAPTER.jsonl and prepared/validation/ADAPTER.jsonl. Writes
adapters/ADAPTER/seed-N/ (a peft adapter; a whole checkpoint with `method: full`) and
results/training/ADAPTER.json. A seed's folder appears when that seed is finished, never before.
Measured at the `pocket` scale on 2 CPU cores: about a minute and 2.5 GB of memory per LoRA adapter.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from experiments import params, processes
from experiments.errors import DataError, TrainingError, run_stage
from experiments.models import memory
from experiments.models import presets as models
from experiments.params import Params, Train

PREPARED = Path("prepared")
ADAPTERS = Path("adapters")
RESULTS = Path("results/training")
MODELS = Path("data/model")
LOSS_DIGITS = 4


def main() -> None:
    """Train the adapter named on the command line."""
    parser = argparse.ArgumentParser(description="Fine-tune one adapter, once per training seed.")
    parser.add_argument("adapter")
    parser.add_argument("--seed", type=int, help="train only this seed and keep the others")
    arguments = parser.parse_args()
    train_adapter(arguments.adapter, params.load(), arguments.seed)


def train_adapter(name: str, parameters: Params, only_seed: int | None = None) -> None:
    """Train the adapter called `name` and write its folders and its record.

    ParameterError if there is no such adapter; DataError for missing, malformed or leaking rows;
    ModelError if the model cannot be read; TrainingError if a loss is not a number.
    """
    settings = parameters.training(name)
    rows = {split: read(PREPARED / split / f"{name}.jsonl") for split in ("train", "validation")}
    shared = {row["cluster"] for row in rows["train"]} & {
        row["cluster"] for row in rows["validation"]
    }
    if shared:
        raise DataError(
            f"the training and validation rows of {name} share the cluster {min(shared)!r}; "
            "run `python -m experiments.prepare` again"
        )
    model_folder = MODELS / parameters.model.folder_name
    models.verify_model(parameters.model, model_folder)
    memory.require_training(model_folder, settings)
    record_path = RESULTS / f"{name}.json"
    seeds = parameters.train.seeds if only_seed is None else [only_seed]
    records = {}
    if only_seed is not None and record_path.is_file():
        records = json.loads(record_path.read_text(encoding="utf-8"))["seeds"]
    for seed in seeds:
        folder = ADAPTERS / name / f"seed-{seed}"
        records[str(seed)] = train_seed(rows, model_folder, settings, seed, folder)
    if not processes.is_main():
        return
    if only_seed is None:
        remove_others(ADAPTERS / name, seeds)
    record = {
        "adapter": name,
        "model": parameters.model.name,
        "method": settings.method,
        "epochs": settings.epochs,
        "seeds": {seed: records[seed] for seed in sorted(records, key=int)},
    }
    record_path.parent.mkdir(parents=True, exist_ok=True)
    record_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"{ADAPTERS / name} is trained. Next: python -m experiments.evaluate {name}")


def read(path: Path) -> list[dict]:
    """Training rows; DataError names the file and line of the first malformed one."""
    if not path.is_file():
        raise DataError(f"{path} is missing; run `python -m experiments.prepare`")
    with path.open(encoding="utf-8") as lines:
        rows = [parse(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
    if not rows:
        raise DataError(f"{path} is empty; run `python -m experiments.prepare` again")
    return rows


def parse(line: str, place: str) -> dict:
    try:
        row = json.loads(line)
        texts = [turn[field] for turn in row["messages"] for field in ("role", "content")]
        texts += [row["id"], row["cluster"], row["completion"]]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        if isinstance(row["messages"], list) and all(
            isinstance(text, str) and text.strip() for text in texts
        ):
            return row
        reason = "id, cluster, completion, and every role and content must be text and not empty"
    raise DataError(f"{place}: not a training row ({reason}); run `python -m experiments.prepare`")


def train_seed(
    rows: dict[str, list[dict]], model_folder: Path, settings: Train, seed: int, folder: Path
) -> dict:
    """Train one seed, put it at `folder` when all went well, and return its record."""
    # imported here: bad parameters and rows are reported before torch is loaded
    from transformers import AutoTokenizer

    from experiments.engine.training import packing, tune

    tokenizer = AutoTokenizer.from_pretrained(model_folder, local_files_only=True)
    kept = {}
    for split, split_rows in rows.items():
        examples = [encode(packing.encode, tokenizer, row, settings.loss_on) for row in split_rows]
        kept[split] = [one for one in examples if len(one.tokens) <= settings.max_tokens]
        if not kept[split]:
            raise TrainingError(
                f"every {split} row of {folder.parent.name} is longer than "
                f"train.max_tokens = {settings.max_tokens}; raise it"
            )
    model = tune.adapt(tune.load(model_folder, settings), settings, seed)
    record = tune.tune(model, kept["train"], kept["validation"], settings, seed)
    state = tune.whole_state(model)
    if processes.is_main():
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            tune.save(model, partial, model_folder.name, state)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return {
        "examples": len(kept["train"]),
        "examples_too_long": len(rows["train"]) - len(kept["train"]),
        "validation_examples": len(kept["validation"]),
        "validation_examples_too_long": len(rows["validation"]) - len(kept["validation"]),
        **{key: rounded(value) for key, value in record.items()},
    }


def encode(encode_row, tokenizer, row: dict, loss_on: str):
    try:
        return encode_row(tokenizer, row["messages"], row["completion"], loss_on)
    except DataError as error:
        raise DataError(f"training row {row['id']}: {error}") from None


def remove_others(folder: Path, seeds: Sequence[int]) -> None:
    """Remove seeds that params.yaml no longer lists: nothing made them."""
    current = {f"seed-{seed}" for seed in seeds}
    for stale in folder.iterdir():
        if stale.name not in current:
            shutil.rmtree(stale)


def rounded(value: int | float | list[float]) -> int | float | list[float]:
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, LOSS_DIGITS) if isinstance(value, float) else value


if __name__ == "__main__":
    run_stage(main)
