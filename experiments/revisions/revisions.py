"""The files of a git revision, or of the working tree, without checking anything out."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import ReportError

WATCHED = ("results", "runs", "paper", "params.yaml", "data.dvc", "dvc.lock")
WORKING_TREE = "the working tree"


class RevisionError(ReportError):
    """A revision is unknown, or lacks a file that the comparison needs."""


@dataclass(frozen=True)
class Snapshot:
    """One side of a comparison: the watched files and the ids of their contents.

    `commit` is empty for the working tree. `blobs` maps a path below `root` to its git blob id, so
    equal ids are equal contents.
    """

    root: Path
    label: str
    commit: str
    blobs: dict[str, str]

    def text(self, path: str) -> str | None:
        """The content of a file; None if this side has no such file."""
        if path not in self.blobs:
            return None
        if not self.commit:
            return (self.root / path).read_text(encoding="utf-8")
        return git(self.root, "cat-file", "blob", self.blobs[path])

    def paths(self, folder: str, *suffixes: str) -> list[str]:
        """Paths below a folder that end in one of `suffixes`, sorted."""
        return sorted(
            path for path in self.blobs if path.startswith(f"{folder}/") and path.endswith(suffixes)
        )


def snapshots(root: Path, base: str, head: str | None) -> tuple[Snapshot, Snapshot]:
    """The two sides of `base` against `head` (None: the working tree).

    A plain `base` means the commit where `head` left it, as in a pull request. `base` may also be
    written A..B, which compares the two as they are, or A...B. Raises RevisionError outside a git
    repository and for an unknown revision.
    """
    check_repository(root)
    exact = False
    if ".." in base:
        if head:
            raise RevisionError(f"{base} already names both sides; leave out --head {head}")
        base, dots, head = base.partition("..." if "..." in base else "..")
        base, head, exact = base or "HEAD", head or "HEAD", dots == ".."
    base_commit = commit_of(root, base)
    head_commit = commit_of(root, head or "HEAD")
    label = named(base, base_commit)
    if not exact:
        parting = git(root, "merge-base", base_commit, head_commit, fail="").strip()
        if parting and parting != base_commit:
            base_commit = parting
            label = f"{parting[:7]} (where this left `{base}`, which has moved on)"
    old = Snapshot(root, label, base_commit, committed(root, base_commit))
    if head is None:
        return old, Snapshot(root, WORKING_TREE, "", present(root))
    new = Snapshot(root, named(head, head_commit), head_commit, committed(root, head_commit))
    return old, new


def named(revision: str, commit: str) -> str:
    """A revision as the reader called it, and its short id."""
    short = commit[:7]
    return f"`{short}`" if commit.startswith(revision) else f"`{revision}` ({short})"


def check_repository(root: Path) -> None:
    """RevisionError unless `root` is inside a git work tree."""
    if git(root, "rev-parse", "--is-inside-work-tree", fail="").strip() != "true":
        raise RevisionError(
            "this folder is not a git repository; run from a clone, the two sides are its revisions"
        )


def commit_of(root: Path, revision: str) -> str:
    """The full id of the commit of a branch, tag, commit or DVC experiment."""
    wanted = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = git(root, *wanted, fail="").strip()
    if commit:
        return commit
    # DVC keeps an experiment at refs/exps/<two digits>/<the rest of its parent's id>/<name>.
    listed = git(root, "for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{revision}")
    if len(listed.split()) == 1:
        return listed.strip()
    raise RevisionError(
        f"there is no revision {revision!r} here; name a branch, tag, commit or experiment, and "
        "`git fetch` first if it is on a remote"
    )


def committed(root: Path, commit: str) -> dict[str, str]:
    """Path -> blob id of the watched files of a commit."""
    listed = git(root, "ls-tree", "-r", "-z", commit, "--", *WATCHED)
    entries = (line.split("\t", 1) for line in listed.split("\0") if line)
    kinds = ((description.split(), path) for description, path in entries)
    return {path: blob for (_, kind, blob), path in kinds if kind == "blob"}


def present(root: Path) -> dict[str, str]:
    """Path -> blob id of the watched files on disk that git does not ignore."""
    listed = git(root, "ls-files", "-z", "-co", "--exclude-standard", "--", *WATCHED)
    paths = sorted({path for path in listed.split("\0") if path and (root / path).is_file()})
    hashed = git(root, "hash-object", "--stdin-paths", given="".join(f"{p}\n" for p in paths))
    return dict(zip(paths, hashed.split(), strict=True))


def git(root: Path, *arguments: str, given: str | None = None, fail: str | None = None) -> str:
    """Output of a git command; if it fails, `fail`, or RevisionError when that is None."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            input=given,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise RevisionError("git is not installed; install it to compare revisions") from None
    if done.returncode == 0:
        return done.stdout
    if fail is not None:
        return fail
    raise RevisionError(f"git {arguments[0]} failed: {' '.join(done.stderr.split())}")
