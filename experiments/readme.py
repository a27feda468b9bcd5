"""The README's findings and verdicts, written by the render stage.

The six sentences are those that the paper's first page printed (results/printed_numbers.csv, keys
`findings[…]`); the verdicts are those of results/claims.csv.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from experiments import params
from experiments.errors import RenderError
from experiments.quoting import cell

BLOCKS = ("findings", "verdicts")
OPENED = "<!-- {}: written by `python -m experiments.render` -->"
CLOSED = "<!-- end of {} -->"
OWN = "this study"
MISSING = "–"


def update(root: Path = Path()) -> None:
    """Put what was found between the README's markers; RenderError if it has none of them.

    Without a README, or without results to print, there is nothing to do.
    """
    readme, results = root / "README.md", root / "results"
    if not (readme.exists() and (results / "claims.csv").exists()):
        return
    settings = params.load(root / "params.yaml").analysis
    text = readme.read_text(encoding="utf-8")
    if not any(OPENED.format(name) in text for name in BLOCKS):
        raise RenderError(
            f"{readme} lacks the markers of its findings; restore {OPENED.format(BLOCKS[0])} and "
            f"{CLOSED.format(BLOCKS[0])}"
        )
    fresh = filled(text, "verdicts", verdicts(results / "claims.csv", settings.confidence))
    printed = results / "printed_numbers.csv"
    if printed.exists():
        fresh = filled(fresh, "findings", findings(printed))
    if fresh != text:
        readme.write_text(fresh, encoding="utf-8")


def filled(text: str, name: str, content: str) -> str:
    """The text with `content` between the block's markers; as it is if the block is not there."""
    before, opened, rest = text.partition(OPENED.format(name))
    _, closed, after = rest.partition(CLOSED.format(name))
    if opened and not closed:
        raise RenderError(f"README.md: put {CLOSED.format(name)} after its {name}")
    return f"{before}{opened}\n\n{content}\n\n{closed}{after}" if opened and content else text


def findings(printed: Path) -> str:
    """The sentences as a numbered list; empty if no rendered document prints them."""
    table = pd.read_csv(printed, dtype=str, keep_default_na=False)
    chosen = table[table["key"].str.startswith("findings[")]
    return "\n".join(f"{number}. {text}" for number, text in enumerate(chosen["printed"], 1))


def verdicts(claims: Path, confidence: float) -> str:
    """Our own claims in full, and the source studies' claims folded below their tally."""
    table = pd.read_csv(claims)
    own, others = table[table["source"] == OWN], table[table["source"] != OWN]
    counts = others["verdict"].value_counts()
    tally = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return (
        f"{rows(own, confidence)}\n\n<details><summary>The claims of the studies we start from, "
        f"tested on this model: {tally}</summary>\n\n{rows(others, confidence)}\n\n</details>"
    )


def rows(claims: pd.DataFrame, confidence: float) -> str:
    """Claim, estimate with interval, n and verdict as a Markdown table."""
    lines = [f"| claim | estimate [{100 * confidence:g} %] | n | verdict |", "|:--|--:|--:|:--|"]
    for row in claims.itertuples():
        low, high = (number(end, "+.2f") for end in (row.low, row.high))
        estimate = number(row.estimate, "+.2f")
        span = f"{estimate} [{low}, {high}]" if estimate != MISSING else MISSING
        lines.append(f"| {cell(row.text)} | {span} | {number(row.n, '.0f')} | {row.verdict} |")
    return "\n".join(lines)


def number(value: float, format: str) -> str:
    """A number as printed: a real minus sign, a dash where there is none."""
    return MISSING if math.isnan(value) else f"{value:{format}}".replace("-", "−")
