"""Make a copy of this checkout with other parameters, beside it, so that nothing has to be undone.

    python -m experiments.variant FOLDER [-S KEY=VALUE ...]
    python -m experiments.variant ../qlora $(cat launch/llama-2-7b-qlora-16gb.args) -S scale=full

FOLDER becomes a clone with the uncommitted changes of this checkout, its data as hard links and
params.yaml changed as `dvc exp run -S` would (`-S ~KEY` removes one; comments stay). Run everything
in there, then copy runs/NAME of an archived run back, or delete the folder. Two seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from experiments import params
from experiments.errors import ParameterError, run_stage

DATA = Path("data")


def main() -> None:
    """Make the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    add_changes(parser)
    arguments = parser.parse_args()
    folder = make(arguments.folder, arguments.changes)
    print(f"{folder} is ready. Next: cd {folder} && python -m experiments.fetch && dvc repro")


def make(folder: Path, changes: Sequence[str]) -> Path:
    """Copy the current folder's checkout to `folder`; return where the project is in it.

    ParameterError if something is there already, or if params.yaml would not be valid. Nothing is
    left behind then.
    """
    if folder.exists():
        raise ParameterError(f"{folder} exists already; name another folder or delete it")
    top, prefix = _git("rev-parse", "--show-toplevel", "--show-prefix").split("\n")[:2]
    try:
        _git("clone", "--quiet", top, str(folder))
        project = folder / prefix
        _bring_uncommitted(project)
        change_parameters(project / "params.yaml", changes)
        if DATA.is_dir():
            _link(DATA, project / DATA)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return project


def add_changes(parser: argparse.ArgumentParser) -> None:
    """The option `-S`, as `changes`."""
    parser.add_argument(
        "-S", "--set-param", action="append", default=[], metavar="KEY=VALUE", dest="changes"
    )


def change_parameters(path: Path, changes: Sequence[str]) -> None:
    """Change a parameter file as `dvc exp run -S` would; ParameterError if it cannot be right."""
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    if changes:
        try:
            apply_overrides(path, list(changes))
        except DvcException as error:
            raise ParameterError(f"-S {' -S '.join(changes)}: {error}; mend the option") from None
    params.load(path)


def _bring_uncommitted(project: Path) -> None:
    """Repeat in `project` what git sees as changed here, without what it ignores."""
    listed = _git("ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        target = project / name
        if Path(name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, target)
        elif not name.endswith("/"):  # a repository within this one is listed as a folder
            target.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """The same files without a second copy of them, where the file system can."""

    def link(path: str, copied: str) -> None:
        try:
            os.link(path, copied)
        except OSError:
            shutil.copy(path, copied)

    shutil.copytree(source, target, copy_function=link)


def _git(*arguments: str) -> str:
    """What git answers; ParameterError with its own words if it cannot."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip() or f"git {arguments[0]} failed"
        raise ParameterError(f"this folder cannot be copied: {reason}")
    return done.stdout


if __name__ == "__main__":
    run_stage(main)
