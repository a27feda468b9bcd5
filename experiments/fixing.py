"""Whether the claims were fixed before the run that they are tested on.

`fixed` of paper/claims.yaml names a commit. The claims are fixed before a run if that commit has
the same claims, is an ancestor of the code that made the run, and has none of the run's adapter
outcomes in its dvc.lock. Those of the base model do not count: no claim on training rests on them.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from experiments.claims import Claims, parse_claims
from experiments.errors import DataError
from experiments.params import BASE
from experiments.pipeline import LOCK, content, read_last_runs

CLAIMS = "paper/claims.yaml"
OUTCOMES = "outcomes"


def unfixed(root: Path, claims: Claims, code: str | None, outcomes: Mapping[str, str]) -> str:
    """Why the claims were not fixed before the run, in one clause; "" if they were.

    `code` is the commit that made the run, and `outcomes` has the run's md5 by path
    (adapter_outcomes).
    """
    fixed = claims.fixed
    if fixed is None:
        return f"the claims are not fixed: commit {CLAIMS}, then name the commit in `fixed`"
    if code is None or git(root, "rev-parse", "--git-dir") is None:
        return "without git it is not known when the claims were fixed: work in a clone"
    for commit in (fixed, code):
        if git(root, "cat-file", "-e", f"{commit}^{{commit}}") is None:
            remedy = "fetch it (git fetch --unshallow)"
            if git(root, "rev-parse", "--is-shallow-repository") != b"true\n":
                remedy = "name one that is there"
            return f"the commit {commit} is not in this clone: {remedy}"
    if git(root, "merge-base", "--is-ancestor", fixed, code) is None:
        return f"the run's code does not descend from the commit that fixed the claims, {fixed}"
    try:
        then = parse_claims(git(root, "show", f"{fixed}:{CLAIMS}") or b"", CLAIMS)
        lock = git(root, "show", f"{fixed}:{LOCK}")
        known = adapter_outcomes(lock) if lock else {}
    except DataError:
        return f"the claims or the lock of the commit {fixed} cannot be read: name another"
    if then != claims:
        return f"the claims are not those of the commit {fixed}: fix them anew, and run again"
    if set(known.values()) & set(outcomes.values()):
        return f"outcomes of this run were there at the commit {fixed}: run again"
    return ""


def unfixed_now(root: Path, claims: Claims, adapters: Collection[str]) -> str:
    """The same of the outcomes at hand; dvc.lock may still list adapters that are no more."""
    head = git(root, "rev-parse", "HEAD")
    lock = content(root, LOCK)
    listed = adapter_outcomes(lock) if lock else {}
    outcomes = {path: md5 for path, md5 in listed.items() if Path(path).name in adapters}
    return unfixed(root, claims, head.decode().strip() if head else None, outcomes)


def unfixed_in(run: Path, claims: Claims) -> str:
    """The same of an archived run, runs/NAME/."""
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    outcomes = of_adapters(environment["md5"])
    return unfixed(Path(), claims, environment["code"]["commit"], outcomes)


def adapter_outcomes(lock: bytes) -> dict[str, str]:
    """md5 by path of the adapters' outcomes that a dvc.lock has."""
    runs = read_last_runs(lock).values()
    return of_adapters({path: md5 for run in runs for path, md5 in run.written.items()})


def of_adapters(hashes: Mapping[str, str]) -> dict[str, str]:
    """Those of md5 by path that are adapters' outcomes."""
    return {
        path: md5
        for path, md5 in hashes.items()
        if path.startswith(f"{OUTCOMES}/") and path != f"{OUTCOMES}/{BASE}"
    }


def git(root: Path, *arguments: str) -> bytes | None:
    """What git writes; None where git or the repository is missing, or git says no."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout
