"""`make environment` on a fresh machine, with a stand-in for uv: where packages come from."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# stands for `python -m venv`, makes what the Makefile runs of an environment
PYTHON = f"""#!/bin/bash
case "$*" in
  "-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python; touch .venv/whole ;;
  "-m pip install"*)
    echo "$*" >> asked
    printf '#!/bin/bash\\nenv > uv-environment\\n' > .venv/bin/uv
    chmod +x .venv/bin/uv ;;
  -c*pip*) test -e .venv/whole ;;
  *) exec {sys.executable} "$@" ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def made(project: Path, **settings: str) -> dict[str, str]:
    """The environment that uv saw."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = ["make", "environment", f"PYTHON={project / 'python'}"]
    done = subprocess.run(
        command, cwd=project, env=kept | settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = (project / "uv-environment").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_uv_takes_packages_from_where_pip_does(project: Path) -> None:
    settings = {
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://more.example/simple",
        "PIP_FIND_LINKS": "/a/folder",
    }
    seen = made(project, **settings)
    assert seen["UV_DEFAULT_INDEX"] == settings["PIP_INDEX_URL"]
    assert seen["UV_INDEX"] == settings["PIP_EXTRA_INDEX_URL"]
    assert seen["UV_FIND_LINKS"] == settings["PIP_FIND_LINKS"]


def test_without_settings_uv_keeps_its_own(project: Path) -> None:
    assert not {"UV_DEFAULT_INDEX", "UV_INDEX"} & set(made(project))


def test_a_half_made_environment_is_made_again(project: Path) -> None:
    (project / ".venv/bin").mkdir(parents=True)
    shutil.copy(project / "python", project / ".venv/bin/python")
    made(project)
    assert (project / ".venv/whole").exists() and (project / ".venv/.installed").exists()


def test_uv_is_pinned(project: Path) -> None:
    made(project)
    assert re.search(r"uv==\d+\.\d+\.\d+$", (project / "asked").read_text().strip())


def test_every_pin_but_that_of_torch_has_hashes() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "constraints.txt").read_text(encoding="utf-8").strip())
    bare = [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)]
    assert len(entries) > 100 and [entry.split("==")[0] for entry in bare] == ["torch"]
