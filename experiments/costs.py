"""What runs cost: paper/costs.yaml, which the README, launch/README.md and the paper print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

COSTS = Path("paper/costs.yaml")


def load(path: Path = COSTS) -> dict[str, Any]:
    """Costs of commands, scales and larger runs."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def commands(costs: dict[str, Any]) -> str:
    """What each make command does and takes, as a Markdown table."""
    rows = [
        (f"`make {name}`", row["does"], row["time"], row["disk"], row["memory"])
        for name, row in costs["commands"].items()
    ]
    return table(("command", "what it does", "time", "disk", "memory"), rows)


def scales(costs: dict[str, Any]) -> str:
    """What each scale is for and how long it takes, as a Markdown table."""
    rows = [(f"`{name}`", row["for"], row["time"]) for name, row in costs["scales"].items()]
    return table(("scale", "what for", "time"), rows)


def larger(costs: dict[str, Any]) -> str:
    """Larger runs by argument file with memory, disk and time, as a Markdown table."""
    rows = [
        (
            row["what"],
            f"`{row['arguments']}`" if row["arguments"] else "–",
            *(f"{row[need]} GB" for need in ("training_gb", "evaluation_gb", "disk_gb")),
            row["time"],
        )
        for row in costs["larger"]
    ]
    heads = ("what", "arguments (`launch/`)", "training", "evaluation", "disk", "time, one seed")
    return table(heads, rows)


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Rows below their heads, in Markdown."""
    lines = [heads, (":--",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
