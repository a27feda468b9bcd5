"""Fine-tune one adapter, once per training seed.

    python -m experiments.train ADAPTER [--seed N]
    accelerate launch --config_file launch/ddp.yaml -m experiments.train ADAPTER   # several devices

Reads prepared/train/ADAPTER.jsonl and prepared/validation/ADAPTER.jsonl. Writes
adapters/ADAPTER/seed-N/ (a peft adapter; a whole checkpoint with `method: full`) and
results/training/ADAPTER.json. With `labels: own` the base model's own answers are learned, and the
record says which share of them is right (`own_answers_gold`); one that was cut off is left out, and
counted with those that are too long. A seed's folder appears when that seed is finished, never
before.
Measured at the `pocket` scale on 2 CPU cores: about a minute and 2.5 GB of memory per LoRA adapter.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from experiments import files, own_answers, params, processes
from experiments.errors import DataError, TrainingError, run_stage
from experiments.models import memory, trained, verification
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
    base = verification.verify_model(parameters.model, model_folder)
    record_path = RESULTS / f"{name}.json"
    records = {} if only_seed is None else records_of(record_path, name)
    memory.require_training(model_folder, settings)
    own = parameters.adapter(name).labels == "own"
    if own:
        rows = own_answers.with_own_answers(rows, model_folder, parameters)
    examples = {
        split: encoded(split_rows, f"{split} row of {name}", model_folder, parameters)
        for split, split_rows in rows.items()
    }
    seeds = settings.seeds if only_seed is None else [only_seed]
    for seed in seeds:
        folder = ADAPTERS / name / f"seed-{seed}"
        losses = train_seed(examples, model_folder, base, settings, seed, folder)
        records[str(seed)] = counts(examples, rows) | losses
    if not processes.is_main():
        return
    if only_seed is None:
        remove_others(ADAPTERS / name, seeds)
    record = {
        "adapter": name,
        "model": parameters.model.name,
        "method": settings.method,
        "epochs": settings.epochs,
        **({"own_answers_gold": rounded(own_answers.gold_share(rows["train"]))} if own else {}),
        "seeds": {seed: records[seed] for seed in sorted(records, key=int)},
    }
    files.write_text(record_path, json.dumps(record, indent=1) + "\n")
    print(f"{ADAPTERS / name} is trained. Next: python -m experiments.evaluate {name}")


def records_of(path: Path, name: str) -> dict[str, dict]:
    """What was recorded of seeds trained earlier; DataError for a damaged record."""
    if not path.exists():
        return {}
    seeds = (verification.read_json(path) or {}).get("seeds")
    if isinstance(seeds, dict) and all(seed.isdecimal() for seed in seeds):
        return seeds
    raise DataError(
        f"{path} is damaged: it lists no seeds; delete it and run `python -m experiments.train "
        f"{name}`, which trains all of them"
    )


def read(path: Path) -> list[dict]:
    """Training rows; DataError names the file and line of the first malformed one."""
    if not path.is_file():
        raise DataError(f"{path} is missing; run `python -m experiments.prepare`")
    lines = path.read_bytes().splitlines()
    rows = [parse(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
    if not rows:
        raise DataError(f"{path} is empty; run `python -m experiments.prepare` again")
    return rows


def parse(line: bytes, place: str) -> dict:
    try:
        row = json.loads(line)
        texts = [turn[field] for turn in row["messages"] for field in ("role", "content")]
        texts += [row["id"], row["cluster"], row["completion"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        if isinstance(row["messages"], list) and all(
            isinstance(text, str) and text.strip() for text in texts
        ):
            return row
        reason = "id, cluster, completion, and every role and content must be text and not empty"
    raise DataError(f"{place}: not a training row ({reason}); run `python -m experiments.prepare`")


def encoded(rows: list[dict], kind: str, model_folder: Path, parameters: Params) -> list:
    """The rows as tokens, but for those too long or cut off; TrainingError if that is all of them.

    DataError names a row that the chat template refuses.
    """
    # imported here: bad parameters and rows are reported before torch is loaded
    from experiments.engine.model import load_tokenizer
    from experiments.engine.training.packing import encode

    settings, examples = parameters.train, []
    tokenizer = load_tokenizer(model_folder, parameters.model.date)
    for row in rows:
        if row.get("cut_off"):  # an end in mid-sentence is not to be learned
            continue
        try:
            one = encode(tokenizer, row["messages"], row["completion"], settings.loss_on)
        except DataError as error:
            raise DataError(f"{kind}: {row['id']}: {error}") from None
        if len(one.tokens) <= settings.max_tokens:
            examples.append(one)
    if not examples:
        raise TrainingError(
            f"every {kind} is longer than train.max_tokens = {settings.max_tokens}, or its reply "
            "was cut off; raise it, or evaluate.gsm8k_max_tokens"
        )
    return examples


def counts(examples: dict[str, list], rows: dict[str, list]) -> dict[str, int]:
    """How many examples are used and how many were too long, for the record."""
    return {
        "examples": len(examples["train"]),
        "examples_too_long": len(rows["train"]) - len(examples["train"]),
        "validation_examples": len(examples["validation"]),
        "validation_examples_too_long": len(rows["validation"]) - len(examples["validation"]),
    }


def train_seed(
    examples: dict[str, list],
    model_folder: Path,
    base: dict[str, str],
    settings: Train,
    seed: int,
    folder: Path,
) -> dict:
    """Train one seed, put it at `folder` when all went well, and return its losses."""
    from experiments.engine.training import tune

    model = tune.adapt(tune.load(model_folder, settings), settings, seed)
    record = tune.tune(model, examples["train"], examples["validation"], settings, seed)
    state = tune.whole_state(model)
    if processes.is_main():
        with files.new_folder(folder) as partial:
            tune.save(model, partial, model_folder.name, state)
            trained.write_note(partial, base, settings)
    return {key: rounded(value) for key, value in record.items()}


def remove_others(folder: Path, seeds: Sequence[int]) -> None:
    """Remove seeds that params.yaml no longer lists: nothing made them."""
    current = {f"seed-{seed}" for seed in seeds}
    for stale in folder.iterdir():
        if stale.name not in current:
            files.remove(stale)


def rounded(value: int | float | list[float]) -> int | float | list[float]:
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, LOSS_DIGITS) if isinstance(value, float) else value


if __name__ == "__main__":
    run_stage(main)
