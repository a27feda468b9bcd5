"""Ask one model every item of every task and keep each outcome.

    python -m experiments.evaluate base
    python -m experiments.evaluate mmlu
    accelerate launch --config_file launch/ddp.yaml -m experiments.evaluate mmlu

Reads prepared/evaluation/, the model and (but for `base`) adapters/MODEL/; writes
outcomes/MODEL/outcomes.jsonl, one row per item, task, arm and option order, and
outcomes/MODEL/transcripts.jsonl, free replies to be read. Items are asked in fixed groups of
`evaluate.items_per_group`, clusters whole; several processes divide the groups. A finished group is
kept as outcomes/MODEL/group-N.partial, and an interrupted run asks the others, whole, if neither
model, items, prompts nor settings have changed: the bytes are the same whatever happened, and with
any number of processes. Measured at the `pocket` scale on 2 CPU cores: 2 to 3 minutes per model,
2.2 GB of memory.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from filelock import FileLock, Timeout

from experiments import files, params, processes
from experiments.corpora.item import Item, read_items, write_rows
from experiments.errors import OutcomeError, run_stage
from experiments.models import memory, trained, verification
from experiments.params import BASE, BASE_SEED, Evaluate, Params
from experiments.tasks import PROTOCOLS, published, transcripts

OUTCOMES = Path("outcomes")
EVALUATION = Path("prepared/evaluation")
TRANSCRIPT = "transcript"


@dataclass(frozen=True)
class Instance:
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


@dataclass(frozen=True)
class Group:
    """Instances of one seed and kind that are asked together, and where their rows are kept."""

    seed: int
    kind: str
    instances: tuple[Instance, ...]
    path: Path


def main() -> None:
    """Evaluate the model named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="base, or an adapter of params.yaml")
    name = parser.parse_args().model
    parameters = params.load()
    parameters.tests(name)  # an unknown adapter is named before a model is read
    model_folder = Path("data/model") / parameters.model.folder_name
    base = verification.verify_model(parameters.model, model_folder)
    adapters = adapter_folders(name, base, parameters)
    folder = OUTCOMES / name
    groups = grouped(instances(name, adapters, parameters), parameters, folder)
    with alone(name, folder):
        identity = fingerprint(name, adapters, model_folder, parameters)
        share = groups[processes.rank() :: processes.count()]
        pending = [group for group in share if finished(group.path, identity) is None]
        ask(name, adapters, model_folder, pending, identity, parameters)
        processes.wait()
        if processes.is_main():
            collect(name, folder, groups, identity, parameters)


def adapter_folders(name: str, base: dict[str, str], parameters: Params) -> dict[int, Path | None]:
    """Training seed -> adapter folder; the base model has one entry without a folder.

    ModelError for an adapter that is not whole, or not of this base model and params.yaml.
    """
    if name == BASE:
        return {BASE_SEED: None}
    settings = parameters.training(name)
    folders = {seed: Path("adapters") / name / f"seed-{seed}" for seed in parameters.seeds(name)}
    for folder in folders.values():
        trained.verify_trained(folder, base, settings)
    return folders


def instances(name: str, adapters: dict[int, Path | None], parameters: Params) -> list[Instance]:
    """All that the model is asked under its protocol, and transcripts of its first seed."""
    settings = parameters.evaluate
    items = {task: read_items(EVALUATION / f"{task}.jsonl") for task in parameters.tests(name)}
    read = {
        task: transcripts.chosen(task, items[task], settings.transcripts.items)
        for task in transcripts.TASKS
        if task in items
    }
    first = min(adapters)
    return [
        Instance(seed, kind, task, item, how)
        for seed in adapters
        for kind, listed, how in (
            (parameters.protocol, items, settings),
            (TRANSCRIPT, read if seed == first else {}, transcripts.settings(settings)),
        )
        for task, chosen in listed.items()
        for item in chosen
    ]


def grouped(listed: Iterable[Instance], parameters: Params, folder: Path) -> list[Group]:
    """Groups of `items_per_group` instances or a few more: the last cluster of each is whole.

    They follow from all instances alone, so that an interruption changes nothing. Clusters are
    whole because prompts of one cluster, in whatever task, begin alike.
    """

    def cluster(one: Instance) -> tuple[int, str, str]:
        return (one.seed, one.kind, one.item.cluster)

    parts: list[list[Instance]] = []
    for (seed, kind, _), whole in groupby(sorted(listed, key=cluster), cluster):
        last = parts[-1] if parts else None
        if (
            not last
            or len(last) >= parameters.evaluate.items_per_group
            or (last[0].seed, last[0].kind) != (seed, kind)
        ):
            parts.append([])
        parts[-1] += whole
    return [
        Group(part[0].seed, part[0].kind, tuple(part), folder / f"group-{number}.partial")
        for number, part in enumerate(parts)
    ]


