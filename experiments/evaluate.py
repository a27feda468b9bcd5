"""Ask one model every item of every task and keep each outcome.

    python -m experiments.evaluate base
    python -m experiments.evaluate mmlu
    accelerate launch --config_file launch/ddp.yaml -m experiments.evaluate mmlu  # 2 or more shards

Reads prepared/evaluation/, the model and (but for `base`) adapters/MODEL/; writes
outcomes/MODEL/outcomes.jsonl, one row per item, task, arm and option order, and
outcomes/MODEL/transcripts.jsonl, free replies to be read. Items are asked in `evaluate.shards`
parts, clusters whole, and each process takes its share of them: any number of processes gives the
same bytes. Outcomes stream to outcomes/MODEL/partial-SHARD.jsonl as they come, and an interrupted
run goes on from there if neither model, items, prompts nor engine settings have changed. Measured
at the `pocket` scale on 2 CPU cores: 2 to 3 minutes per model, 2.2 GB of memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from experiments import params, processes
from experiments.corpora import pins
from experiments.corpora.item import Item, read_items, read_rows, write_rows
from experiments.errors import ModelError, run_stage
from experiments.models import memory
from experiments.models import presets as models
from experiments.params import BASE, Evaluate, Params
from experiments.tasks import PROTOCOLS, published, transcripts

OUTCOMES = Path("outcomes")
EVALUATION = Path("prepared/evaluation")
BASE_SEED = 0  # the base model has no training seed
TRANSCRIPT = "transcript"


@dataclass(frozen=True)
class Asked:
    """One item put to one model: `kind` is the protocol, or "transcript"."""

    seed: int
    kind: str
    task: str
    item: Item
    settings: Evaluate

    @property
    def key(self) -> tuple[int, str, str, str]:
        return (self.seed, self.kind, self.task, self.item.id)

    @property
    def protocol(self):
        tasks = published.TASKS if self.kind == TRANSCRIPT else PROTOCOLS[self.kind]
        return tasks[self.task].protocol(self.item, self.settings)

    def shard(self, shards: int) -> int:
        """By cluster, so that prompts which begin alike stay together."""
        return zlib.crc32(self.item.cluster.encode()) % shards


def main() -> None:
    """Evaluate the model named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="base, or an adapter of params.yaml")
    name = parser.parse_args().model
    parameters = params.load()
    adapters = adapter_folders(name, parameters)
    model_folder = Path("data/model") / parameters.model.folder_name
    models.verify_model(parameters.model, model_folder)
    asked = everything(name, adapters, parameters)
    folder, shards = OUTCOMES / name, parameters.evaluate.shards
    partials = [folder / f"partial-{shard}.jsonl" for shard in range(shards)]
    identity = fingerprint(name, adapters, model_folder, parameters)
    pending: dict[int, list[Asked]] = {}
    for shard in processes.share(shards):
        done = resume(partials[shard], identity)
        pending[shard] = [
            one for one in asked if one.shard(shards) == shard and one.key not in done
        ]
    ask_all(name, adapters, model_folder, pending, partials, parameters)
    processes.wait()
    if not processes.is_main():
        return
    answered = [line for path in partials for line in read_rows(path)[1:]]
    kinds = {kind: [] for kind in (parameters.protocol, TRANSCRIPT)}
    for line in answered:
        kinds[line["key"][1]] += line["rows"]
    for rows in kinds.values():
        rows.sort(key=row_key)
    write_rows(folder / "transcripts.jsonl", kinds[TRANSCRIPT])
    write_rows(folder / "outcomes.jsonl", kinds[parameters.protocol])
    for path in folder.glob("partial-*.jsonl"):
        path.unlink()
    print(
        f"{folder}/outcomes.jsonl holds {len(kinds[parameters.protocol])} outcomes of {name}. "
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


def everything(name: str, adapters: dict[int, Path | None], parameters: Params) -> list[Asked]:
    """All that the model is asked under its protocol, and the transcripts that are kept of it."""
    settings = parameters.evaluate
    items = {task: read_items(EVALUATION / f"{task}.jsonl") for task in parameters.tests(name)}
    read = {
        task: transcripts.chosen(task, items[task], settings.transcripts.items)
        for task in transcripts.TASKS
        if task in items
    }
    return [
        Asked(seed, kind, task, item, how)
        for seed in adapters
        for kind, listed, how in (
            (parameters.protocol, items, settings),
            (TRANSCRIPT, read, transcripts.settings(settings)),
        )
        for task, chosen in listed.items()
        for item in chosen
    ]


def ask_all(
    name: str,
    adapters: dict[int, Path | None],
    model_folder: Path,
    pending: dict[int, list[Asked]],
    partials: list[Path],
    parameters: Params,
) -> None:
    """Put what is pending in each shard to the model, one training seed after the other."""
    if not any(pending.values()):
        return
    memory.require_evaluation(model_folder, parameters)
    # imported here: bad parameters and missing files are reported before torch is loaded
    from experiments.engine.asking.pool import run
    from experiments.engine.model import load_model

    settings = parameters.evaluate.engine
    quantization = parameters.evaluate.quantization
    for seed, adapter in adapters.items():
        shards = {
            shard: [(one.key, one.protocol) for one in listed if one.seed == seed]
            for shard, listed in pending.items()
        }
        if not any(shards.values()):
            continue
        language_model = load_model(
            model_folder,
            adapter=adapter,
            dtype=parameters.evaluate.dtype,
            device=processes.device(),
            quantization=None if quantization == "none" else quantization,
        )
        for shard, protocols in shards.items():
            if not protocols:
                continue
            with partials[shard].open("a", encoding="utf-8") as stream:
                # what memory did not hold once, it will not hold again
                settings = run(
                    protocols,
                    language_model,
                    settings,
                    partial(keep, name, stream),
                    description=f"{name} seed {seed}",
                )
        del language_model  # before the next one is loaded


def keep(name: str, stream: TextIO, key: tuple, rows: list[dict]) -> None:
    """Write an item's outcomes as one line: whole or not there."""
    seed, kind, *_ = key
    stamp = {
        "protocol": "published" if kind == TRANSCRIPT else kind,
        "model": name,
        "seed": seed,
    }
    line = {"key": key, "rows": [stamp | rounded(row) for row in rows]}
    stream.write(json.dumps(line, ensure_ascii=False) + "\n")
    stream.flush()


def rounded(row: dict) -> dict:
    """Log-likelihoods to a millionth of a nat: finer than float32 arithmetic can repeat."""
    return {
        field: [round(score, 6) for score in value] if "log_likelihoods" in field else value
        for field, value in row.items()
    }


def row_key(row: dict) -> tuple:
    """The order of rows in the file."""
    return (row["seed"], row["task"], row["id"], row["arm"], row["order"])


def fingerprint(
    name: str, adapters: dict[int, Path | None], model_folder: Path, parameters: Params
) -> str:
    """sha256 of everything an outcome depends on: model, adapter, items, prompts, settings."""
    package = Path(__file__).parent
    files = [
        *sorted(EVALUATION.glob("*.jsonl")),
        *sorted((package / "tasks").rglob("*.py")),
        *sorted((package / "engine").glob("*.py")),
        package / "transcripts.py",
        *sorted(path for folder in adapters.values() if folder for path in folder.iterdir()),
        # a local folder may change under its name; the wheel's model is pinned and has no manifest
        *model_folder.glob(models.MANIFEST),
    ]
    asked = [name, repr(parameters.model), parameters.protocol, repr(parameters.evaluate)]
    content = [*asked, *map(pins.digest, files)]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def resume(path: Path, identity: str) -> set[tuple]:
    """Keys answered by an interrupted run; the file starts anew if that was another run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes() if path.exists() else b""
    # the last line may have been cut off by the interruption, even within a character
    lines = [json.loads(line) for line in content.split(b"\n")[:-1]]
    if not lines or lines[0] != {"fingerprint": identity}:
        lines = [{"fingerprint": identity}]
    write_rows(path, lines)
    return {tuple(line["key"]) for line in lines[1:]}


if __name__ == "__main__":
    run_stage(main)
