"""Keep the run at hand: runs/NAME/ holds its tables, outcomes, parameters, claims and environment.

    python -m experiments.archive pocket
    python -m experiments.archive pocket --force   in the place of the run of that name
    python -m experiments.archive --describe > trained-on.json
    python -m experiments.archive full --trained-on trained-on.json

The last two are for a run whose stages had a machine of their own, such as a node with a GPU: the
first is said there, and the archive then names that machine's processor, accelerator and packages.

Documents can be about any run that is there (`paper.run` of params.yaml), the paper's "Runs side by
side" reads all, and `python -m experiments.analyze --run NAME` computes a run's tables again.
Adapters are not kept: environment.json has their hashes. Archive after `dvc repro` and after
committing the code, so that the commit named is the one that made the numbers. Results
of other parameters, code or data than those at hand are refused. A second on 2 CPU cores.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from experiments import files, params, stale, tables
from experiments.errors import ArchiveError, run_stage

RUNS, RESULTS = Path(params.RUNS), Path("results")
PARAMS, ENVIRONMENT, OUTCOMES = params.FILE, "environment.json", "outcomes.parquet"
CLAIMS = Path("paper/claims.yaml")
MACHINE = {"python", "system", "machine", "processor", "accelerator", "packages"}
NAME = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*")
# What makes numbers; a change of other files leaves a run's code that of its commit.
CODE = ("experiments", "paper/claims.yaml", "dvc.yaml", "pyproject.toml", "constraints.txt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "name", nargs="?", help="lower-case letters, digits, hyphens and dots, e.g. pocket"
    )
    parser.add_argument("--force", action="store_true", help="replace a run of the same name")
    parser.add_argument("--describe", action="store_true", help="print what this machine is")
    parser.add_argument(
        "--trained-on", type=Path, metavar="FILE", help="what --describe printed where models ran"
    )
    arguments = parser.parse_args()
    root = Path.cwd()
    if arguments.describe == (arguments.name is not None):
        parser.error("name the run, or say --describe, and not both")
    if arguments.describe:
        print(as_text(machine(root)), end="")
        return
    described = None if arguments.trained_on is None else read_machine(arguments.trained_on)
    folder = archive(root, arguments.name, arguments.force, described)
    code = json.loads((folder / ENVIRONMENT).read_text(encoding="utf-8"))["code"]
    where = folder.relative_to(root).as_posix()
    print(
        f"{where}/ holds {len(tables.OF_RUN)} tables, {PARAMS} and {ENVIRONMENT}. Next: "
        f"dvc repro -s replicate render, and commit {where}/ with what it renders"
    )
    if not code["clean"]:
        print(
            "The code is not that of a commit: commit it, then archive again with --force, so that "
            "the run names the code which made it"
        )


def archive(
    root: Path, name: str, force: bool = False, trained_on: dict[str, Any] | None = None
) -> Path:
    """Write runs/`name`/ whole or not at all, and return it.

    `trained_on` is the `machine` that ran the models; None means this one. ArchiveError if the
    name is not allowed or taken, a table is missing, or the results are not those of the
    parameters, code and data at hand.
    """
    params.load(root / PARAMS)
    _check_name(root, name, force)
    _check_results(root)
    target = root / RUNS / name
    with files.new_folder(target) as building:
        (building / RESULTS).mkdir()
        for path in _kept():
            shutil.copyfile(root / path, building / path)
        shutil.copyfile(root / CLAIMS, building / CLAIMS.name)
        shutil.copyfile(root / PARAMS, building / PARAMS)
        text = as_text(environment(root, trained_on))
        (building / ENVIRONMENT).write_text(text, encoding="utf-8")
    return target


def environment(root: Path, trained_on: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the numbers were made with: code, packages, machine, and md5 of data and models."""
    return {
        "code": code_at_hand(root),
        **(trained_on or machine(root)),
        "md5": stale.inputs_and_models(root),
    }


def machine(root: Path) -> dict[str, Any]:
    """This kind of machine, and the packages that it has."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": processor(),
        "accelerator": accelerator(),
        "packages": packages(root),
    }


def read_machine(path: Path) -> dict[str, Any]:
    """A `machine` that another one printed; ArchiveError if the file is not that."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or set(found) != MACHINE:
        raise ArchiveError(
            f"{path} does not describe a machine; make it there, by "
            f"`python -m experiments.archive --describe > {path.name}`"
        )
    return found


def as_text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def accelerator() -> str | None:
    """What CUDA calls the GPU; None without one."""
    import torch  # takes seconds, and the checks come first

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def processor() -> str | None:
    """What Linux calls the processor; None elsewhere."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1] if found else None


def code_at_hand(root: Path) -> dict[str, Any]:
    """The commit, and whether the code is just that of it; both None where there is no git."""
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *CODE)
    if commit is None or changed is None:
        return {"commit": None, "clean": None}
    return {"commit": commit, "clean": not changed}


def packages(root: Path) -> dict[str, str | None]:
    """Versions of what pyproject.toml depends on; None for one that is not installed."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    wanted = tomllib.loads(text)["project"]["dependencies"]
    found: dict[str, str | None] = {}
    for name in sorted(re.match(r"[\w.-]+", one)[0] for one in wanted):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _check_name(root: Path, name: str, force: bool) -> None:
    if not NAME.fullmatch(name) or name == params.AT_HAND:
        raise ArchiveError(
            f"{name!r} cannot name a run; begin with a lower-case letter and go on with those, "
            f"digits, single hyphens and dots ({params.AT_HAND!r} means the run at hand)"
        )
    if (root / RUNS / name).exists() and not force:
        raise ArchiveError(
            f"{RUNS}/{name}/ is there already; take another name, or replace it with --force"
        )


def _check_results(root: Path) -> None:
    wanted = _kept()
    missing = [path for path in wanted if not (root / path).is_file()]
    if missing:
        raise ArchiveError(
            f"{missing[0]} is missing ({len(missing)} of {len(wanted)} files); run "
            "`dvc repro` first"
        )
    reason = stale.reason(root)
    if reason:
        raise ArchiveError(
            f"the results are not those of this folder ({reason}); run `dvc repro` first"
        )


def _kept() -> list[Path]:
    """The result files that are kept with a run."""
    return [RESULTS / OUTCOMES, *(RESULTS / f"{name}.csv" for name in tables.OF_RUN)]


def _git(root: Path, *arguments: str) -> str | None:
    """What git says, None where git or the repository is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout.strip()


if __name__ == "__main__":
    run_stage(main)
