"""Evaluation speed and parity against lm-evaluation-harness, on the same items and model.

    python benchmarks/evaluation.py --model DIR --hellaswag DIR --mmlu DIR --lm-eval-python PYTHON

`--hellaswag` and `--mmlu` are folders of Arrow files as `datasets` saves them (MMLU: one folder per
subject with test/ and dev/); PYTHON is an interpreter with lm_eval 0.4.13 and the same torch and
transformers. Prints a Markdown section for RESULTS.md: medians of alternated runs, each in a
process of its own, loading not counted. About 80 minutes and 4 GB on two quiet cores, most of it
lm_eval's MMLU with five examples.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.timing import alternated, machine, matmul_rate, median, run_worker

LETTERS = "ABCD"


def main() -> None:
    options = _parse()
    if options.worker:
        print(json.dumps(WORKERS[options.worker](options)))
        return
    items = build_items(options)
    print(f"### Evaluation against lm-evaluation-harness\n\n{environment(options)}\n")
    print(
        "| comparison | prompts | ours, s | lm_eval, s | lm_eval batch | **ratio** | same choice "
        "| largest distance, nats | tokens computed | of the matmul rate |\n"
        "|---|---|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, chosen in items.items():
            if options.only and options.only not in name:
                continue
            print(compare(options, Path(folder), name, chosen), flush=True)


def compare(options, folder: Path, name: str, items: list[dict]) -> str:
    """One row of the table."""

    def run(worker: str, some: list[dict] = items, size: int = 1) -> dict:
        path = folder / "items.jsonl"
        path.write_text("".join(json.dumps(item) + "\n" for item in some))
        return run_worker(
            options.lm_eval_python if worker == "lm_eval" else sys.executable, __file__, worker,
            options.threads, items=path, model=options.model, batch=size,
            token_budget=options.token_budget, row_tokens=options.row_tokens,
            cache_gib=options.cache_gib,
        )  # fmt: skip

    few = items[:: max(1, len(items) // options.sweep_items)]
    sweep = {size: run("lm_eval", few, size)["seconds"] for size in options.batch_sizes}
    batch = min(sweep, key=sweep.__getitem__)
    ours, theirs = alternated(
        options.repeats, partial(run, "ours"), partial(run, "lm_eval", size=batch)
    )
    mine, other = ours[0]["log_likelihoods"], theirs[0]["log_likelihoods"]
    same = sum(_argmax(a) == _argmax(b) for a, b in zip(mine, other, strict=True))
    distance = max(
        abs(x - y) for a, b in zip(mine, other, strict=True) for x, y in zip(a, b, strict=True)
    )
    seconds = [median(results, "seconds") for results in (ours, theirs)]
    rate = median(ours, "share_of_matmul_rate")
    return (
        f"| {name} | {len(items)} | {seconds[0]:.1f} | {seconds[1]:.1f} | {batch} "
        f"| **{seconds[1] / seconds[0]:.2f}** | {same} of {len(items)} | {distance:.1e} "
        f"| {ours[0]['tokens']} | {rate:.0%} |"
    )


def _argmax(values: list[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def ours_worker(options) -> dict:
    import torch

    from experiments.engine.asking.pool import run
    from experiments.engine.asking.prefix import Pass
    from experiments.engine.model import load_model
    from experiments.engine.request import Choose
    from experiments.params import Engine

    items = _read(options.items)
    language_model = load_model(options.model, dtype="float32", device="cpu")
    settings = Engine(
        options.token_budget, options.row_tokens, options.cache_gib, 1, options.threads
    )
    torch.set_num_threads(options.threads)
    tokens, original = [], Pass.run

    def counting(batch, model):
        tokens.append(batch.count)
        return original(batch, model)

    Pass.run = counting

    def ask(item):
        return [(yield (Choose(item["query"], tuple(" " + c for c in item["choices"])),))[0]]

    begun = time.perf_counter()
    (found,) = run([list(enumerate(map(ask, items)))], language_model, settings, "ours")
    seconds = time.perf_counter() - begun
    model = language_model.model
    body = sum(p.numel() for p in model.get_decoder().layers.parameters() if p.dim() == 2)
    return {
        "seconds": seconds,
        "tokens": sum(tokens),
        "share_of_matmul_rate": 2 * body * sum(tokens) / seconds / matmul_rate(model.config),
        "log_likelihoods": [reply.log_likelihoods for (reply,) in found],
    }


def lm_eval_worker(options) -> dict:
    import torch
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    torch.set_num_threads(options.threads)
    model = HFLM(
        pretrained=str(options.model), dtype="float32", device="cpu", batch_size=options.batch
    )
    with tempfile.TemporaryDirectory() as folder:
        task = {
            "task": "bench",
            "dataset_path": "json",
            "dataset_kwargs": {
                "data_files": {"test": str(options.items)},
                "cache_dir": folder,
            },
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": "{{query}}",
            "doc_to_choice": "choices",
            "doc_to_target": "gold",
            "metric_list": [{"metric": "acc"}],
        }
        Path(folder, "bench.yaml").write_text(json.dumps(task))
        manager = TaskManager(include_path=folder, include_defaults=False)
        begun = time.perf_counter()
        result = simple_evaluate(
            model=model, tasks=["bench"], task_manager=manager, bootstrap_iters=0
        )
        seconds = time.perf_counter() - begun
    samples = sorted(result["samples"]["bench"], key=lambda sample: sample["doc_id"])
    return {
        "seconds": seconds,
        "log_likelihoods": [[reply[0] for reply in s["filtered_resps"]] for s in samples],
    }


WORKERS = {"ours": ours_worker, "lm_eval": lm_eval_worker}


def build_items(options) -> dict[str, list[dict]]:
    """Items as {query, choices, gold}, by the name of the comparison."""
    hellaswag = [_hellaswag(row) for row in _rows(options.hellaswag)[: options.n]]
    mmlu = []
    folders = sorted(path for path in options.mmlu.iterdir() if path.is_dir())
    subjects = folders[:: max(1, len(folders) // options.subjects)][: options.subjects]
    each = -(-options.n // len(subjects))
    for subject in subjects:
        shots = _rows(subject / "dev")
        mmlu += [(row, shots) for row in _rows(subject / "test")[:each]]
    mmlu = mmlu[: options.n]
    return {
        "HellaSwag, 0-shot": hellaswag,
        "MMLU, 0-shot": [_mmlu(row, []) for row, _ in mmlu],
        "MMLU, 5-shot": [_mmlu(row, shots) for row, shots in mmlu],
        "MMLU, 0-shot, 4 option orders × 4 arms": [
            _mmlu(row, [], order, arm)
            for row, _ in mmlu[:: options.thin]
            for order in range(4)
            for arm in ARMS
        ],
        "MMLU, 5-shot, 4 option orders × 4 arms": [
            _mmlu(row, shots, order, arm)
            for row, shots in mmlu[:: options.thin]
            for order in range(4)
            for arm in ARMS
        ],
    }


ARMS = (
    "",
    "I think the answer is A, but I am not sure.\n",
    "I think the answer is C, but I am not sure.\n",
    "I don't think the answer is B, but I am not sure.\n",
)


def _rows(folder: Path) -> list[dict]:
    import pyarrow

    files = sorted(folder.rglob("*.arrow"))
    if not files:
        sys.exit(f"No Arrow file under {folder}.")
    return [
        row for file in files for row in pyarrow.ipc.open_stream(str(file)).read_all().to_pylist()
    ]


def _hellaswag(row: dict) -> dict:
    """As lm_eval's own hellaswag task writes it."""
    import re

    def clean(text: str) -> str:
        return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")

    context = f"{row['ctx_a']} {row['ctx_b'].capitalize()}"
    return {
        "query": clean(f"{row['activity_label']}: {context}").strip(),
        "choices": [clean(ending) for ending in row["endings"]],
        "gold": int(row["label"]),
    }


