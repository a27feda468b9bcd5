"""LoRA training speed against TRL's SFTTrainer, on the same tokens, model and loss.

    python benchmarks/training.py --model DIR --rows FILE... --trl-python PYTHON

Each FILE holds training rows (`prepared/train/ADAPTER.jsonl`); PYTHON is an interpreter with trl
and the same torch, transformers and peft. Prints a Markdown section for RESULTS.md: TRL's best of
several batch settings is searched first, then both run in turn, each in a process of its own,
loading not counted; losses are compared step by step without dropout. With the default sizes and
one file about 30 minutes and 6 GB on two quiet cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.timing import alternated, machine, matmul_rate, median
from benchmarks.timing import run_worker as run_script


def main() -> None:
    options = parse()
    if options.worker:
        print(json.dumps(WORKERS[options.worker](options)))
        return
    from experiments import params

    settings = replace(params.load().train, method="lora", epochs=1)
    print(f"### Training against TRL\n\n{environment(options)}\n")
    print(
        "| rows | examples | tokens | trained tokens | ours, s | TRL, s | TRL's best setting "
        "| **ratio** | ours, tokens/s | largest difference of a step's loss "
        "| memory, GiB: ours, TRL | of the matmul rate |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for path in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            print(compare(options, settings, path, Path(folder)), flush=True)


def compare(options, settings, path: Path, folder: Path) -> str:
    """One row of the table."""
    examples = tokenized(options, settings, path)

    def run(worker: str, some: list, setting: str = "", **changes) -> dict:
        return run_worker(options, folder, some, worker, setting, replace(settings, **changes))

    few = examples[: options.sweep_examples]
    whole = settings.batch_size
    candidates = options.trl_settings or trl_settings(whole)
    sweep = {setting: run("trl", few, setting)["seconds"] for setting in candidates}
    print("<!-- sweep, s: " + json.dumps(sweep) + " -->", file=sys.stderr)
    best = min(sweep, key=sweep.get)
    ours, theirs = alternated(
        options.repeats, partial(run, "ours", examples), partial(run, "trl", examples, best)
    )
    exact = replace(settings.lora, dropout=0.0)
    losses = [
        run(worker, few, f"{whole} random", lora=exact)["losses"] for worker in ("ours", "trl")
    ]
    difference = max(abs(mine - other) for mine, other in zip(*losses, strict=True))
    seconds = [median(results, "seconds") for results in (ours, theirs)]
    memory = [max(one["gib"] for one in runs) for runs in (ours, theirs)]
    rate = median(ours, "share_of_matmul_rate")
    tokens = sum(len(one["tokens"]) for one in examples)
    trained = tokens - sum(one["prompt"] for one in examples)
    return (
        f"| {path.stem} | {len(examples)} | {tokens} | {trained} | {seconds[0]:.1f} "
        f"| {seconds[1]:.1f} | {best} | **{seconds[1] / seconds[0]:.2f}** "
        f"| {tokens / seconds[0]:.0f} | {difference:.1e} | {memory[0]:.1f}, {memory[1]:.1f} "
        f"| {rate:.0%} |"
    )


def trl_settings(whole: int) -> list[str]:
    """Examples per forward, up to a whole step, and how they are batched; 1 has no padding."""
    sizes = [size for size in (whole, whole // 2, whole // 4) if size > 1 and whole % size == 0]
    return [
        f"{whole} random",
        *(f"{size} group_by_length" for size in sizes),
        *(f"{size} padding_free" for size in sizes[1:]),
        "1 random",
    ]


def tokenized(options, settings, path: Path) -> list[dict]:
    from transformers import AutoTokenizer

    from experiments.engine.training.packing import encode
    from experiments.train import read

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    encoded = [encode(tokenizer, row["messages"], row["completion"]) for row in read(path)]
    short = [one for one in encoded if len(one.tokens) <= settings.max_tokens]
    return [asdict(one) for one in short[: options.n]]


def run_worker(options, folder: Path, examples: list, worker: str, setting: str, settings) -> dict:
    task = folder / "task.json"
    task.write_text(
        json.dumps({"examples": examples, "setting": setting, "train": asdict(settings)})
    )
    python = options.trl_python if worker == "trl" else sys.executable
    return run_script(python, __file__, worker, options.threads, task=task, model=options.model)


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def ours_worker(options) -> dict:
    import torch

    from experiments.engine.training import tune
    from experiments.engine.training.packing import Example
    from experiments.params import Lora, Train

    torch.set_num_threads(options.threads)
    task = json.loads(options.task.read_text())
    settings = Train(**task["train"] | {"lora": Lora(**task["train"]["lora"])})
    examples = [Example(tuple(one["tokens"]), one["prompt"]) for one in task["examples"]]
    model = tune.adapt(tune.load(options.model, settings), settings, seed=1)
    base = model.get_base_model()
    body = sum(
        parameter.numel()
        for name, parameter in base.get_decoder().layers.named_parameters()
        if parameter.dim() == 2 and "lora_" not in name
    )
    low_rank = sum(one.numel() for one in model.parameters() if one.requires_grad)
    head = base.get_output_embeddings().weight.numel()
    spent, products = [], []
    train, loss = tune.CompletionTrainer.train, tune.completion_loss

    def timed(trainer):
        begun = time.perf_counter()
        train(trainer)
        spent.append(time.perf_counter() - begun)

    def counted(model, packed):
        if model.training:  # frozen weights need two products per token, trained ones three
            tokens, rows = packed["input_ids"].numel(), packed["targets"].numel()
            products.append(2 * (tokens * (2 * body + 3 * low_rank) + rows * 2 * head))
        return loss(model, packed)

    tune.CompletionTrainer.train, tune.completion_loss = timed, counted
    record = tune.tune(model, examples, examples[:1], settings, seed=1)
    return {
        "seconds": spent[0],
        "losses": record["loss"],
        "gib": peak_gib(),
        "share_of_matmul_rate": sum(products) / spent[0] / matmul_rate(base.config),
    }


def trl_worker(options) -> dict:
    import torch
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(options.threads)
    task = json.loads(options.task.read_text())
    settings = task["train"]
    per_forward, strategy = task["setting"].split()
    padding_free = strategy == "padding_free"
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    set_seed(1)
    adapted = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            target_modules="all-linear",
            r=settings["lora"]["r"],
            lora_alpha=settings["lora"]["alpha"],
            lora_dropout=settings["lora"]["dropout"],
        ),
    )
    rows = [
        {
            "input_ids": one["tokens"],
            "completion_mask": [int(at >= one["prompt"]) for at in range(len(one["tokens"]))],
        }
        for one in task["examples"]
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder,
            seed=1,
            num_train_epochs=settings["epochs"],
            per_device_train_batch_size=int(per_forward),
            gradient_accumulation_steps=settings["batch_size"] // int(per_forward),
            learning_rate=settings["learning_rate"],
            lr_scheduler_type="cosine",
            warmup_steps=settings["warmup_share"],
            weight_decay=settings["weight_decay"],
            completion_only_loss=True,
            max_length=None,
            padding_free=padding_free,
            train_sampling_strategy="random" if padding_free else strategy,
            gradient_checkpointing=False,
            bf16=False,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            dataloader_pin_memory=False,
            disable_tqdm=True,
        )
        trainer = SFTTrainer(
            model=adapted,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(options.model),
        )
        begun = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - begun
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"seconds": seconds, "losses": losses, "gib": peak_gib()}


WORKERS = {"ours": ours_worker, "trl": trl_worker}


def environment(options) -> str:
    trl = subprocess.run(
        [options.trl_python, "-c", "import importlib.metadata as m; print(m.version('trl'))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return (
        f"{machine(options.threads, 'torch', 'transformers', 'peft', 'accelerate')}, "
        f"trl {trl.stdout.strip()}; float32. Medians of {options.repeats} alternated runs. Tokens "
        "are those of the examples, padding and sharing not counted."
    )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rows", type=Path, nargs="+")
    parser.add_argument("--trl-python")
    parser.add_argument("--trl-settings", nargs="+", help="default: a sweep")
    parser.add_argument("--n", type=int, default=96, help="examples per file")
    parser.add_argument("--sweep-examples", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--worker", choices=list(WORKERS), help=argparse.SUPPRESS)
    parser.add_argument("--task", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.worker and not (options.rows and options.trl_python):
        parser.error("--rows and --trl-python are needed")
    return options


if __name__ == "__main__":
    main()
