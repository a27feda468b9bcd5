"""Faults drawn from a seed: what happens to files on disks, in editors, in merges and by mistake.

A fault changes one input of one stage. It is `silent` where nothing in the file can tell that it is
not meant (another text, another possible value): then other results are right, and only a
traceback, a hang or a damaged file is wrong.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.faults.workshop import ADAPTERS, remove

Change = Callable[[Path, random.Random], None]
ODD = [None, True, False, -1, 0, 1e308, "", "yes", "20:00", [], [[]], {}, {"a": 1}, "\x00", 2**70]
MODELS = ("base", *ADAPTERS)


@dataclass(frozen=True)
class Fault:
    """`stage` is run after `change` was done to `path`; `outputs` is what the stage writes."""

    name: str
    stage: str
    path: str
    outputs: tuple[str, ...]
    change: Change
    silent: bool = False


def draw(generator: random.Random, folder: Path, verbs: Sequence[str]) -> Fault:
    """A fault of one of these stages, whose inputs have equal shares."""
    stages = [entry for entry in inputs(generator) if entry[0].split()[0] in verbs]
    stage, outputs, inputs_of_stage = generator.choice(stages)
    pattern = generator.choice(inputs_of_stage)
    paths = sorted(path for path in folder.glob(pattern) if path.is_file())
    path = generator.choice(paths)
    kinds = [*ANY, *BY_SUFFIX.get(path.suffix, [])]
    name, change, silent = generator.choice(kinds)
    relative = str(path.relative_to(folder))
    # Fewer or repeated rows of what a stage wrote are rows all the same: only DVC's hash of its
    # outputs tells, and `dvc repro` writes them again.
    silent = silent or (relative.startswith(("prepared/", "curated/")) and change in OTHER_ROWS)
    return Fault(f"{name}: {relative}", stage, relative, outputs, change, silent)


def inputs(generator: random.Random) -> list[tuple[str, tuple[str, ...], list[str]]]:
    """(stage, what it writes, patterns of what it reads)."""
    adapter, model = generator.choice(ADAPTERS), generator.choice(MODELS)
    read_by_all = ["params.yaml"]
    results = ("results",)
    return [
        ("curate", ("curated", *results), ["data/pocket/paired_choice.jsonl", *read_by_all]),
        ("prepare", ("prepared", *results), ["data/pocket/*.jsonl", "curated/*", *read_by_all]),
        (
            f"train {adapter}",
            ("adapters", *results),
            [f"prepared/*/{adapter}.jsonl", "data/model/tiny/*", *read_by_all],
        ),
        (
            f"evaluate {model}",
            ("outcomes",),
            ["prepared/evaluation/*.jsonl", "data/model/tiny/*", *read_by_all]
            + ([f"adapters/{model}/seed-1/*"] * 3 if model != "base" else []),
        ),
        (
            "analyze",
            results,
            ["outcomes/*/*.jsonl", "results/training/*.json", "paper/claims.yaml"],
        ),
        ("audit", results, ["paper/reported/*.csv", "paper/reported/*.json"]),
    ]


def truncated(path: Path, generator: random.Random) -> None:
    content = path.read_bytes()
    rewrite(path, content[: generator.randrange(len(content) or 1)])


def emptied(path: Path, generator: random.Random) -> None:
    rewrite(path, b"")


def with_zeros(path: Path, generator: random.Random) -> None:
    """As a disk leaves a block that it did not write."""
    content = bytearray(path.read_bytes())
    start = generator.randrange(len(content) or 1)
    content[start : start + 512] = bytes(len(content[start : start + 512]))
    rewrite(path, bytes(content))


def not_utf8(path: Path, generator: random.Random) -> None:
    content = path.read_bytes()
    at = generator.randrange(len(content) or 1)
    rewrite(path, content[:at] + b"\xff\xfe\xe9" + content[at:])


def removed(path: Path, generator: random.Random) -> None:
    remove(path)


def a_folder(path: Path, generator: random.Random) -> None:
    remove(path)
    path.mkdir()


def a_pipe(path: Path, generator: random.Random) -> None:
    remove(path)
    os.mkfifo(path)


def a_link_to_itself(path: Path, generator: random.Random) -> None:
    remove(path)
    path.symlink_to(path.name)


def in_conflict(path: Path, generator: random.Random) -> None:
    """As a merge leaves it."""
    lines = path.read_bytes().split(b"\n")
    at = generator.randrange(len(lines))
    ours = lines[at : at + 1]
    lines[at : at + 1] = [b"<<<<<<< ours", *ours, b"=======", *ours, b">>>>>>> theirs"]
    rewrite(path, b"\n".join(lines))


def line_lost(path: Path, generator: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if lines:
        del lines[generator.randrange(len(lines))]
    rewrite(path, b"".join(lines))


def line_twice(path: Path, generator: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if lines:
        at = generator.randrange(len(lines))
        lines.insert(at, lines[at])
    rewrite(path, b"".join(lines))


def odd_value_in_line(path: Path, generator: random.Random) -> None:
    """One field of one row is of another kind."""
    lines = path.read_text("utf-8").splitlines()
    if not lines:
        return
    at = generator.randrange(len(lines))
    row = json.loads(lines[at])
    put_odd(row, generator)
    lines[at] = json.dumps(row, ensure_ascii=False)
    rewrite(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass"))


def not_finite(path: Path, generator: random.Random) -> None:
    """One number of the file is NaN or infinite."""
    text = path.read_text("utf-8")
    numbers = list(re.finditer(r"-?\d+\.\d+", text))
    if numbers:
        found = generator.choice(numbers)
        value = generator.choice(["NaN", "-Infinity", "Infinity"])
        rewrite(path, (text[: found.start()] + value + text[found.end() :]).encode())


def odd_value_in_json(path: Path, generator: random.Random) -> None:
    content = json.loads(path.read_text("utf-8"))
    put_odd(content, generator)
    rewrite(path, json.dumps(content).encode())


def odd_value_in_yaml(path: Path, generator: random.Random) -> None:
    content = yaml.safe_load(path.read_text("utf-8"))
    put_odd(content, generator)
    rewrite(path, yaml.safe_dump(content, sort_keys=False).encode())


def key_twice(path: Path, generator: random.Random) -> None:
    lines = path.read_text("utf-8").splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"\s*[\w.]+: \S", line)]
    at = generator.choice(keys)
    rewrite(path, "\n".join([*lines[: at + 1], *lines[at:]]).encode())


def column_lost(path: Path, generator: random.Random) -> None:
    rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
    at = generator.randrange(len(rows[0]))
    rewrite(path, "\n".join(",".join(row[:at] + row[at + 1 :]) for row in rows).encode())


def row_short(path: Path, generator: random.Random) -> None:
    lines = path.read_text("utf-8").splitlines()
    at = generator.randrange(1, len(lines))
    lines[at] = lines[at].rsplit(",", 2)[0]
    rewrite(path, "\n".join(lines).encode())


def tensor_lost(path: Path, generator: random.Random) -> None:
    change_tensors(path, lambda tensors, name: tensors.pop(name), generator)


def tensor_renamed(path: Path, generator: random.Random) -> None:
    def rename(tensors: dict, name: str) -> None:
        tensors[f"_orig_mod.{name}"] = tensors.pop(name)

    change_tensors(path, rename, generator)


def tensor_smaller(path: Path, generator: random.Random) -> None:
    def cut(tensors: dict, name: str) -> None:
        tensors[name] = tensors[name][:-1].copy()

    change_tensors(path, cut, generator)


def change_tensors(path: Path, change: Callable, generator: random.Random) -> None:
    from safetensors.numpy import load, save

    tensors = load(path.read_bytes())
    change(tensors, generator.choice(sorted(tensors)))
    rewrite(path, save(tensors, metadata={"format": "pt"}))


def put_odd(content: object, generator: random.Random) -> None:
    """Somewhere inside, a value becomes odd or a key is lost."""
    here = content
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = generator.choice(keys)
        inner = here[key]
        if isinstance(inner, dict | list) and inner and generator.random() < 0.75:
            here = inner
            continue
        if isinstance(here, dict) and generator.random() < 0.25:
            del here[key]
        else:
            here[key] = generator.choice(ODD)
        return


def rewrite(path: Path, content: bytes) -> None:
    """Replace the file; it may be linked to the one that is kept."""
    mode = path.stat().st_mode
    remove(path)
    path.write_bytes(content)
    shutil.os.chmod(path, mode)


OTHER_ROWS = (truncated, emptied, line_lost, line_twice)
# (name, change, silent)
ANY: list[tuple[str, Change, bool]] = [
    ("truncated", truncated, False),
    ("emptied", emptied, False),
    ("a block of zeros", with_zeros, False),
    ("not UTF-8", not_utf8, False),
    ("removed", removed, False),
    ("a folder in its place", a_folder, False),
    ("a pipe in its place", a_pipe, False),
    ("a link to itself", a_link_to_itself, False),
]
TEXT: list[tuple[str, Change, bool]] = [("in conflict", in_conflict, False)]
BY_SUFFIX: dict[str, list[tuple[str, Change, bool]]] = {
    ".jsonl": [
        *TEXT,
        ("a line lost", line_lost, False),
        ("a line twice", line_twice, False),
        ("an odd value", odd_value_in_line, False),
        ("not finite", not_finite, False),
    ],
    ".json": [*TEXT, ("an odd value", odd_value_in_json, False), ("not finite", not_finite, False)],
    ".yaml": [*TEXT, ("an odd value", odd_value_in_yaml, True), ("a key twice", key_twice, False)],
    ".csv": [*TEXT, ("a column lost", column_lost, False), ("a short row", row_short, False)],
    ".safetensors": [
        ("a tensor lost", tensor_lost, False),
        ("a tensor renamed", tensor_renamed, False),
        ("a smaller tensor", tensor_smaller, False),
    ],
}