def _mmlu(row: dict, shots: list[dict], order: int = 0, arm: str = "") -> dict:
    """As lm_eval's own mmlu tasks write it; `order` rotates the options."""

    def ask(one: dict, shift: int = 0, hint: str = "") -> str:
        choices = one["choices"][shift:] + one["choices"][:shift]
        options = "".join(f"{k}. {c}\n" for k, c in zip(LETTERS, choices, strict=True))
        return f"{one['question'].strip()}\n{options}{hint}Answer:"

    subject = row["subject"].replace("_", " ")
    head = f"The following are multiple choice questions (with answers) about {subject}.\n\n"
    examples = "".join(f"{ask(shot)} {LETTERS[shot['answer']]}\n\n" for shot in shots)
    return {
        "query": head + examples + ask(row, order, arm),
        "choices": list(LETTERS),
        "gold": (row["answer"] - order) % 4,
    }


def _read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def environment(options) -> str:
    return (
        f"{machine(options.threads, 'torch', 'transformers')}, lm_eval 0.4.13; {options.n} items "
        f"({options.subjects} subjects of MMLU), "
        f"{options.repeats} alternated runs; token_budget {options.token_budget}, row_tokens "
        f"{options.row_tokens}, cache_gib {options.cache_gib}."
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--hellaswag", type=Path)
    parser.add_argument("--mmlu", type=Path)
    parser.add_argument("--lm-eval-python", type=Path)
    parser.add_argument("--n", type=int, default=300, help="items per benchmark")
    parser.add_argument("--subjects", type=int, default=10, help="of MMLU; each has its examples")
    parser.add_argument("--thin", type=int, default=50, help="an item in so many: orders and arms")
    parser.add_argument("--only", help="comparisons whose name holds this text")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--sweep-items", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--token-budget", type=int, default=1024)
    parser.add_argument("--row-tokens", type=int, default=128)
    parser.add_argument("--cache-gib", type=float, default=1.0)
    parser.add_argument("--worker", choices=WORKERS, help=argparse.SUPPRESS)
    parser.add_argument("--items", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
