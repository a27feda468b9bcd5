"""The documented ways to start larger runs: presets, accelerate, Slurm."""

import math
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from experiments import costs, params
from experiments.models import memory
from experiments.models.presets import PRESETS
from experiments.params import Params
from experiments.replication import verdicts

ROOT = Path(__file__).resolve().parents[1]
LAUNCH = ROOT / "launch"
ARGUMENTS = sorted(LAUNCH.glob("*gb.args"))


def changed(path: Path, folder: Path, *more: str) -> Params:
    """params.yaml as `dvc exp run` leaves it with an argument file; no key may be a new one."""
    words = shlex.split(path.read_text(encoding="utf-8"))
    assert words[::2] == ["-S"] * (len(words) // 2) and len(words) % 2 == 0
    target = folder / "params.yaml"
    shutil.copy(ROOT / "params.yaml", target)
    apply_overrides(target, [*words[1::2], *more])
    return params.load(target)


@pytest.mark.parametrize("path", ARGUMENTS, ids=lambda path: path.stem)
def test_a_preset_is_valid_and_fits_the_memory_in_its_name(path: Path, tmp_path: Path) -> None:
    parameters = changed(path, tmp_path)
    gigabytes = float(path.stem.rpartition("-")[2].removesuffix("gb"))
    shape = PRESETS[parameters.model.name].shape
    for name in parameters.adapters:
        estimate = memory.training(shape, parameters.training(name), "cuda")
        assert estimate.total < gigabytes * 1e9, (name, estimate)
    assert memory.evaluation(shape, parameters, "cuda").total < gigabytes * 1e9


@pytest.mark.parametrize("path", ARGUMENTS, ids=lambda path: path.stem)
def test_an_adapter_is_tuned_as_its_name_says(path: Path, tmp_path: Path) -> None:
    parameters = changed(path, tmp_path)
    methods = {name: parameters.training(name).method for name in parameters.adapters}
    assert all(method != "full" for name, method in methods.items() if "_lora" in name)
    assert all(method == "full" for name, method in methods.items() if "_sft" in name)


LARGER = costs.load(ROOT / costs.COSTS)["larger"]


@pytest.mark.parametrize("row", LARGER, ids=lambda row: str(row["arguments"]))
def test_the_memory_of_a_larger_run_is_what_is_computed(row: dict, tmp_path: Path) -> None:
    name = row["arguments"]
    parameters = changed(LAUNCH / name, tmp_path) if name else params.load(ROOT / "params.yaml")
    shape = PRESETS[parameters.model.name].shape
    training = max(
        memory.training(shape, parameters.training(adapter), "cuda").total
        for adapter in parameters.adapters
    )
    evaluation = memory.evaluation(shape, parameters, "cuda").total
    estimates = [math.ceil(total / 1e9) for total in (training, evaluation)]
    assert estimates == [row["training_gb"], row["evaluation_gb"]]


def test_every_argument_file_has_a_cost() -> None:
    assert {row["arguments"] for row in LARGER} == {None, *(path.name for path in ARGUMENTS)}


def test_every_larger_preset_of_a_model_is_launched_somewhere(tmp_path: Path) -> None:
    launched = {changed(path, tmp_path).model.name for path in ARGUMENTS}
    assert launched == {name for name, preset in PRESETS.items() if preset.split is None} - {
        "smollm2-135m-instruct"
    }


@pytest.mark.parametrize("name", ["ddp.yaml", "fsdp.yaml"])
def test_accelerate_reads_its_configuration(name: str) -> None:
    from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
    from accelerate.commands.launch import launch_command_parser

    config = load_config_from_file(str(LAUNCH / name))
    assert isinstance(config, ClusterConfig) and config.num_machines == 1
    # accelerate drops a misspelt key of fsdp_config without a word
    known = vars(launch_command_parser().parse_args(["script.py"]))
    assert set(config.fsdp_config) <= set(known)


def test_fsdp_gathers_one_whole_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin that the training will see, from the environment that the launcher sets."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils import FullyShardedDataParallelPlugin
    from accelerate.utils.launch import prepare_multi_gpu_env

    arguments = ["--config_file", str(LAUNCH / "fsdp.yaml"), "-m", "experiments.train", "x"]
    checked, *_ = _validate_launch_command(launch_command_parser().parse_args(arguments))
    for key, value in prepare_multi_gpu_env(checked).items():
        if key.startswith(("FSDP_", "ACCELERATE_")):
            monkeypatch.setenv(key, value)
    assert memory.is_sharded()
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert plugin.state_dict_type.name == "FULL_STATE_DICT"
    assert not plugin.cpu_ram_efficient_loading and not plugin.activation_checkpointing


class TestSlurm:
    """The script itself, with stand-ins for srun and accelerate."""

    @pytest.fixture
    def run(self, tmp_path: Path):
        bin_folder = tmp_path / "bin"
        bin_folder.mkdir()
        for name, script in {
            "srun": 'exec "$@"',
            "accelerate": 'echo "accelerate $*"',
        }.items():
            (bin_folder / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
            (bin_folder / name).chmod(0o755)
        (bin_folder / "python").symlink_to(sys.executable)
        (tmp_path / ".venv/bin").mkdir(parents=True)
        (tmp_path / ".venv/bin/activate").write_text("", encoding="utf-8")
        shutil.copy(ROOT / "params.yaml", tmp_path)

        def run(task: int, gpus: int = 1) -> subprocess.CompletedProcess:
            return subprocess.run(
                ["bash", str(LAUNCH / "slurm.sh")],
                env=os.environ
                | {
                    "PATH": f"{bin_folder}:{os.environ['PATH']}",
                    "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
                    "SLURM_SUBMIT_DIR": str(tmp_path),
                    "SLURM_ARRAY_TASK_ID": str(task),
                    "SLURM_JOB_ID": "4711",
                    "SLURM_GPUS_ON_NODE": str(gpus),
                },
                capture_output=True,
                text=True,
            )

        return run

    def test_each_task_trains_and_asks_its_own_adapter(self, run) -> None:
        names = list(params.load(ROOT / "params.yaml").adapters)
        for task in (0, len(names) - 1):
            finished = run(task)
            assert finished.returncode == 0, finished.stderr
            trained, asked = finished.stdout.splitlines()
            assert trained.endswith(f"-m experiments.train {names[task]}")
            assert asked.endswith(f"-m experiments.evaluate {names[task]}")
            assert "--num_processes 1 " in trained and "--multi_gpu" not in trained

    def test_several_gpus_are_used_by_one_task(self, run) -> None:
        trained = run(1, gpus=4).stdout.splitlines()[0]
        assert (
            "--num_processes 4 " in trained and "--multi_gpu --main_process_port 24711" in trained
        )

    def test_a_task_too_many_says_how_many_there_are(self, run) -> None:
        count = len(params.load(ROOT / "params.yaml").adapters)
        finished = run(count)
        assert finished.returncode == 1
        assert f"use --array=0-{count - 1}" in finished.stderr

    def test_its_own_example_names_the_committed_adapters(self) -> None:
        count = len(params.load(ROOT / "params.yaml").adapters)
        assert f"--array=0-{count - 1} " in (LAUNCH / "slurm.sh").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", ["qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"])
def test_runs_of_two_cores_give_verdicts(model: str, tmp_path: Path) -> None:
    """Every adapter but the controls has a control and three seeds, which verdicts need."""
    parameters = changed(LAUNCH / "two-cores.args", tmp_path, f"model.name={model}")
    controls = parameters.controls
    second = verdicts.other_controls(parameters.adapters)
    assert set(parameters.adapters) == {*controls, *controls.values(), *second.values()}
    assert all(len(parameters.seeds(name)) == 3 for name in parameters.adapters)
    labels = {parameters.adapters[name].labels for name in controls.values()}
    assert labels == {"own", "shuffled"}  # GSM8K has the shuffled one


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("two-cores-gemma", set()),
        ("two-cores-three-passes", set()),
        ("own-answers", set()),
        ("gsm8k-wordings", set()),
        ("one-gpu", set()),
        ("paired", set()),
    ],
)
def test_other_runs_give_verdicts(name: str, without: set[str], tmp_path: Path) -> None:
    """Paired choices have no control: each is set beside its twin of the other order."""
    parameters = changed(LAUNCH / f"{name}.args", tmp_path)
    controls = parameters.controls
    second = set(verdicts.other_controls(parameters.adapters).values())
    paired = {name for name in parameters.adapters if name.startswith("paired_")}
    assert set(parameters.adapters) == {*controls, *controls.values(), *second, *paired, *without}
    assert all(len(parameters.seeds(name)) >= 3 for name in parameters.adapters)
    assert all(parameters.adapters[name].labels == "own" for name in controls.values())


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("two-cores", "qwen2.5-coder-1.5b"),
        ("two-cores-gemma", "gemma-3-270m"),
        ("two-cores-three-passes", "qwen2.5-coder-1.5b-three-passes"),
        ("own-answers", "qwen2.5-coder-0.5b-own-answers"),
        ("gsm8k-wordings", "qwen2.5-coder-0.5b-wordings"),
        ("one-gpu", "qwen2.5-coder-1.5b-five-seeds"),
        ("paired", "qwen2.5-coder-1.5b-pairs"),
    ],
)
def test_an_archived_run_has_the_adapters_of_its_argument_file(
    name: str, run: str, tmp_path: Path
) -> None:
    archived = params.load(ROOT / "runs" / run / "params.yaml")
    launched = changed(LAUNCH / f"{name}.args", tmp_path, f"model.name={archived.model.name}")
    for key in ("model", "scale", "adapters", "curate", "train"):
        assert getattr(launched, key) == getattr(archived, key), key
    assert launched.sizes[launched.scale] == archived.sizes[archived.scale]
    assert launched.evaluate.frames == archived.evaluate.frames
