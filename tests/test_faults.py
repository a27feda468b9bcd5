"""A few faults of a seed; `python -m tests.faults` draws hundreds, and tests/faults/figures.csv has
what they came to."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fetched import needs_data

ROOT = Path(__file__).resolve().parents[1]


@needs_data
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_fault_ends_in_a_traceback_a_hang_or_other_results(tmp_path: Path) -> None:
    few = ["--mutations", "16", "--kills", "4", "--full-disks", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *few, "--output", tmp_path / "figures.csv"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "23 faults, 0 of them went wrong" in done.stdout
