"""The processes that one command runs as: one, or several started by `accelerate launch`.

Reads the environment that launchers set, so that a single process needs neither torch nor
accelerate to know that it is alone.
"""

from __future__ import annotations

import os
from datetime import timedelta

from experiments.errors import ParameterError

LONGEST_WAIT = timedelta(days=7)


def count() -> int:
    """How many processes run this command side by side."""
    return number("WORLD_SIZE", 1)


def rank() -> int:
    """The number of this process among them, from 0."""
    return number("RANK", 0)


def number(variable: str, least: int) -> int:
    """What a launcher set, `least` if it set none; ParameterError for what is no such number."""
    text = os.environ.get(variable, str(least))
    if not text.isdecimal() or int(text) < least:
        raise ParameterError(
            f"the environment says {variable}={text}, where a number from {least} belongs; unset "
            "it, or start several processes with `accelerate launch`"
        )
    return int(text)


def is_main() -> bool:
    return rank() == 0


def device() -> str:
    """This process's device for the engine: "auto", or its own GPU among several processes."""
    if count() == 1:
        return "auto"
    own = state().device
    return "cpu" if own.type == "cpu" else str(own)


def wait() -> None:
    """Until every process has come this far."""
    if count() > 1:
        state().wait_for_everyone()


def state():
    """accelerate's view of the processes; on CPUs it takes each for the only one unless told."""
    import torch
    from accelerate import PartialState

    # a process that is done waits for the others, however much longer their items take
    return PartialState(cpu=not torch.cuda.is_available(), timeout=LONGEST_WAIT)