@contextmanager
def alone(name: str, folder: Path) -> Iterator[None]:
    """Within this context no other run evaluates the model; OutcomeError if one does already."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock.partial", timeout=0)
    if processes.is_main():
        try:
            lock.acquire()
        except Timeout:
            raise OutcomeError(
                f"another process evaluates {name} at this moment; wait until it has ended, or "
                "stop it, and run the same command again"
            ) from None
    try:
        processes.wait()  # none of several processes begins before the main one has the folder
        yield
    finally:
        lock.release()


def ask(
    name: str,
    adapters: dict[int, Path | None],
    model_folder: Path,
    pending: list[Group],
    identity: str,
    parameters: Params,
) -> None:
    """Put the pending groups to the model, one training seed after the other; keep each at once."""
    if not pending:
        return
    memory.require_evaluation(model_folder, parameters)
    # imported here: bad parameters and missing files are reported before torch is loaded
    from experiments.engine.asking.pool import run
    from experiments.engine.model import load_asked

    for seed, groups in groupby(pending, lambda group: group.seed):
        groups = list(groups)
        language_model = load_asked(
            model_folder,
            parameters.evaluate,
            adapter=adapters[seed],
            device=processes.device(),
            date=parameters.model.date,
        )
        answers = run(
            [[(one.key, one.protocol) for one in group.instances] for group in groups],
            language_model,
            parameters.evaluate.engine,
            f"{name} seed {seed}",
        )
        for group, answered in zip(groups, answers, strict=True):
            stamp = {
                "protocol": "published" if group.kind == TRANSCRIPT else group.kind,
                "model": name,
                "seed": seed,
            }
            keep(group.path, [stamp | rounded(row) for rows in answered for row in rows], identity)
        del language_model  # before the next one is loaded


def rounded(row: dict) -> dict:
    """Log-likelihoods to a millionth of a nat: finer than float32 arithmetic can repeat."""
    return {
        field: [round(score, 6) for score in value] if "log_likelihoods" in field else value
        for field, value in row.items()
    }


def keep(path: Path, rows: list[dict], identity: str) -> None:
    """Write a group's rows under a seal: a digest of them and of what they depend on."""
    content = json.dumps(rows, ensure_ascii=False).encode()
    files.write_bytes(path, seal(path, content, identity) + b"\n" + content)


def finished(path: Path, identity: str) -> list[dict] | None:
    """The rows that `keep` wrote; None if there are none, or others, or the file was damaged."""
    written, _, content = path.read_bytes().partition(b"\n") if path.is_file() else (b"",) * 3
    return json.loads(content) if written == seal(path, content, identity) else None


def seal(path: Path, content: bytes, identity: str) -> bytes:
    return files.digest_of(f"{identity} {path.name}\n".encode() + content).encode()


def collect(
    name: str, folder: Path, groups: list[Group], identity: str, parameters: Params
) -> None:
    """Write the outcomes and transcripts of all groups, and then remove what was kept of them."""
    kinds: dict[str, list[dict]] = {kind: [] for kind in (TRANSCRIPT, parameters.protocol)}
    for group in groups:
        rows = finished(group.path, identity)
        if rows is None:
            raise OutcomeError(f"{group.path} was altered meanwhile; run the same command again")
        kinds[group.kind] += rows
    for rows, file in zip(kinds.values(), ("transcripts.jsonl", "outcomes.jsonl"), strict=True):
        write_rows(folder / file, sorted(rows, key=row_key))
    for path in folder.glob("*.partial"):
        path.unlink()
    print(
        f"{folder}/outcomes.jsonl holds {len(kinds[parameters.protocol])} outcomes of {name}. "
        "Next: python -m experiments.analyze"
    )


def row_key(row: dict) -> tuple:
    """The order of rows in the file."""
    return (row["seed"], row["task"], row["id"], row["arm"], row["order"])


def fingerprint(
    name: str, adapters: dict[int, Path | None], model_folder: Path, parameters: Params
) -> str:
    """sha256 of everything an outcome depends on: model, adapter, items, prompts, settings."""
    package = Path(__file__).parent
    depended_on = [
        *sorted(EVALUATION.glob("*.jsonl")),
        *sorted((package / "tasks").rglob("*.py")),
        *sorted((package / "engine").glob("*.py")),
        *sorted((package / "engine/asking").glob("*.py")),
        *sorted(path for folder in adapters.values() if folder for path in folder.iterdir()),
        # a local folder may change under its name; the wheel's model is pinned and has no manifest
        *model_folder.glob(verification.MANIFEST),
    ]
    asked = [name, repr(parameters.model), parameters.protocol, repr(parameters.evaluate)]
    return files.digest_of("\n".join([*asked, *map(files.digest, depended_on)]))


if __name__ == "__main__":
    run_stage(main)
