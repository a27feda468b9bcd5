"""The README's summary of verdicts, written from results/claims.csv by the render stage."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments.errors import RenderError

README = Path("README.md")
CLAIMS = Path("results/claims.csv")
START = "<!-- verdicts: written by `python -m experiments.render` from results/claims.csv -->"
END = "<!-- end of verdicts -->"
OWN = "this study"


def update(readme: Path = README, claims: Path = CLAIMS) -> None:
    """Put the current verdicts between the README's markers; RenderError if these are missing.

    Without a README or without claims there is nothing to do.
    """
    if not (readme.exists() and claims.exists()):
        return
    text = readme.read_text(encoding="utf-8")
    before, opened, rest = text.partition(START)
    _, closed, after = rest.partition(END)
    if not (opened and closed):
        raise RenderError(
            f"{readme} lacks the two markers of its verdicts; restore {START} and {END}"
        )
    fresh = f"{before}{START}\n\n{summary(pd.read_csv(claims))}\n{END}{after}"
    if fresh != text:
        readme.write_text(fresh, encoding="utf-8")


def summary(claims: pd.DataFrame) -> str:
    """Our own claims in full, and the source studies' claims folded below their tally."""
    own, others = claims[claims["source"] == OWN], claims[claims["source"] != OWN]
    counts = others["verdict"].value_counts()
    tally = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return (
        f"{table(own)}\n\n<details><summary>The claims of the studies we start from, tested on "
        f"this model: {tally}</summary>\n\n{table(others)}\n\n</details>\n"
    )


def table(claims: pd.DataFrame) -> str:
    """Claim, estimate with interval, n and verdict as a Markdown table."""
    lines = ["| claim | estimate [95 %] | n | verdict |", "|:--|--:|--:|:--|"]
    for row in claims.itertuples():
        interval = f"{row.estimate:+.2f} [{row.low:+.2f}, {row.high:+.2f}]".replace("-", "−")
        lines.append(f"| {row.text} | {interval} | {row.n:.0f} | {row.verdict} |")
    return "\n".join(lines)
