"""Generation speed and parity against transformers' `generate`, on the same prompts and model.

    python benchmarks/generation.py --model DIR

The prompts are those of the run at hand (prepared/evaluation/): its GSM8K problems, its
transcripts, and its GSM8K problems after 0 to 4 solved ones, whose lengths differ. `generate` runs
at batch size one and at its best batch, on prompts sorted by length. Prints a Markdown section for
RESULTS.md: medians of alternated runs, each in a process of its own, loading not counted. About 40
minutes and 4 GB on two quiet cores.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.timing import alternated, machine, median, run_worker


def main() -> None:
    options = _parse()
    if options.worker:
        worker = ours_worker if options.worker == "ours" else plain_worker
        print(json.dumps(worker(options)))
        return
    print(
        "### Generation against transformers' generate\n\n"
        f"{machine(options.threads, 'torch', 'transformers')}; {options.repeats} alternated runs; "
        f"evaluate.engine as in params.yaml.\n"
    )
    columns = (
        "prompts | n | prompt tokens | tokens written | ours, tokens/s | generate, batch 1 "
        "| generate, best batch | best batch | **ratio to batch 1** | **ratio to best batch** "
        "| same text as batch 1: ours | best batch"
    )
    print(f"| {columns} |\n|{'---|' * (columns.count('|') + 1)}")
    with tempfile.TemporaryDirectory() as folder:
        for name, requests in build_requests().items():
            path = Path(folder, "requests.json")
            path.write_text(json.dumps(requests))
            print(compare(options, path, name, len(requests)), flush=True)


def compare(options, path: Path, name: str, count: int) -> str:
    """One row of the table."""

    def run(worker: str, batch: int = 1) -> dict:
        return run_worker(
            sys.executable, __file__, worker, options.threads,
            model=options.model, requests=path, batch=batch,
        )  # fmt: skip

    sizes = sorted({min(size, count) for size in options.batch_sizes})
    sweep = {size: run("plain", size)["rate"] for size in sizes}
    batch = max(sweep, key=sweep.__getitem__)
    ours, best = alternated(options.repeats, partial(run, "ours"), partial(run, "plain", batch))
    one = [run("plain")]
    rates = [median(results, "rate") for results in (ours, one, best)]
    same = [
        sum(a == b for a, b in zip(results[0]["texts"], one[0]["texts"], strict=True))
        for results in (ours, best)
    ]
    first = ours[0]
    return (
        f"| {name} | {count} | {first['shortest']} to {first['longest']} | {first['written']} "
        f"| {rates[0]:.0f} | {rates[1]:.0f} | {rates[2]:.0f} | {batch} "
        f"| **{rates[0] / rates[1]:.2f}** | **{rates[0] / rates[2]:.2f}** | {same[0]} | {same[1]} |"
    )


def ours_worker(options) -> dict:
    from experiments import params
    from experiments.engine.asking.pool import run
    from experiments.engine.model import load_model
    from experiments.engine.request import Generate

    language_model = load_model(options.model, dtype="float32", device="cpu")
    requests = _read(options.requests)

    def ask(prompt, max_tokens):
        return [(yield (Generate(prompt, max_tokens),))[0].text]

    begun = time.perf_counter()
    protocols = [(at, ask(*request)) for at, request in enumerate(requests)]
    (found,) = run([protocols], language_model, params.load().evaluate.engine, "ours")
    seconds = time.perf_counter() - begun
    return _measured(language_model.tokenizer, requests, [text for (text,) in found], seconds)


def plain_worker(options) -> dict:
    import torch

    from experiments.engine.model import load_model, render

    torch.set_num_threads(options.threads)
    language_model = load_model(options.model, dtype="float32", device="cpu")
    model, tokenizer = language_model.model, language_model.tokenizer
    tokenizer.padding_side = "left"
    requests = _read(options.requests)
    begun = time.perf_counter()
    rendered = [render(tokenizer, prompt) for prompt, _ in requests]
    order = sorted(range(len(rendered)), key=lambda at: -len(rendered[at]))
    texts = [""] * len(rendered)
    for begin in range(0, len(order), options.batch):
        chosen = order[begin : begin + options.batch]
        inputs = tokenizer(
            [rendered[at] for at in chosen],
            add_special_tokens=False,
            padding=True,
            return_tensors="pt",
        )
        most = max(requests[at][1] for at in chosen)
        with torch.inference_mode():
            outputs = model.generate(**inputs, max_new_tokens=most, do_sample=False)
        replies = tokenizer.batch_decode(
            outputs[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
        for at, text in zip(chosen, replies, strict=True):
            texts[at] = text
    return _measured(tokenizer, requests, texts, time.perf_counter() - begun)


def _measured(tokenizer, requests: list, texts: list[str], seconds: float) -> dict:
    from experiments.engine.model import render

    rendered = [render(tokenizer, prompt) for prompt, _ in requests]
    lengths = [len(ids) for ids in tokenizer(rendered, add_special_tokens=False)["input_ids"]]
    written = sum(len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])
    return {
        "rate": written / seconds,
        "written": written,
        "shortest": min(lengths),
        "longest": max(lengths),
        "texts": texts,
    }


def build_requests() -> dict[str, list]:
    """By the name of the set: the turns of each prompt, and its longest reply in tokens."""
    from experiments import evaluate, params
    from experiments.engine.request import Generate, Message, Text
    from experiments.params import BASE
    from experiments.tasks import gsm8k

    parameters = params.load()
    instances = evaluate.instances(BASE, {0: None}, parameters)
    problems = [one.item for one in instances if one.task == "gsm8k"]
    transcripts: list[Generate] = []
    for one in instances:
        if one.kind != evaluate.TRANSCRIPT:
            continue
        protocol, replies = one.protocol, None
        try:
            while True:  # second turns follow a reply that stands for the model's own
                asked = protocol.send(replies)
                transcripts += asked
                replies = tuple(Text("The answer is (A).", "end") for _ in asked)
        except StopIteration:
            pass

    def after(count: int, at: int) -> tuple[Message, ...]:
        solved = [problems[at - back] for back in range(count, 0, -1)]
        turns = [(*gsm8k.ask(item), Message("assistant", item.solution)) for item in solved]
        return (*(turn for pair in turns for turn in pair), *gsm8k.ask(problems[at]))

    most = parameters.evaluate.gsm8k_max_tokens
    sets = {
        "GSM8K": [(gsm8k.ask(item), most) for item in problems],
        "transcripts": [(request.prompt, request.max_tokens) for request in transcripts],
        "GSM8K after 0 to 4 solved": [(after(at % 5, at), most) for at in range(len(problems))],
    }
    return {
        name: [([asdict(turn) for turn in prompt], most) for prompt, most in requests]
        for name, requests in sets.items()
    }


def _read(path: Path) -> list[tuple]:
    from experiments.engine.request import Message

    return [
        (tuple(Message(**turn) for turn in turns), most)
        for turns, most in json.loads(path.read_text())
    ]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--worker", choices=("ours", "plain"), help=argparse.SUPPRESS)
    parser.add_argument("--requests", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
