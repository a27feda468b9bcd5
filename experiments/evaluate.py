"""Ask one model every item of every task and keep each outcome.

    python -m experiments.evaluate base
    python -m experiments.evaluate mmlu

Reads prepared/evaluation/, the model and (but for `base`) adapters/MODEL/; writes
outcomes/MODEL/outcomes.jsonl, one row per item, task, arm and option order. Outcomes stream to
outcomes/MODEL/partial.jsonl as they come, and an interrupted run goes on from there if neither
model, items, prompts nor engine settings have changed. Measured at the `pocket` scale on 2 CPU
cores: 2 to 3 minutes per model, 2.2 GB of memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from experiments import params
from experiments.corpora import pins
from experiments.corpora.item import read_items, read_rows, write_rows
from experiments.errors import ModelError, run_stage
from experiments.params import BASE, Params
from experiments.tasks import PROTOCOLS

OUTCOMES = Path("outcomes")
EVALUATION = Path("prepared/evaluation")
BASE_SEED = 0  # the base model has no training seed


def main() -> None:
    """Evaluate the model named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="base, or an adapter of params.yaml")
    name = parser.parse_args().model
    parameters = params.load()
    adapters = adapter_folders(name, parameters)
    model_folder = Path("data/model") / parameters.model.name
    pins.verify(Path("data"), f"model/{parameters.model.name}/")
    items = {task: read_items(EVALUATION / f"{task}.jsonl") for task in parameters.tests(name)}
    folder = OUTCOMES / name
    identity = fingerprint(name, adapters, parameters)
    done = resume(folder / "partial.jsonl", identity)
    pending = {
        (seed, task, item.id): (task, item)
        for seed in adapters
        for task, listed in items.items()
        for item in listed
        if (seed, task, item.id) not in done
    }
    if pending:
        ask_all(name, adapters, model_folder, pending, folder / "partial.jsonl", parameters)
    answered = read_rows(folder / "partial.jsonl")[1:]
    rows = sorted((row for line in answered for row in line["rows"]), key=row_key)
    write_rows(folder / "outcomes.jsonl", rows)
    (folder / "partial.jsonl").unlink()
    print(
        f"{folder}/outcomes.jsonl holds {len(rows)} outcomes of {name}. "
        "Next: python -m experiments.analyze"
    )


def adapter_folders(name: str, parameters: Params) -> dict[int, Path | None]:
    """Training seed -> adapter folder; the base model has one entry without a folder."""
    if name == BASE:
        return {BASE_SEED: None}
    parameters.adapter(name)
    folders = {seed: Path("adapters") / name / f"seed-{seed}" for seed in parameters.train.seeds}
    for folder in folders.values():
        if not folder.is_dir():
            raise ModelError(f"{folder} is missing; run `python -m experiments.train {name}` first")
    return folders


def ask_all(
    name: str,
    adapters: dict[int, Path | None],
    model_folder: Path,
    pending: dict,
    partial: Path,
    parameters: Params,
) -> None:
    """Put every pending item to the model, one training seed after the other."""
    # imported here: bad parameters and missing files are reported before torch is loaded
    from experiments.engine.model import EngineSettings, load_model
    from experiments.engine.pool import run

    engine = parameters.evaluate.engine
    settings = EngineSettings(
        token_budget=engine.token_budget,
        row_tokens=engine.row_tokens,
        cache_gib=engine.cache_gib,
        generation_slots=engine.generation_slots,
        threads=engine.threads,
    )
    tasks = PROTOCOLS[parameters.protocol]
    for seed, adapter in adapters.items():
        protocols = [
            (key, tasks[task].protocol(item, parameters.evaluate))
            for key, (task, item) in pending.items()
            if key[0] == seed
        ]
        if not protocols:
            continue
        language_model = load_model(model_folder, adapter=adapter)
        with partial.open("a", encoding="utf-8") as stream:

            def keep(key: tuple, rows: list[dict]) -> None:
                stamp = {"protocol": parameters.protocol, "model": name, "seed": key[0]}
                stamped = [stamp | rounded(row) for row in rows]
                line = {"key": key, "rows": stamped}  # one line per item: whole or not there
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
                stream.flush()

            run(protocols, language_model, settings, keep, description=f"{name} seed {seed}")


def rounded(row: dict) -> dict:
    """Log-likelihoods to a millionth of a nat: finer than float32 arithmetic can repeat."""
    return {
        field: [round(score, 6) for score in value] if "log_likelihoods" in field else value
        for field, value in row.items()
    }


def row_key(row: dict) -> tuple:
    """The order of rows in the file."""
    return (row["seed"], row["task"], row["id"], row["arm"], row["order"])


def fingerprint(name: str, adapters: dict[int, Path | None], parameters: Params) -> str:
    """sha256 of everything an outcome depends on: model, adapter, items, prompts, settings."""
    package = Path(__file__).parent
    files = [
        *sorted(EVALUATION.glob("*.jsonl")),
        *sorted((package / "tasks").rglob("*.py")),
        *sorted((package / "engine").glob("*.py")),
        *sorted(path for folder in adapters.values() if folder for path in folder.iterdir()),
    ]
    asked = [name, parameters.model.name, parameters.protocol, repr(parameters.evaluate)]
    content = [*asked, *map(pins.digest, files)]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def resume(partial: Path, identity: str) -> set[tuple]:
    """Keys answered by an interrupted run; the file starts anew if that was another run."""
    partial.parent.mkdir(parents=True, exist_ok=True)
    content = partial.read_bytes() if partial.exists() else b""
    # the last line may have been cut off by the interruption, even within a character
    lines = [json.loads(line) for line in content.split(b"\n")[:-1]]
    if not lines or lines[0] != {"fingerprint": identity}:
        lines = [{"fingerprint": identity}]
    write_rows(partial, lines)
    return {tuple(line["key"]) for line in lines[1:]}


if __name__ == "__main__":
    run_stage(main)
