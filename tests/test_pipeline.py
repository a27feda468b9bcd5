"""The real dvc.yaml with stand-ins for its commands: what a changed parameter runs again.

A stand-in writes each output from the contents of its dependencies and the values of its
parameters, as the real stage does, in milliseconds.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from tests.working_copy import copy_working_tree, git

ROOT = Path(__file__).resolve().parent.parent
ADAPTERS = ("mmlu", "paired_sft")  # enough to tell chains apart

# DVC indexes its tries in a way that pygtrie will stop supporting.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")

STAND_IN = """
import hashlib, json, pathlib, sys, yaml

stage = json.loads(pathlib.Path("stages.json").read_text())[sys.argv[1]]
key = sys.argv[2] if len(sys.argv) > 2 else ""
parameters = yaml.safe_load(pathlib.Path("params.yaml").read_text())


def value(path, content=parameters):
    for part in path.replace("${key}", key).split("."):
        content = content[part]
    return content


def content(path):
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [[str(file), file.read_text()] for file in files if file.is_file()]


def number(*parts):
    return int(hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8], 16)


def write(path, value):
    path = path if path.suffix else path / "content.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {".json": json.dumps({"value": value}), ".csv": f"row,value\\n1,{value}\\n"}
    path.write_text(texts.get(path.suffix, str(value)))


deps = [content(pathlib.Path(dep.replace("${key}", key))) for dep in stage["deps"]]
result = number(deps, [value(path) for path in stage["params"]])
for out in stage["outs"]:
    path = pathlib.Path(out.replace("${key}", key))
    if out != "prepared":
        write(path, result)
        continue
    # A training file depends on its own adapter alone, the evaluation items on none.
    everyone = number(deps, [value(name) for name in stage["params"] if name != "adapters"])
    write(path / "evaluation", everyone)
    for name, adapter in parameters["adapters"].items():
        for split in ("train", "validation"):
            write(path / split / f"{name}.jsonl", number(everyone, adapter))
"""


def names(entries: list) -> list[str]:
    """Paths of a list of outputs, with or without flags."""
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


class Pipeline:
    """dvc.yaml in a folder of its own; `run` returns the stages that ran."""

    def __init__(self, root: Path) -> None:
        self.root = root
        content = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
        stages = {}
        for name, stage in content["stages"].items():
            body = stage.get("do", stage)
            outs = [body.get(kind, []) for kind in ("outs", "metrics", "plots")]
            stages[name] = {
                "deps": names(body.get("deps", [])),
                "params": names(body.get("params", [])),
                "outs": [path for listed in outs for path in names(listed)],
            }
            argument = " ${key}" if "do" in stage else ""
            body["cmd"] = f'"{sys.executable}" stand_in.py {name}{argument}'
        (root / "stages.json").write_text(json.dumps(stages))
        (root / "stand_in.py").write_text(STAND_IN)
        (root / "dvc.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        self.write_parameters()
        self.write_sources(stages)
        for ignored in (".gitignore", ".dvcignore"):
            shutil.copy(ROOT / ignored, root)

    def write_parameters(self) -> None:
        text = (ROOT / "params.yaml").read_text(encoding="utf-8")
        parameters = yaml.safe_load(text)
        parameters["adapters"] = {name: parameters["adapters"][name] for name in ADAPTERS}
        (self.root / "params.yaml").write_text(yaml.safe_dump(parameters, sort_keys=False))

    def write_sources(self, stages: dict) -> None:
        """Something in the place of every dependency that no stage writes."""
        written = [Path(out) for stage in stages.values() for out in stage["outs"]]
        for dep in {Path(dep) for stage in stages.values() for dep in stage["deps"]}:
            made = any(dep == out or out in dep.parents or dep in out.parents for out in written)
            if not made or dep == Path("paper"):
                path = self.root / (dep if dep.suffix else dep / "content.txt")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(dep))

    def set(self, path: str, value: object) -> None:
        """Change one parameter."""
        file = self.root / "params.yaml"
        content = yaml.safe_load(file.read_text())
        *parents, last = path.split(".")
        place = content
        for parent in parents:
            place = place[parent]
        assert place.get(last) != value
        place[last] = value
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    def run(self) -> set[str]:
        # DVC looks for dvc.yaml in the current folder.
        with contextlib.chdir(self.root), Repo(str(self.root)) as repo:
            return {stage.addressing for stage in repo.reproduce()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A repository in which every stage has run and is committed."""
    root = tmp_path_factory.mktemp("pipeline")
    git(root, "init", "--quiet")
    Repo.init(str(root)).close()
    pipeline = Pipeline(root)
    stages = pipeline.run()
    assert {"prepare", "evaluate_base", "analyze", "render"} <= stages
    assert {f"{verb}@{name}" for verb in ("train", "evaluate") for name in ADAPTERS} <= stages
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=results")
    return root


