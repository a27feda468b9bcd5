"""The run from nothing says what it does, how far it is and how long the rest takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from experiments import reproduce
from experiments.errors import PipelineError
from tests.test_pipeline import Pipeline, finished, pipeline  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
STAGES = ["curate", "prepare", "train@mmlu", "train@paired_sft", "evaluate_base"]
STAGES += [
    "evaluate@mmlu",
    "evaluate@paired_sft",
    "analyze",
    "reading",
    "simulate",
    "audit",
    "replicate",
    "render",
]


def progress(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("stage ")]


def test_every_stage_has_one_line_and_nothing_else_is_said(
    pipeline: Pipeline,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
) -> None:
    expected = dict.fromkeys(STAGES, 120.0)
    seconds = reproduce.run_stages(expected)
    assert sorted(seconds) == sorted(STAGES)
    said = capfd.readouterr()
    lines = progress(said.out)
    assert lines[0] == "stage 1 of 13: curate, about 26 minutes left"
    assert len(lines) == 13 and lines[-1].startswith("stage 13 of 13: ")
    assert "\n".join(line for line in said.out.splitlines() if line) == "\n".join(lines)
    assert said.err == ""


def test_a_stage_that_fails_is_named_and_what_to_do(pipeline: Pipeline) -> None:  # noqa: F811
    (pipeline.root / "stand_in.py").write_text("raise SystemExit(1)")
    with pytest.raises(PipelineError, match=r"'curate'.*`dvc repro` goes on"):
        reproduce.run_stages({})


def test_the_rest_is_told_at_the_pace_of_this_run(capfd: pytest.CaptureFixture[str]) -> None:
    told = reproduce.Progress(["a", "b", "c"], {"a": 60.0, "b": 120.0, "c": 180.0})
    told.begin("a")
    told.seconds["a"], told.running = 120.0, None  # twice as slow as usual
    told.begin("b")
    lines = progress(capfd.readouterr().out)
    assert lines[0].endswith("about 6 minutes left")
    assert lines[1] == "stage 2 of 3: b, about 10 minutes left"


def test_seconds_are_kept_by_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert reproduce.expected_seconds("pocket") == {}
    reproduce.write_seconds("pocket", {"curate": 90.4, "prepare": 10.0})
    reproduce.write_seconds("smoke", {"curate": 15.0})
    reproduce.write_seconds("pocket", {"curate": 80.0})
    assert reproduce.expected_seconds("pocket") == {"curate": 80.0}
    assert reproduce.expected_seconds("smoke") == {"curate": 15.0}


def test_a_failing_fetch_is_one_sentence(tmp_path: Path) -> None:
    command = "from experiments import reproduce; reproduce.run_stage(reproduce.main)"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "params.yaml" in done.stderr
