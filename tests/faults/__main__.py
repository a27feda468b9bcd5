"""Break the inputs of every stage, kill stages and fill their disk, and count what went wrong.

    python -m tests.faults --seed 20261125 --mutations 200 --kills 30 --full-disks 20

Every fault is drawn from the seed. Writes tests/faults/figures.csv and prints each fault that ended
in a traceback, a hang, a damaged file or results that are silently other ones. Half an hour on two
CPU cores.
"""

from __future__ import annotations

import argparse
import csv
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.faults.mutations import draw
from tests.faults.workshop import STAGES, Ended, Workshop, load_modules

FIGURES = Path(__file__).parent / "figures.csv"
VERBS = ("curate", "prepare", "train", "evaluate", "analyze", "audit")
LIMIT = 120  # seconds after which a stage hangs
REFUSED, UNHARMED, SILENT = "refused in one sentence", "same results", "other results, as asked"
TRACEBACK, HANG, KILLED = "traceback", "hang", "ended by a signal"
DAMAGED, WRONG, NOT_RESUMED = "damaged file", "silently wrong", "not resumed to the same bytes"
FAULTY = {TRACEBACK, HANG, KILLED, DAMAGED, WRONG, NOT_RESUMED}


def mutate(
    workshop: Workshop, verbs: Sequence[str], generator: random.Random
) -> tuple[str, str, str]:
    """Draw a fault, run its stage, put everything back: (kind, what happened, what was said)."""
    fault = draw(generator, workshop.folder, verbs)
    fault.change(workshop.folder / fault.path, generator)
    ended = workshop.run(fault.stage, limit=LIMIT)
    now, wanted = workshop.digests(*fault.outputs), workshop.wanted(*fault.outputs)
    now.pop(fault.path, None), wanted.pop(fault.path, None)  # what was broken may lie among them
    verdict = judged(ended, now == wanted, fault.silent)
    workshop.restore(fault.path, *fault.outputs)
    return f"{fault.stage}, {fault.name}", verdict, ended.output.strip()[-600:]


def judged(ended: Ended, same: bool, silent: bool) -> str:
    """What a fault came to: results may differ only where nothing could tell."""
    if ended.seconds > LIMIT:
        return HANG
    if ended.status < 0:
        return KILLED
    if "Traceback (most recent call last)" in ended.output:
        return TRACEBACK
    if ended.status:
        return REFUSED if same else DAMAGED
    return UNHARMED if same else SILENT if silent else WRONG


def kill(
    workshop: Workshop, seconds: dict[str, float], verbs: Sequence[str], generator: random.Random
) -> tuple[str, str, str]:
    """Stop a stage at a random moment, once or twice, and let it finish."""
    stage = generator.choice(stages_of(verbs))
    outputs = outputs_of(stage)
    if stage.startswith(("evaluate", "train")):
        for path in (workshop.folder / outputs[0] / stage.split()[1]).glob("*"):
            workshop.forget(path)  # a finished stage would not start anew
    how = generator.choice([signal.SIGKILL, signal.SIGTERM])
    for _ in range(generator.choice([1, 2])):
        workshop.run(stage, kill=(generator.uniform(0, seconds[stage]), how))
    ended = workshop.run(stage)
    same = workshop.digests(*outputs) == workshop.wanted(*outputs)
    verdict = judged(ended, same, silent=False)
    if ended.status or not same:
        verdict = verdict if verdict in (TRACEBACK, HANG) else NOT_RESUMED
    workshop.restore(*outputs)
    return f"{stage}, {how.name}", verdict, ended.output.strip()[-600:]


def fill_disk(
    workshop: Workshop, verbs: Sequence[str], generator: random.Random
) -> tuple[str, str, str]:
    """Run a stage that may write only so many bytes per file; then with room again."""
    stage = generator.choice(stages_of(verbs))
    outputs = outputs_of(stage)
    size = int(2 ** generator.uniform(0, 18))
    first = workshop.run(stage, largest_file=size)
    now, wanted = workshop.digests(*outputs), workshop.wanted(*outputs)
    # an evaluation's finished groups lie beside what stood there
    same = now == wanted if first.status == 0 else wanted.items() <= now.items()
    verdict = judged(first, same, silent=False)
    if verdict not in FAULTY:
        again = workshop.run(stage)
        if again.status or workshop.digests(*outputs) != workshop.wanted(*outputs):
            verdict = NOT_RESUMED
    workshop.restore(*outputs)
    return f"{stage}, {size} bytes per file", verdict, first.output.strip()[-600:]


def stages_of(verbs: Sequence[str]) -> list[str]:
    """The stages of these verbs."""
    return [stage for stage in STAGES if stage.split()[0] in verbs]


def outputs_of(stage: str) -> tuple[str, ...]:
    """What a stage writes."""
    verb = stage.split()[0]
    return {
        "curate": ("curated", "results"),
        "prepare": ("prepared", "results"),
        "train": ("adapters", "results"),
        "evaluate": ("outcomes",),
    }.get(verb, ("results",))


def main() -> None:
    """Draw, break, count, and write the figures; exit status 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--mutations", type=int, default=200)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--full-disks", type=int, default=20)
    parser.add_argument("--verbs", nargs="+", default=VERBS, choices=VERBS, help="stages to break")
    parser.add_argument("--output", type=Path, default=FIGURES)
    arguments = parser.parse_args()
    load_modules()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        seconds = workshop.build()
        counts = inject(workshop, seconds, arguments)
    with arguments.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "kind", "outcome", "count"])
        writer.writerows((arguments.seed, *key, count) for key, count in sorted(counts.items()))
    wrong = sum(count for (_, outcome), count in counts.items() if outcome in FAULTY)
    print(f"{sum(counts.values())} faults, {wrong} of them went wrong; see {arguments.output}")
    sys.exit(wrong > 0)


def inject(
    workshop: Workshop, seconds: dict[str, float], arguments: argparse.Namespace
) -> Counter[tuple[str, str]]:
    """All faults of a seed, each kind from a generator of its own; (kind, outcome) -> count."""
    counts: Counter[tuple[str, str]] = Counter()
    verbs = arguments.verbs
    plans = [
        ("mutation", arguments.mutations, partial(mutate, workshop, verbs)),
        ("kill", arguments.kills, partial(kill, workshop, seconds, verbs)),
        ("full disk", arguments.full_disks, partial(fill_disk, workshop, verbs)),
    ]
    for kind, count, inflict in plans:
        for number in range(count):
            name, outcome, said = inflict(random.Random(f"{arguments.seed} {kind} {number}"))
            counts[kind, outcome] += 1
            print(f"{kind} {number}: {name}: {outcome}", flush=True)
            if outcome in FAULTY:
                print(f"    {said}", flush=True)
    return counts


if __name__ == "__main__":
    main()
