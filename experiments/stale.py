"""Whether the results at hand are those of the parameters, code and data at hand, as DVC sees it.

What a fresh clone lacks (data, models, outcomes) is known by dvc.lock alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from experiments import pipeline
from experiments.errors import ArchiveError
from experiments.pipeline import LastRun

# Their outputs are not of a run: simulated studies, the audit of published figures, what archived
# runs say, the documents.
APART = ("reading", "simulate", "audit", "replicate", "render", pipeline.DATA)
# Absent from a fresh clone; what later stages read must be what earlier ones wrote.
IN_CACHE = ("data", "curated", "prepared", "adapters", "outcomes")


def reason(root: Path) -> str | None:
    """The first reason why results/ is not what the pipeline would make now; None if it is.

    A reason is a clause, e.g. "train.epochs is not what train@mmlu ran with".
    """
    runs = last_runs(root)
    # imported here: DVC takes seconds
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            stages = [stage.addressing for stage in repo.index.stages]
            status = repo.status()
    except DvcException as error:
        raise ArchiveError(f"DVC cannot tell what has run: {error}; mend it") from None
    for name in stages:
        if name in APART:
            continue
        if name not in runs:
            return f"the stage {name} has not run"
        for change in changes(name, status.get(name, ()), root):
            return change
    return behind(runs)


def changes(stage: str, status: list, root: Path) -> Iterator[str]:
    """What DVC says of one stage of the project at `root`, in words."""
    for part in status:
        for kind, paths in part.items() if isinstance(part, dict) else ():
            verb = "wrote" if kind == "changed outs" else "read"
            for path, change in paths.items():
                if isinstance(change, dict):
                    yield from (f"{key} is not what {stage} ran with" for key in change)
                elif change != "deleted" and (root / path).exists():
                    yield f"{path} is not what {stage} {verb}"
                elif path.split("/")[0] not in IN_CACHE:
                    yield f"{path} is missing"
        if not isinstance(part, dict):
            yield f"{stage} has another command now"


def behind(runs: dict[str, LastRun]) -> str | None:
    """Whether a stage read something that another one has written anew since."""
    made = {path: md5 for run in runs.values() for path, md5 in run.written.items()}
    of_run = ((name, run) for name, run in runs.items() if name not in APART)
    for name, run in of_run:
        for path, md5 in run.read.items():
            if made.get(path, md5) != md5:
                return f"{name} has not run since {path} changed"
    return None


def inputs_and_models(root: Path) -> dict[str, str]:
    """md5 of everything below data/, adapters/ and what is made in between, as the lock has it."""
    found = {
        path: md5
        for run in last_runs(root).values()
        for path, md5 in (run.read | run.written).items()
        if path.split("/")[0] in IN_CACHE
    }
    return dict(sorted(found.items()))


def last_runs(root: Path) -> dict[str, LastRun]:
    """How the stages last ran, by name; DataError if dvc.lock cannot be read."""
    return pipeline.read_last_runs(pipeline.content(root, pipeline.LOCK))
