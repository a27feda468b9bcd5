"""The files of a git revision, or of the working tree, without checking anything out."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import ReportError

WATCHED = ("results", "runs", "params.yaml", "data.dvc", "dvc.lock")
WORKING_TREE = "the working tree"


class RevisionError(ReportError):
    """A revision is unknown, or a file that the comparison needs is missing or damaged there."""


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

    def content(self, path: str) -> bytes | None:
        """The content of a file; None if this side has no such file."""
        if path not in self.blobs:
            return None
        if not self.commit:
            return (self.root / path).read_bytes()
        return git(self.root, "cat-file", "blob", self.blobs[path])

    def text(self, path: str) -> str | None:
        """The text of a file, None if there is none; RevisionError if it is not UTF-8."""
        content = self.content(path)
        try:
            return None if content is None else content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise self.damaged(path, "is not UTF-8") from None

    def damaged(self, path: str, how: str) -> RevisionError:
        """The error for a file that cannot be read."""
        remedy = "compare with another revision" if self.commit else "restore it or write it anew"
        return RevisionError(f"{path} of {self.label} {how}; {remedy}")

    def paths(self, folder: str, *suffixes: str) -> list[str]:
        """Paths below a folder that end in one of `suffixes`, sorted."""
        return sorted(
            path for path in self.blobs if path.startswith(f"{folder}/") and path.endswith(suffixes)
        )


def take_snapshots(root: Path, base: str, head: str | None) -> tuple[Snapshot, Snapshot]:
    """The two sides of `base` against `head` (None: the working tree).

    A plain `base` means the commit where `head` left it, as in a pull request. `base` may also be
    written A..B, which compares the two as they are, or A...B. Raises RevisionError outside a git
    repository, for an unknown revision, and where the clone does not hold the commit of parting.
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
        parting = commit_of_parting(root, base_commit, head_commit, f"{base}..{head or 'HEAD'}")
        if parting != base_commit:
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
    """RevisionError unless git takes `root` for a work tree, and may: `safe.directory`."""
    try:
        git(root, "rev-parse", "--show-toplevel")
    except RevisionError as error:
        if "safe.directory" in str(error):
            raise
        raise RevisionError(
            "this folder is not a git repository; run from a clone, the two sides are its revisions"
        ) from None


def commit_of(root: Path, revision: str) -> str:
    """The full id of the commit of a branch, tag, commit or DVC experiment."""
    wanted = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = lines(root, *wanted, optional=True)
    if commit:
        return commit[0]
    # DVC keeps an experiment at refs/exps/<two digits>/<the rest of its parent's id>/<name>.
    found = lines(root, "for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{revision}")
    if len(found) == 1:
        return found[0]
    raise RevisionError(
        f"there is no revision {revision!r} here; name a branch, tag, commit or experiment, and "
        "`git fetch` first if it is on a remote"
    )


def commit_of_parting(root: Path, base: str, head: str, both: str) -> str:
    """The last commit that two have in common; RevisionError if this clone holds none.

    Without it, what the base has gained since would look like changes of the head.
    """
    found = lines(root, "merge-base", base, head, optional=True)
    if found:
        return found[0]
    shallow = lines(root, "rev-parse", "--is-shallow-repository") == ["true"]
    why = "this clone is shallow and lacks" if shallow else "the two histories have no"
    first = "`git fetch --unshallow` first, or " if shallow else ""
    raise RevisionError(
        f"{why} the commit where the sides of {both} parted; {first}compare the two as they are "
        f"with {both}"
    )


def committed(root: Path, commit: str) -> dict[str, str]:
    """Path -> blob id of the watched files of a commit."""
    listed = git(root, "ls-tree", "-r", "-z", commit, "--", *WATCHED).decode("utf-8")
    entries = (line.split("\t", 1) for line in listed.split("\0") if line)
    kinds = ((description.split(), path) for description, path in entries)
    return {path: blob for (_, kind, blob), path in kinds if kind == "blob"}


def present(root: Path) -> dict[str, str]:
    """Path -> blob id of the watched files on disk that git does not ignore."""
    listed = git(root, "ls-files", "-z", "-co", "--exclude-standard", "--", *WATCHED)
    found = sorted(set(filter(None, listed.decode("utf-8").split("\0"))))
    paths = [path for path in found if (root / path).is_file()]
    # The repository may begin above this folder: there hash-object looks for its paths.
    above = "".join(lines(root, "rev-parse", "--show-prefix"))
    given = "".join(f"{above}{path}\n" for path in paths)
    return dict(zip(paths, lines(root, "hash-object", "--stdin-paths", given=given), strict=True))


def lines(root: Path, *arguments: str, given: str = "", optional: bool = False) -> list[str]:
    """Lines that a git command writes; none if it fails and is `optional`."""
    try:
        return git(root, *arguments, given=given).decode("utf-8").splitlines()
    except RevisionError:
        if optional:
            return []
        raise


def git(root: Path, *arguments: str, given: str = "") -> bytes:
    """What a git command writes; RevisionError, with git's message, if it fails."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            input=given.encode(),
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError:
        raise RevisionError("git is not installed; install it to compare revisions") from None
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.decode("utf-8", "replace").split())
    raise RevisionError(f"git {arguments[0]} failed: {said}")
