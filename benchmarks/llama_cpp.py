"""Speed of scoring lettered questions against llama.cpp, on the same prompts of the same model.

    python benchmarks/llama_cpp.py --model DIR --gguf FILE --llama-python PYTHON

DIR is the model as `python -m experiments.fetch` converts it, FILE the quantised file it came
from; PYTHON an interpreter with xllamacpp, which carries llama.cpp and its
server. Both get the prompts that the lettered tasks of prepared/evaluation/ put first and
answer with the probabilities of the next token: one prompt after the other to the server, several
at once where `--slots` is above one, with its cache of prompts on; ours in one call. Prints a
Markdown table: medians of alternated runs, each in a process of its own, loading not counted.
About five minutes with 0.5B parameters on 2 CPU cores.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

TASKS = ("mmlu", "truthfulqa")
OURS = ("ieee", "bf16")
SETTLE = 2  # prompts asked before the clock starts


def main() -> None:
    options = _parse()
    if options.worker:
        print(json.dumps(WORKERS[options.worker](options)))
        return
    from benchmarks.timing import machine

    print(f"{machine(options.threads, 'torch', 'transformers')}; `{options.gguf.name}`\n")
    print(
        "| test | prompts | prompt tokens | ours, ieee, s | ours, bf16, s | llama.cpp, s "
        "| its slots | **ratio**, ieee | **ratio**, bf16 | same choice, ieee | bf16 |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for task in TASKS:
            questions = asked(task, options)
            path = Path(folder, f"{task}.jsonl")
            path.write_text("".join(json.dumps(question) + "\n" for question in questions))
            print(compared(task, path, options), flush=True)


def compared(task: str, questions: Path, options) -> str:
    """A line of the table: all our settings and all of llama.cpp's take turns."""
    from benchmarks.timing import alternated, median, run_worker

    def run(worker: str, slots: int = 1) -> dict:
        return run_worker(
            options.llama_python if worker == "llama" else sys.executable, __file__, worker,
            options.threads, questions=questions, model=options.model, gguf=options.gguf,
            slots=slots,
        )  # fmt: skip

    runs = [partial(run, how) for how in OURS]
    runs += [partial(run, "llama", slots) for slots in options.slots]
    found = alternated(options.repeats, *runs)
    seconds = [median(results, "seconds") for results in found]
    theirs = min(seconds[len(OURS) :])
    fastest = seconds.index(theirs, len(OURS))
    ours, rival = found[: len(OURS)], found[fastest][0]["choices"]
    same = [sum(map(str.__eq__, results[0]["choices"], rival)) for results in ours]
    return (
        f"| {task} | {len(rival)} | {ours[0][0]['tokens']} | {seconds[0]:.1f} "
        f"| {seconds[1]:.1f} | {theirs:.1f} | {options.slots[fastest - len(OURS)]} "
        f"| **{theirs / seconds[0]:.2f}** | **{theirs / seconds[1]:.2f}** "
        f"| {same[0]} of {len(rival)} | {same[1]} |"
    )


def asked(task: str, options) -> list[dict]:
    """What the task asks first of every item: rendered prompt, dialogue and letters."""
    from experiments import params
    from experiments.corpora.item import read_items
    from experiments.engine.model import load_tokenizer, render
    from experiments.engine.request import Choose
    from experiments.evaluate import EVALUATION
    from experiments.tasks import PROTOCOLS

    parameters = params.load()
    tokenizer = load_tokenizer(options.model, parameters.model.date)
    questions = []
    for item in read_items(EVALUATION / f"{task}.jsonl")[: options.items]:
        for one in next(PROTOCOLS["controlled"][task].protocol(item, parameters.evaluate)):
            if isinstance(one, Choose) and all(len(reply) == 1 for reply in one.continuations):
                text = render(tokenizer, one.prompt)
                questions.append({"prompt": text, "letters": one.continuations})
    return questions


def ours_worker(how: str):
    """A worker that asks our engine with `evaluate.matmul` set to `how`."""

    def work(options) -> dict:
        import torch

        from experiments import params
        from experiments.engine.asking.pool import run
        from experiments.engine.model import load_model
        from experiments.engine.request import Choose

        torch.set_num_threads(options.threads)
        settings = params.load().evaluate.engine
        model = load_model(options.model, matmul=how)
        questions = read(options.questions)

        def protocol(question):
            (reply,) = yield (Choose(question["prompt"], tuple(question["letters"])),)
            scores = reply.log_likelihoods
            return [{"choice": question["letters"][scores.index(max(scores))]}]

        def scored(some):
            (answered,) = run(
                [[(str(at), protocol(one)) for at, one in enumerate(some)]], model, settings, how
            )
            return [row["choice"] for (row,) in answered]

        scored(questions[:SETTLE])
        begun = time.perf_counter()
        choices = scored(questions)
        seconds = time.perf_counter() - begun
        tokens = sum(len(model.tokenizer(one["prompt"])["input_ids"]) for one in questions)
        return {"seconds": seconds, "choices": choices, "tokens": tokens}

    return work


def llama_worker(options) -> dict:
    """A worker that asks llama.cpp's server in this process."""
    import xllamacpp

    questions, slots = read(options.questions), int(options.slots[0])
    settings = xllamacpp.CommonParams()
    settings.model.path = str(options.gguf)
    settings.n_ctx, settings.n_parallel = 2048 * slots, slots
    settings.n_batch = settings.n_ubatch = 1024  # as ours: params.yaml, token_budget
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = options.threads
    server = xllamacpp.Server(settings)

    def choice(question: dict) -> str:
        answer = server.handle_completions(
            {"prompt": question["prompt"], "max_tokens": 1, "temperature": 0.0, "logprobs": 40}
        )
        found = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        known = {one["token"]: one["logprob"] for one in found}
        return max(question["letters"], key=lambda letter: known.get(letter, -math.inf))

    with ThreadPoolExecutor(slots) as threads:
        list(threads.map(choice, questions[:SETTLE]))
        begun = time.perf_counter()
        choices = list(threads.map(choice, questions))
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "choices": choices}


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--llama-python", type=Path)
    parser.add_argument("--items", type=int, default=8)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker")
    parser.add_argument("--questions", type=Path)
    return parser.parse_args()


WORKERS = {how: ours_worker(how) for how in OURS} | {"llama": llama_worker}


if __name__ == "__main__":
    main()