@pytest.fixture
def pipeline(finished, tmp_path, monkeypatch, caplog) -> Pipeline:
    """A copy of the finished repository."""
    caplog.set_level("ERROR", logger="dvc")
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True, symlinks=True)
    monkeypatch.chdir(tmp_path)
    copy = object.__new__(Pipeline)
    copy.root = tmp_path
    return copy


def of_models(stages: set[str]) -> set[str]:
    """The stages that train or evaluate, which is where the time goes."""
    return {stage for stage in stages if re.match(r"train|evaluate", stage)}


def test_nothing_runs_again_without_a_change(pipeline) -> None:
    assert pipeline.run() == set()


def test_one_adapters_parameter_re_runs_only_its_chain(pipeline) -> None:
    pipeline.set("adapters.mmlu.epochs", 7)
    stages = pipeline.run()
    assert of_models(stages) == {"train@mmlu", "evaluate@mmlu"}
    assert {"prepare", "analyze", "render"} <= stages
    assert "curate" not in stages
    assert pipeline.run() == set()


def test_an_edit_of_the_tuning_code_asks_no_base_model(pipeline) -> None:
    (pipeline.root / "experiments/engine/training/content.txt").write_text("edited")
    stages = pipeline.run()
    chains = {f"{verb}@{name}" for verb in ("train", "evaluate") for name in ADAPTERS}
    assert of_models(stages) == chains
    assert not {"curate", "prepare"} & stages


def test_a_parameter_of_the_analysis_touches_no_model(pipeline) -> None:
    pipeline.set("analyze.confidence", 0.9)
    stages = pipeline.run()
    assert of_models(stages) == set()
    assert {"analyze", "render"} <= stages
    assert "prepare" not in stages


def test_a_new_adapter_leaves_the_others_alone(pipeline) -> None:
    pipeline.set("adapters.another", {"train_on": {"mmlu": 0.5}})
    assert of_models(pipeline.run()) == {"train@another", "evaluate@another"}


def test_what_only_the_comparison_reads_runs_nothing(pipeline) -> None:
    pipeline.set("diff.tolerance", 0.5)
    assert pipeline.run() == set()


def test_dvc_shows_what_changed(pipeline) -> None:
    """`dvc params diff`, `dvc metrics diff` and `dvc plots` read our files."""
    pipeline.set("train.learning_rate", 3.0e-4)
    (pipeline.root / "results/training/mmlu.json").write_text('{"value": 1.5}')
    with contextlib.chdir(pipeline.root), Repo(str(pipeline.root)) as repo:
        parameters = repo.params.diff()["diff"]["params.yaml"]
        metrics = repo.metrics.diff()["diff"]
        plots = repo.plots.show()["workspace"]["sources"]["data"]
    assert list(parameters) == ["train.learning_rate"]
    assert parameters["train.learning_rate"]["new"] == 3.0e-4
    assert list(metrics) == ["results/training/mmlu.json"]
    assert metrics["results/training/mmlu.json"]["value"]["new"] == 1.5
    assert plots["results/effects.csv"]["data"]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory) -> Path:
    """A copy of this repository as git holds it, with its real results."""
    root = copy_working_tree(tmp_path_factory.mktemp("tracked") / "paper")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=results")
    return root


