"""The blocks of the READMEs that are printed, not typed, and the picture of the first one, drawn by
the paper; the render stage writes them.

What was found, in short and in six findings, are sentences that the paper's first page printed
(results/printed_numbers.csv, keys `short[…]` and `findings[…]`, after the folder of an archived
run); what runs cost is paper/costs.yaml.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments import costs, files
from experiments.errors import RenderError
from experiments.models import provenance

OPENED = "<!-- {}: written by `python -m experiments.render` -->"
CLOSED = "<!-- end of {} -->"
IN_NUMBERS = (
    "In numbers, of the run that the paper is about. Its intervals are one at a time and can leave "
    "zero out where nothing is called shown above, after correction over all models, adapters and "
    "tests:"
)
PICTURE = Path(".github/picture.svg")
DRAWN = "paper/index_files/**/fig-short*.svg"  # by either renderer
MODELS = ("preset", "parameters", "licence", "what it is", "the maker's own")


def update(root: Path = Path()) -> None:
    """Fill every block of the READMEs below `root`; RenderError if a README lacks its markers."""
    prices, printed = root / costs.COSTS, root / "results/printed_numbers.csv"
    blocks = {
        "README.md": {"findings": findings(printed)},
        "experiments/README.md": {"models": costs.table(MODELS, provenance.rows())},
    }
    if prices.exists():
        known = costs.load(prices)
        blocks["README.md"]["commands"] = costs.commands(known)
        blocks["experiments/README.md"]["scales"] = costs.scales(known)
        blocks["launch/README.md"] = {"larger": costs.larger(known)}
    for name, contents in blocks.items():
        page = root / name
        if page.exists():
            text = fresh = page.read_text(encoding="utf-8")
            for block, content in contents.items():
                fresh = filled(fresh, block, content, name)
            if fresh != text:
                files.write_text(page, fresh)


def keep_picture(root: Path, site: Path) -> None:
    """Copy the first page's first figure from the site; without it nothing changes."""
    drawn = sorted(site.glob(DRAWN))
    if drawn and (root / PICTURE.parent).is_dir():
        files.write_bytes(root / PICTURE, drawn[0].read_bytes())


def filled(text: str, block: str, content: str, page: str) -> str:
    """The text with `content` between the block's markers; as it is if there is no content."""
    before, opened, rest = text.partition(OPENED.format(block))
    _, closed, after = rest.partition(CLOSED.format(block))
    if not (opened and closed):
        markers = f"{OPENED.format(block)} and {CLOSED.format(block)}"
        raise RenderError(f"{page} lacks the markers of its {block}; restore {markers}")
    return f"{before}{opened}\n\n{content}\n\n{closed}{after}" if content else text


def findings(printed: Path) -> str:
    """What was found, first in a sentence, then in short as a list, and the six sentences."""
    (first, *rest), long = said(printed, "short") or [""], said(printed, "findings")
    short = "\n\n".join(filter(None, (first, "\n".join(f"- {text}" for text in rest))))
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(long, 1))
    return "\n\n".join(filter(None, (short, numbered and f"{IN_NUMBERS}\n\n{numbered}")))


def said(printed: Path, key: str) -> list[str]:
    """The sentences that the first page printed under a key; empty if none is rendered."""
    if not printed.exists():
        return []
    table = pd.read_csv(printed, dtype=str, keep_default_na=False)
    table = table[table["document"] == "index"]
    return table.loc[table["key"].str.match(rf"(runs/[^/]+/)?{key}\["), "printed"].tolist()
