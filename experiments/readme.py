"""The blocks of the READMEs that are printed, not typed, and the picture of the first one, drawn by
the paper; the render stage writes them.

What was found, in short, in a table and in six findings, is what the paper's first page printed
(results/printed_numbers.csv, keys `short[…]`, `lessons[…]` and `findings[…]`, after the folder of
an archived run); what runs cost is paper/costs.yaml.
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
    "In numbers, of the run that the paper is about (intervals are one at a time and can leave "
    "zero out where nothing is called shown above, after correction over all models, adapters and "
    "tests)"
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
    """What was found: a sentence, a list, what lessons changed, and six sentences to unfold."""
    (first, *rest), long = said(printed, "short") or [""], said(printed, "findings")
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(long, 1))
    unfolded = f"<details>\n<summary>{IN_NUMBERS}</summary>\n\n{numbered}\n\n</details>"
    parts = (first, "\n".join(f"- {text}" for text in rest), lessons(printed))
    return "\n\n".join(filter(None, (*parts, numbered and unfolded)))


def lessons(printed: Path) -> str:
    """What the table of lessons is about, and the table; "" if none is printed."""
    about, heads, *lines = said(printed, "lessons") or ["", ""]
    rule = "|:---|" + "---:|" * (heads.count("|") - 2)
    return "\n".join([about, "", heads, rule, *lines]) if lines else ""


def said(printed: Path, key: str) -> list[str]:
    """The sentences that the first page printed under a key; empty if none is rendered."""
    if not printed.exists():
        return []
    table = pd.read_csv(printed, dtype=str, keep_default_na=False)
    table = table[table["document"] == "index"]
    return table.loc[table["key"].str.match(rf"(runs/[^/]+/)?{key}\["), "printed"].tolist()
