"""Generation speed and parity against transformers' `generate`, on the same prompts and model.

    python benchmarks/generation.py --model DIR --questions FILE.jsonl

FILE.jsonl has a `question` and an `answer` per line (GSM8K). `generate` runs at batch size one and
at its best batch, on prompts sorted by length. Prints a Markdown section for RESULTS.md: medians of
alternated runs, each in a process of its own, loading not counted. About 40 minutes and 4 GB on two
quiet cores.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.evaluation import processor


def main() -> None:
    options = _parse()
    if options.worker:
        worker = ours_worker if options.worker == "ours" else plain_worker
        print(json.dumps(worker(options)))
        return
    print(f"### Generation against transformers' generate\n\n{environment(options)}\n")
    columns = (
        "prompts | n | prompt tokens | tokens written | ours, tokens/s | generate, batch 1 "
        "| generate, best batch | best batch | **ratio to batch 1** | **ratio to best batch** "
        "| same text as batch 1: ours | best batch"
    )
    print(f"| {columns} |\n|{'---|' * (columns.count('|') + 1)}")
    with tempfile.TemporaryDirectory() as folder:
        for name, prompts in build_prompts(options).items():
            print(compare(options, Path(folder), name, prompts), flush=True)


def compare(options, folder: Path, name: str, prompts: list[list[dict]]) -> str:
    """One row of the table."""
    sweep = {b: run_worker(options, folder, prompts, "plain", b) for b in options.batch_sizes}
    batch = max(sweep, key=lambda size: sweep[size]["rate"])
    runs = {"ours": [], "one": [], "best": []}
    for _ in range(options.repeats):
        runs["ours"].append(run_worker(options, folder, prompts, "ours", batch))
        runs["best"].append(run_worker(options, folder, prompts, "plain", batch))
    runs["one"].append(run_worker(options, folder, prompts, "plain", 1))
    rate = {kind: statistics.median(run["rate"] for run in found) for kind, found in runs.items()}
    expected = runs["one"][0]["texts"]
    same = {
        kind: sum(a == b for a, b in zip(found[0]["texts"], expected, strict=True))
        for kind, found in runs.items()
    }
    ours = runs["ours"][0]
    return (
        f"| {name} | {len(prompts)} | {ours['shortest']} to {ours['longest']} | {ours['written']} "
        f"| {rate['ours']:.0f} | {rate['one']:.0f} | {rate['best']:.0f} | {batch} "
        f"| **{rate['ours'] / rate['one']:.2f}** | **{rate['ours'] / rate['best']:.2f}** "
        f"| {same['ours']} | {same['best']} |"
    )


def run_worker(options, folder: Path, prompts: list, worker: str, batch: int) -> dict:
    path = folder / "prompts.json"
    path.write_text(json.dumps(prompts))
    command = [
        sys.executable, __file__, "--worker", worker, "--questions", path, "--model", options.model,
        "--batch", batch, "--threads", options.threads, "--max-tokens", options.max_tokens,
        "--slots", options.slots, "--token-budget", options.token_budget,
        "--row-tokens", options.row_tokens, "--cache-gib", options.cache_gib,
    ]  # fmt: skip
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(options.threads), "HF_HUB_OFFLINE": "1"},
    )
    if done.returncode:
        sys.exit(f"The {worker} worker failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def ours_worker(options) -> dict:
    from experiments.engine.asking.pool import run
    from experiments.engine.model import load_model, render
    from experiments.engine.request import Generate, Message
    from experiments.params import Engine

    language_model = load_model(options.model, dtype="float32", device="cpu")
    settings = Engine(
        options.token_budget, options.row_tokens, options.cache_gib, options.slots, options.threads
    )
    prompts = [
        tuple(Message(**turn) for turn in turns)
        for turns in json.loads(options.questions.read_text())
    ]

    def ask(prompt):
        return [(yield (Generate(prompt, options.max_tokens),))[0].text]

    begun = time.perf_counter()
    (found,) = run([list(enumerate(map(ask, prompts)))], language_model, settings, "ours")
    seconds = time.perf_counter() - begun
    texts = [text for (text,) in found]
    tokenizer = language_model.tokenizer
    rendered = [render(tokenizer, prompt) for prompt in prompts]
    return _measured(tokenizer, rendered, texts, seconds)


def plain_worker(options) -> dict:
    import torch

    from experiments.engine.model import load_model, render
    from experiments.engine.request import Message

    torch.set_num_threads(options.threads)
    language_model = load_model(options.model, dtype="float32", device="cpu")
    model, tokenizer = language_model.model, language_model.tokenizer
    tokenizer.padding_side = "left"
    dialogues = json.loads(options.questions.read_text())
    begun = time.perf_counter()
    rendered = [render(tokenizer, tuple(Message(**turn) for turn in turns)) for turns in dialogues]
    order = sorted(range(len(rendered)), key=lambda i: -len(rendered[i]))
    texts = [""] * len(rendered)
    for begin in range(0, len(order), options.batch):
        chosen = order[begin : begin + options.batch]
        inputs = tokenizer(
            [rendered[i] for i in chosen],
            add_special_tokens=False,
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            outputs = model.generate(**inputs, max_new_tokens=options.max_tokens, do_sample=False)
        replies = outputs[:, inputs["input_ids"].shape[1] :]
        for i, text in zip(
            chosen, tokenizer.batch_decode(replies, skip_special_tokens=True), strict=True
        ):
            texts[i] = text
    return _measured(tokenizer, rendered, texts, time.perf_counter() - begun)


def _measured(tokenizer, rendered: list[str], texts: list[str], seconds: float) -> dict:
    lengths = [len(ids) for ids in tokenizer(rendered, add_special_tokens=False)["input_ids"]]
    written = sum(len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])
    return {
        "rate": written / seconds,
        "written": written,
        "shortest": min(lengths),
        "longest": max(lengths),
        "texts": texts,
    }


def build_prompts(options) -> dict[str, list[list[dict]]]:
    rows = [json.loads(line) for line in options.questions.read_text().splitlines()]
    shots, asked = rows[:4], rows[4 : 4 + options.n]

    def dialogue(row: dict, count: int) -> list[dict]:
        turns = []
        for shot in shots[:count]:
            turns += [("user", shot["question"]), ("assistant", shot["answer"])]
        turns.append(("user", row["question"]))
        return [{"role": role, "content": content} for role, content in turns]

    return {
        "GSM8K, no examples": [dialogue(row, 0) for row in asked],
        "GSM8K, 0 to 4 examples": [dialogue(row, i % 5) for i, row in enumerate(asked)],
        "GSM8K, 4 examples": [dialogue(row, 4) for row in asked],
    }


def environment(options) -> str:
    packages = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("torch", "transformers"))
    return (
        f"{processor()}, {options.threads} threads; {packages}; at most {options.max_tokens} "
        f"tokens per reply, {options.slots} slots; {options.repeats} alternated runs; token_budget "
        f"{options.token_budget}, row_tokens {options.row_tokens}, cache_gib {options.cache_gib}."
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--token-budget", type=int, default=1024)
    parser.add_argument("--row-tokens", type=int, default=128)
    parser.add_argument("--cache-gib", type=float, default=1.0)
    parser.add_argument("--worker", choices=("ours", "plain"), help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
