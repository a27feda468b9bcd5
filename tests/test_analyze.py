"""The whole analysis of drawn outcomes, and of an archived run from what it keeps."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from experiments import analyze as stage
from experiments import params, tables
from experiments.errors import OutcomeError
from tests.outcome_rows import write

ROOT = Path(__file__).resolve().parents[1]


SEED = {column.name: 1 for column in tables.TABLES["training"].columns} | {"losses": [1.5]}
RECORD = {"method": "lora", "seeds": {"1": SEED, "2": SEED}}


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which drawn outcomes were analysed and kept as runs/drawn/."""
    root = tmp_path_factory.mktemp("analyzed")
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["analyze"]["resamples"] = 100
    content["train"]["seeds"] = [1, 2]
    # three adapters and their controls, as few as a correlation can have
    wanted = content["analyze"]["correlate"] = content["analyze"]["correlate"][:3]
    adapters = content["adapters"]
    wanted = wanted + [adapters[name]["control"] for name in wanted]
    content["adapters"] = {name: adapters[name] | {"seeds": [1, 2]} for name in wanted}
    (root / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    parameters = params.load(root / "params.yaml")
    write(root / "outcomes", parameters)
    run = root / "runs/drawn"
    for folder in ("paper", "results/training", "runs/drawn/results"):
        (root / folder).mkdir(parents=True)
    for name in wanted:
        (root / f"results/training/{name}.json").write_text(json.dumps(RECORD))
    shutil.copy(ROOT / "paper/claims.yaml", root / "paper")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(sys, "argv", ["analyze"])
        stage.main()
    environment = {"code": {"commit": None}, "md5": {}}
    (run / "environment.json").write_text(json.dumps(environment))
    shutil.copy(root / "params.yaml", run)
    shutil.copy(root / "paper/claims.yaml", run)
    for name in (*tables.OF_RUN, "outcomes"):
        for path in (root / "results").glob(f"{name}.*"):
            shutil.copy(path, run / "results")
    return root


@pytest.fixture
def archived(analyzed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archived run alone, in a folder of its own."""
    shutil.copytree(analyzed / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["analyze", "--run", "drawn"])
    return tmp_path / "runs/drawn"


def test_an_archived_run_gives_its_tables_again(
    archived: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.main()
    kept = len(list(archived.glob("results/*.csv")))
    assert kept >= 12
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"runs/drawn/: all {kept - 2} tables come out the same, byte for byte."
    )  # all but training.csv, which rests on the training's own records, and transcripts.csv


def test_how_many_own_answers_are_right_stands_with_the_training(
    analyzed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(analyzed / "params.yaml", tmp_path)
    shutil.copytree(analyzed / "results", tmp_path / "results")
    record = json.dumps(RECORD | {"own_answers_gold": 0.25})
    (tmp_path / "results/training/mmlu.json").write_text(record)
    monkeypatch.chdir(tmp_path)
    shares = stage.training(params.load()).set_index("adapter")["own_answers_right"]
    assert shares["mmlu"].tolist() == [0.25, 0.25] and shares.drop("mmlu").isna().all()


def test_a_table_that_was_edited_is_named(archived: Path) -> None:
    path = archived / "results/effects.csv"
    path.write_text(path.read_text().replace("cluster_t", "cluster_z", 1))
    with pytest.raises(OutcomeError, match=r"1 of \d+ tables come out otherwise \(effects\)"):
        stage.main()


def test_a_run_without_outcomes_says_so(archived: Path) -> None:
    (archived / "results/outcomes.parquet").unlink()
    with pytest.raises(OutcomeError, match="runs/drawn/ holds no outcomes"):
        stage.main()


def test_an_unknown_run_lists_the_known_ones(
    archived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["analyze", "--run", "drwan"])
    with pytest.raises(OutcomeError, match=r"no run 'drwan' in runs/; it has drawn"):
        stage.main()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no record of a training"),
        (json.dumps(RECORD)[:-9], "no record of a training"),
        ("[]", "no record of a training"),
        ("{}", "no 'seeds'"),
        (json.dumps({"method": "lora", "seeds": {"1": {}}}), "no 'examples'"),
        (
            json.dumps({"method": "lora", "seeds": {"1": SEED}}),
            "training seeds 1, .* asks for 1, 2",
        ),
    ],
)
def test_a_damaged_record_of_training_is_named_before_anything_is_computed(
    analyzed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, message: str
) -> None:
    for name in ("params.yaml", "paper", "results"):
        (shutil.copytree if (analyzed / name).is_dir() else shutil.copy)(
            analyzed / name, tmp_path / name
        )
    (tmp_path / "results/training/mmlu.json").write_text(content)
    monkeypatch.chdir(tmp_path)  # there are no outcomes here
    with pytest.raises(OutcomeError, match=rf"mmlu\.json is .*{message}.* run .*train mmlu"):
        stage.analyze()
