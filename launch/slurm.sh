#!/bin/bash
# One array task per adapter: train it and ask it, on the GPUs of one node.
#
#   python -m experiments.fetch && dvc repro curate prepare evaluate_base      # once, before
#   mkdir -p slurm && sbatch --array=0-16 launch/slurm.sh                      # the adapters
#   dvc commit --force && dvc repro                                            # once all have ended
#
# Tasks run the stages' own commands, not `dvc repro`: DVC locks the repository, and its locks are
# not safe on the network file systems that nodes share. `dvc commit` then records what they made.
# That is honest only if neither code nor params.yaml changes while the array runs.
#SBATCH --job-name=sycophancy
#SBATCH --output=slurm/%A_%a.log
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=48G
#SBATCH --time=12:00:00
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:?submit this with sbatch from the top folder of the repository}"
source .venv/bin/activate

mapfile -t adapters < <(python -c '
from experiments import params
print(*params.load().adapters, sep="\n")')
: "${adapters[0]:?params.yaml cannot be read}"
if ((SLURM_ARRAY_TASK_ID >= ${#adapters[@]})); then
  echo "params.yaml has ${#adapters[@]} adapters: use --array=0-$((${#adapters[@]} - 1))" >&2
  exit 1
fi
adapter=${adapters[SLURM_ARRAY_TASK_ID]}
gpus=${SLURM_GPUS_ON_NODE:-1}
start=(accelerate launch --num_processes "$gpus" --num_machines 1 --mixed_precision no
  --dynamo_backend no)
# array tasks that share a node must not share a port
((gpus > 1)) && start+=(--multi_gpu --main_process_port $((20000 + SLURM_JOB_ID % 20000)))

srun "${start[@]}" -m experiments.train "$adapter"
srun "${start[@]}" -m experiments.evaluate "$adapter"
