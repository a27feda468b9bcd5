"""Fine-tune one adapter, once per training seed.

    python -m experiments.train ADAPTER [--seed N]
    accelerate launch --config_file launch/ddp.yaml -m experiments.train ADAPTER   # several devices

Reads prepared/train/ADAPTER.jsonl and prepared/validation/ADAPTER.jsonl. Writes
adapters/ADAPTER/seed-N/ (a peft adapter; a whole checkpoint with `method: full`) and
results/training/ADAPTER.json. With `labels: own` the base model's own answers are learned, and the
record says which share of them is right (`own_answers_gold`); one that was cut off is left out, and
counted with those that are too long. A seed's folder appears when that seed is finished, never
before. An interrupted run trains the seeds that it lacks, if neither rows, model, settings nor code
have changed: the adapters and the record are the same whatever happened.
Measured at the `pocket` scale on 2 CPU cores: about a minute and 2.5 GB of memory per LoRA adapter.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from experiments import files, own_answers, params, processes
from experiments.errors import DataError, ModelError, TrainingError, run_stage
from experiments.models import memory, trained, unfinished, verification
from experiments.params import Params, Train

PREPARED = Path("prepared")
ADAPTERS = Path("adapters")
RESULTS = Path("results/training")
MODELS = Path("data/model")
OWN_ANSWERS = "own-answers"
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
    folder = ADAPTERS / name
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
    made_from = fingerprint(name, base, parameters)
    records, seeds = {}, settings.seeds
    if only_seed is None:
        records = finished_seeds(folder, seeds, base, settings, made_from)
    else:
        records, seeds = records_of(record_path, name), [only_seed]
    processes.wait()  # all have read what was kept before the main one changes it
    memory.require_training(model_folder, settings)
    own = parameters.adapter(name).labels == "own"
    if own:
        rows = answered(folder, rows, model_folder, made_from, parameters)
    examples = {
        split: encoded(split_rows, f"{split} row of {name}", model_folder, parameters)
        for split, split_rows in rows.items()
    }
    for seed in seeds:
        if only_seed is None and str(seed) in records:
            continue
        losses = train_seed(examples, model_folder, base, settings, seed, folder / f"seed-{seed}")
        records[str(seed)] = counts(examples, rows) | losses
        if only_seed is None and processes.is_main():
            keep(folder, seed, made_from, records[str(seed)])
    if not processes.is_main():
        return
    record = {
        "adapter": name,
        "model": parameters.model.name,
        "method": settings.method,
        "epochs": settings.epochs,
        **({"own_answers_gold": rounded(own_answers.gold_share(rows["train"]))} if own else {}),
        "seeds": {seed: records[seed] for seed in sorted(records, key=int)},
    }
    files.write_text(record_path, json.dumps(record, indent=1) + "\n")
    if only_seed is None:
        remove_others(folder, seeds)  # and what was kept for the case of an interruption
    print(f"{folder} is trained. Next: python -m experiments.evaluate {name}")


def fingerprint(name: str, base: dict[str, str], parameters: Params) -> str:
    """sha256 of everything that an adapter depends on: base model, rows, settings, code."""
    package = Path(__file__).parent
    depended_on = [
        *(PREPARED / split / f"{name}.jsonl" for split in ("train", "validation")),
        *(package / file for file in ("train.py", "own_answers.py")),
        *sorted((package / "tasks").glob("*.py")),
        *sorted((package / "engine").rglob("*.py")),
    ]
    settings = (
        name, base, parameters.model, trained.described(parameters.training(name)),
        parameters.adapter(name), parameters.evaluate, processes.count(),
    )  # fmt: skip
    return files.digest_of("\n".join([*map(repr, settings), *map(files.digest, depended_on)]))


def keep(folder: Path, seed: int, made_from: str, record: dict) -> None:
    """Keep the record of a seed while others are trained, for the adapter as it is now."""
    note = files.digest(folder / f"seed-{seed}" / trained.NOTE)
    unfinished.keep(folder, f"seed-{seed}", made_from, {"note": note, "record": record})


def finished_seeds(
    folder: Path, seeds: Sequence[int], base: dict[str, str], settings: Train, made_from: str
) -> dict[str, dict]:
    """The records of seeds that an interrupted run has trained in the same way."""
    records = {}
    for seed in seeds:
        adapter = folder / f"seed-{seed}"
        kept = unfinished.kept(folder, adapter.name, made_from)
        if kept is None:
            continue
        try:
            trained.verify_trained(adapter, base, settings)
        except ModelError:  # it was damaged or deleted since
            continue
        if kept["note"] == files.digest(adapter / trained.NOTE):
            records[str(seed)] = kept["record"]
            if processes.is_main():
                print(f"{adapter} was trained before the interruption and is kept")
    return records


def answered(
    folder: Path, rows: dict[str, list[dict]], model: Path, made_from: str, parameters: Params
) -> dict[str, list[dict]]:
    """The rows with the base model's own answers; an interrupted run has kept them."""
    kept = unfinished.kept(folder, OWN_ANSWERS, made_from)
    if kept is None:
        kept = own_answers.with_own_answers(rows, model, parameters)
        if processes.is_main():
            unfinished.keep(folder, OWN_ANSWERS, made_from, kept)
    return kept


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
