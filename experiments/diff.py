"""Show every number of the paper that differs between two revisions, as Markdown.

    python -m experiments.diff                      working tree against the last commit
    python -m experiments.diff main                 working tree against where it left main
    python -m experiments.diff main --head feature  a branch against where it left main
    python -m experiments.diff v1..v2               two revisions as they are
    python -m experiments.diff HEAD --head robed-knit   an experiment of `dvc exp run`

Claims whose verdict changed come first, then charts of the primary effects that changed, printed
numbers with the interval of the change, replies item by item, parameters, data and model hashes,
and result tables. Reads git; changes nothing. A second, or about ten where replies changed; no GPU.

Exit status 1 if a verdict changed, or a printed number by more than `diff.tolerance`; numbers that
only one side prints do not count. With --report-only it is 0 all the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from experiments import params
from experiments.errors import run_stage
from experiments.files import write_text
from experiments.revisions.comparison import compare
from experiments.revisions.report import write_report
from experiments.revisions.snapshot import take_snapshots

PLAIN = str.maketrans({"→": "->", "…": "...", **dict(zip("−–●├─┤│┼", "--o[-]|+", strict=True))})


def main() -> None:
    """Compare the revisions named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", nargs="?", default="HEAD", metavar="BASE", help="default: HEAD")
    parser.add_argument("--head", metavar="REV", help="default: the working tree")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there instead")
    parser.add_argument("--report-only", action="store_true", help="exit with 0 if numbers changed")
    arguments = parser.parse_args()
    parameters = params.load()
    old, new = take_snapshots(Path.cwd(), arguments.base, arguments.head)
    confidence = parameters.analyze.confidence
    tolerance = parameters.diff.tolerance
    comparison = compare(old, new, controls=parameters.controls, confidence=confidence)
    report = write_report(
        comparison,
        tolerance=tolerance,
        confidence=confidence,
        primary=parameters.analysis.primary,
        measures=parameters.analysis.continuous,
    )
    if arguments.output:
        write_text(arguments.output, report)
    else:
        print(for_encoding(report, sys.stdout.encoding), end="")
    if comparison.exceeds(tolerance) and not arguments.report_only:
        sys.exit(1)


def for_encoding(text: str, encoding: str | None) -> str:
    """The text as it is, or in plainer signs where an output cannot show it."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text


if __name__ == "__main__":
    run_stage(main)