def dvc(root: Path, *arguments: str) -> dict:
    """The JSON that a DVC command prints."""
    command = [sys.executable, "-m", "dvc", *arguments, "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_dvc_draws_the_tracked_results(tracked) -> None:
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    declared = {name: plot for entry in plots for name, plot in entry.items()}
    shown = dvc(tracked, "plots", "show", *declared)
    assert "errors" not in shown and set(shown["data"]) == set(declared)
    for name, plot in declared.items():
        (content,) = (one["content"] for one in shown["data"][name])
        rows = content["data"]["values"]
        assert rows and all({plot["x"], *plot["y"].values()} <= row.keys() for row in rows)
        assert "<DVC_METRIC" not in json.dumps(content)
        assert content["title"]["text"] == plot["title"]


def test_dvc_shows_the_tracked_metrics(tracked) -> None:
    (found,) = dvc(tracked, "metrics", "show").values()
    files = found["data"]
    assert not [path for path, file in files.items() if "error" in file]
    headline = files["results/metrics.json"]["data"]
    assert all(isinstance(rate, float | int) for rate in headline["base"].values())


def test_adapters_train_side_by_side(pipeline) -> None:
    """As documented for several GPUs: `dvc --wait-for-lock repro -s train@…` for each."""
    pipeline.set("train.learning_rate", 3.0e-4)
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item"]
    commands = [[*command, f"train@{name}"] for name in ADAPTERS]
    running = [
        subprocess.Popen(command, cwd=pipeline.root, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    output = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(ADAPTERS)
    for name, text in zip(ADAPTERS, output, strict=True):
        assert f"Running stage 'train@{name}'" in text
    # What they wrote is in the lock: only evaluation is left, and the base model is untouched.
    stages = pipeline.run()
    assert of_models(stages) == {f"evaluate@{name}" for name in ADAPTERS}
    assert "prepare" not in stages


@pytest.mark.parametrize(
    ("stage", "output"),
    [
        ("train@mmlu", "adapters/mmlu"),
        ("evaluate@mmlu", "outcomes/mmlu"),
        ("evaluate_base", "outcomes/base"),
    ],
)
def test_what_was_finished_outlives_an_interruption(pipeline, stage: str, output: str) -> None:
    """DVC deletes the outputs of a stage before it runs again, unless they persist."""
    kept = pipeline.root / output / "content.txt"
    before = kept.read_text()
    pipeline.set("evaluate.dtype", "bfloat16")  # which all three depend on
    (pipeline.root / "stand_in.py").write_text("import sys; sys.exit(1)")
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", stage]
    assert subprocess.run(command, cwd=pipeline.root, capture_output=True).returncode != 0
    assert kept.read_text() == before


# Read by many stages, and no change of them changes a result: validation, messages, how files are
# written, and the checks of what was fetched. curate imports all tasks to ask one.
NO_DEPENDENCY = {
    "experiments/__init__.py",
    "experiments/errors.py",
    "experiments/files.py",
    "experiments/params",
    "experiments/yaml_files.py",
    "experiments/models",
    "experiments/corpora/duplicates.py",
    "experiments/corpora/pins.py",
}


# What documents print of packages that others only check with is a dependency of theirs.
NOT_PRINTED = {
    "experiments/__init__.py",
    "experiments/errors.py",
    "experiments/files.py",
    "experiments/yaml_files.py",
}
CELL = re.compile(r"^```\{python\}\n(.*?)^```", re.MULTILINE | re.DOTALL)


def imported(path: Path) -> set[Path]:
    """The files of this package that a file imports, at its top or inside of a function.

    Of a document: what its cells import.
    """
    source, names = path.read_text(encoding="utf-8"), set()
    source = "\n".join(CELL.findall(source)) if path.suffix == ".qmd" else source
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    places = [ROOT / name.replace(".", "/") for name in names if name.startswith("experiments")]
    candidates = [place.with_suffix(".py") for place in places]
    candidates += [place / "__init__.py" for place in places]
    return {path for path in candidates if path.is_file() and path.stat().st_size}


def needed(verb: str) -> set[str]:
    """Every file of this package that `python -m experiments.VERB` may run."""
    start = ROOT / "experiments" / verb
    waiting = [start / "__main__.py" if start.is_dir() else start.with_suffix(".py")]
    waiting += paper() if verb == "render" else []
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported(path)
    return {path.relative_to(ROOT).as_posix() for path in found}


def paper() -> list[Path]:
    """The documents, and the code of theirs that they may run."""
    return [*ROOT.glob("paper/*.qmd"), *ROOT.glob("paper/**/*.py")]


STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_all_the_code_that_it_runs(name: str) -> None:
    stage = STAGES[name].get("do", STAGES[name])
    verb = re.match(r"python -m experiments\.(\w+)", stage["cmd"])[1]
    exempt = NOT_PRINTED if name == "render" else NO_DEPENDENCY
    known = [*stage["deps"], *exempt, *(["experiments/tasks"] if name == "curate" else [])]
    inside = {path for path in needed(verb) if path.startswith("experiments/")}
    assert not_within(inside, known) == []


def not_within(paths: set[str], places: list[str]) -> list[str]:
    return [
        path
        for path in sorted(paths)
        if not any(path == place or path.startswith(f"{place}/") for place in places)
    ]


def test_documents_depend_on_every_file_that_they_read() -> None:
    """Tables of all stages, and files that cells name; DVC does not take its own for that."""
    tables = {
        out
        for name, stage in STAGES.items()
        if name != "render"
        for entry in stage.get("do", stage)["outs"]
        for out in ([entry] if isinstance(entry, str) else entry)
        if out.startswith("results/") and out.endswith(".csv")
    }
    sources = "".join(path.read_text(encoding="utf-8") for path in paper())
    named = set(re.findall(r"\broot / \"([\w./-]+)\"", sources)) - {"results", ".printed"}
    assert named and tables
    assert not_within(named | tables, STAGES["render"]["deps"]) == []
