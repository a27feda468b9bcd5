"""The committed documents by Quarto itself, where it is installed: about five minutes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.render import PRINTED_NUMBERS
from tests.working_copy import copy_working_tree

QUARTO = shutil.which("quarto")


def rendered(root: Path, path: str) -> bytes:
    """What a render prints into the documents, with programs found on `path`."""
    done = subprocess.run(
        [sys.executable, "-m", "experiments.render"],
        cwd=root,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    expected = "Quarto wrote" if path == os.environ["PATH"] else "the built-in renderer wrote"
    assert expected in done.stdout
    return (root / PRINTED_NUMBERS).read_bytes()


@pytest.mark.skipif(QUARTO is None, reason="quarto is not on the path")
def test_quarto_renders_without_a_warning_and_prints_the_same_numbers(tmp_path: Path) -> None:
    """Rendering fails on a warning, `?@`, `{python}`, a dead link and a request to outside."""
    root = copy_working_tree(tmp_path / "paper")
    by_quarto = rendered(root, os.environ["PATH"])
    assert (root / "_site/paper/transcripts.html").is_file()
    assert by_quarto == rendered(root, str(Path(sys.executable).parent))
