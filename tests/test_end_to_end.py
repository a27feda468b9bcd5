"""The whole pipeline, real, in a temporary repository: `dvc repro` from data to paper.

A tiny paper over three adapters at the smoke scale, with the real model. Three minutes on two quiet
CPU cores.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.fetched import needs_data, needs_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), needs_data, needs_model]

ROOT = Path(__file__).resolve().parents[1]
ADAPTERS = ("truthfulqa", "combined", "truthfulqa_shuffled")  # those of launch/try.args
PAPER = """---
title: "A tiny paper"
---

```{python}
#| include: false
from IPython.display import Markdown

from printing.report import Report

report = Report("index")
estimates = report.frame("estimates")
chosen = estimates[(estimates["task"] == "mmlu") & (estimates["measure"] == "accuracy")]
```

The base model is right on
`{python} report.interval("estimates", model="base", task="mmlu", measure="accuracy")`
of the questions; see @tbl-accuracy.

```{python}
#| label: tbl-accuracy
#| tbl-cap: "Accuracy."
columns = {"Model": "{model}", "Accuracy": "{estimate:.2f} [{low:.2f}, {high:.2f}]", "n": "{n:d}"}
Markdown(report.table(chosen, columns, "estimates", ["model", "task", "measure"]))
```
"""


class Repository:
    """A copy of this repository, with its own parameters, paper and cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder.parent / "site-cache"),
        }

    def start(self, *command: str) -> subprocess.Popen:
        """Start a command at the top of the repository."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> str:
        """Run a command to its end; its output, which is shown if it fails."""
        process = self.start(*command)
        try:
            output, _ = process.communicate()
        except BaseException:  # the time limit, or an interruption: leave nothing running
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert process.returncode == 0, f"{' '.join(command)}\n{output[-6000:]}"
        return output

    def git(self, *arguments: str) -> str:
        """Git, whatever the settings of this machine."""
        settings = ["core.hooksPath=/dev/null", "user.name=t", "user.email=t@example.org"]
        options = [part for setting in settings for part in ("-c", setting)]
        return self.run("git", *options, *arguments)

    def rows(self, name: str) -> list[dict]:
        """A file of JSON lines."""
        text = (self.folder / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.split("\n") if line]

    def rewrite(self, name: str, content: dict | list) -> None:
        """Replace a YAML file."""
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def read(self, name: str) -> dict | list:
        """A YAML file."""
        return yaml.safe_load((self.folder / name).read_text(encoding="utf-8"))


def shrink(repository: Repository) -> None:
    """As `make try`, with fewer items still, and one document in place of the paper."""
    parameters = repository.read("params.yaml")
    asked = parameters["sizes"]["smoke"]["evaluate"]
    parameters["sizes"]["smoke"]["evaluate"] = {task: min(n, 4) for task, n in asked.items()}
    parameters["evaluate"]["items_per_group"] = 8
    parameters["evaluate"]["engine"]["threads"] = 1  # other tests run beside
    repository.rewrite("params.yaml", parameters)
    site = repository.read("_quarto-controlled.yml")
    site["project"]["render"] = ["paper/index.qmd"]
    site["website"]["navbar"]["left"] = [{"href": "paper/index.qmd", "text": "Paper"}]
    repository.rewrite("_quarto-controlled.yml", site)
    for path in (repository.folder / "paper").glob("*.qmd"):
        path.unlink()
    (repository.folder / "paper/index.qmd").write_text(PAPER, encoding="utf-8")
    (repository.folder / "data.dvc").unlink()  # the cache would hold a second copy of the model


def killed_in_the_middle(repository: Repository) -> list[dict]:
    """Kill -9 an evaluation of the base model; what it had kept by then."""
    group = repository.folder / "outcomes/base/group-0.partial"
    process = repository.start(sys.executable, "-m", "experiments.evaluate", "base")
    while not group.is_file():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (repository.folder / "outcomes/base/outcomes.jsonl").exists()
    _, rows = group.read_text(encoding="utf-8").split("\n")
    return json.loads(rows)


@pytest.fixture(scope="module")
def killed() -> list[dict]:
    """The rows that the killed evaluation had answered; filled by `repository`."""
    return []


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, killed: list[dict]) -> Repository:
    """The repository after one whole `dvc repro`, which came after an evaluation was killed."""
    folder = tmp_path_factory.mktemp("end-to-end") / "repository"
    changes = (ROOT / "launch/try.args").read_text(encoding="utf-8").split()
    command = [sys.executable, "-m", "experiments.variant", str(folder), *changes]
    subprocess.run(command, cwd=ROOT, check=True)
    repository = Repository(folder)
    shrink(repository)
    repository.run("dvc", "repro", "prepare")
    killed += killed_in_the_middle(repository)
    repository.run("dvc", "repro")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "Results")
    return repository


def tables(repository: Repository) -> dict[str, pd.DataFrame]:
    """Every table of results/ that the pipeline writes."""
    return {
        path.stem: pd.read_csv(path)
        for path in sorted((repository.folder / "results").glob("*.csv"))
    }


def test_the_killed_evaluation_went_on_where_it_was(
    repository: Repository, killed: list[dict]
) -> None:
    assert len(killed) >= 4
    outcomes = repository.rows("outcomes/base/outcomes.jsonl")
    kept = outcomes + repository.rows("outcomes/base/transcripts.jsonl")
    assert all(row in kept for row in killed)
    keys = [(row["task"], row["id"], row["arm"], row["order"]) for row in outcomes]
    assert len(set(keys)) == len(keys) > len(killed)
    assert not list((repository.folder / "outcomes/base").glob("*.partial"))


def test_every_model_was_trained_and_asked(repository: Repository) -> None:
    for name in ADAPTERS:
        record = json.loads((repository.folder / f"results/training/{name}.json").read_text())
        assert record["adapter"] == name and record["seeds"]
        assert repository.rows(f"outcomes/{name}/outcomes.jsonl")
        assert any((repository.folder / f"adapters/{name}").rglob("adapter_model.safetensors"))
    # training did something: no adapter answers as the base model does
    base = repository.rows("outcomes/base/outcomes.jsonl")
    for name in ADAPTERS:
        tuned = repository.rows(f"outcomes/{name}/outcomes.jsonl")
        assert [row["log_likelihoods"] for row in tuned] != [row["log_likelihoods"] for row in base]


def test_every_estimate_has_an_interval_and_a_count(repository: Repository) -> None:
    found = tables(repository)
    for name in ("estimates", "effects", "composites", "margins"):
        table = found[name]
        assert len(table) > 0, name
        assert {"estimate", "low", "high", "n"} <= set(table.columns), name
        assert table[["model", "estimate", "n"]].notna().all(axis=None), name
        if name in ("estimates", "effects"):  # one cluster alone has no interval
            several = table[table["clusters"] > 1]
            assert len(several) > 100
            assert several[["low", "high"]].notna().all(axis=None), name
        bounded = table[table["low"].notna()]
        assert len(bounded) > 0, name
        assert (bounded["low"] <= bounded["estimate"] + 1e-9).all(), name
        assert (bounded["high"] >= bounded["estimate"] - 1e-9).all(), name
    estimates = found["estimates"]
    assert set(estimates["model"]) == {"base", *ADAPTERS}
    assert {"excluded", "unparsed"} <= set(estimates.columns)
    assert set(found["complete_results"]["adapter_name"]) == {"base", *ADAPTERS}
    assert set(found["performance_changes"]["adapter_name"]) == set(ADAPTERS)
    assert len(found["claims"]) > 0 and found["claims"]["verdict"].notna().all()
    assert (found["leakage"][["shared_clusters", "exact", "near"]] == 0).all(axis=None)


def test_the_paper_holds_the_numbers_of_the_results(repository: Repository) -> None:
    html = (repository.folder / "_site/paper/index.html").read_text(encoding="utf-8")
    html = html.replace("\u00a0", " ").replace("&nbsp;", " ")  # intervals do not break
    estimates = tables(repository)["estimates"]
    chosen = estimates[(estimates["task"] == "mmlu") & (estimates["measure"] == "accuracy")]
    assert len(chosen) == 1 + len(ADAPTERS)
    for row in chosen.itertuples():
        assert f"{row.estimate:.2f} [{row.low:.2f}, {row.high:.2f}]" in html
    assert "{python}" not in html and "?@" not in html
    assert (repository.folder / "_site/index.html").is_file()
    assert (repository.folder / "_site/paper/index.pdf").read_bytes().startswith(b"%PDF")
    with (repository.folder / "results/printed_numbers.csv").open(encoding="utf-8") as file:
        printed = list(csv.DictReader(file))
    assert printed[0]["key"] == "estimates[model=base,task=mmlu,measure=accuracy].estimate"
    assert len(printed) == 1 + 2 * len(chosen)


def test_a_second_run_has_nothing_to_do(repository: Repository) -> None:
    assert "Data and pipelines are up to date." in repository.run("dvc", "repro")
    assert repository.git("status", "--porcelain") == ""


def test_analysis_and_rendering_write_the_same_bytes_again(repository: Repository) -> None:
    site = repository.folder / "_site/paper"
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    repository.run("dvc", "repro", "--force", "--single-item", "analyze")
    repository.run(sys.executable, "-m", "experiments.render")
    assert repository.git("status", "--porcelain") == ""
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before


def test_a_failing_stage_leaves_the_committed_results(repository: Repository) -> None:
    """Claims that cannot be read stop the analysis; nothing that is tracked changes."""
    path = repository.folder / "paper/claims.yaml"
    good = path.read_bytes()
    path.write_text("- id: broken\n", encoding="utf-8")
    try:
        process = repository.start("dvc", "repro", "analyze")
        output, _ = process.communicate()
        assert process.returncode != 0
        assert "DataError: " in output and "Traceback" not in output
        changed = repository.git("status", "--porcelain").split()
        assert changed == ["M", "paper/claims.yaml"]
    finally:
        path.write_bytes(good)
