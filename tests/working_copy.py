"""A copy of this working tree (without data, adapters and outcomes), and git in a copy."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(root: Path, *arguments: str) -> str:
    """What git says in a folder, as an author of its own."""
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def copy_working_tree(target: Path) -> Path:
    """Copy every file that git does not ignore to `target`, which is made; returns `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # a file may be removed and not yet committed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target
