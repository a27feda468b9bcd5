"""A copy of this working tree (without data, adapters and outcomes), and git in a copy."""

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(root: Path, *arguments: str) -> str:
    """What git says in a folder, as an author of its own."""
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def parameters_at_hand() -> str:
    """params.yaml with documents about the run at hand, for folders without archived runs."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    changed, count = re.subn(r"(?m)^(paper:\n  run: )\S+", r"\g<1>results", text)
    assert count == 1
    return changed


def copy_parameters(folder: Path) -> Path:
    """Write `parameters_at_hand` to the params.yaml of a folder."""
    path = folder / "params.yaml"
    path.write_text(parameters_at_hand(), encoding="utf-8")
    return path


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
