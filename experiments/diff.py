"""Show every number of the paper that differs between two revisions, as Markdown.

    python -m experiments.diff                      working tree against the last commit
    python -m experiments.diff main                 working tree against where it left main
    python -m experiments.diff main --head feature  a branch against where it left main
    python -m experiments.diff v1..v2               two revisions as they are
    python -m experiments.diff HEAD --head robed-knit   an experiment of `dvc exp run`

Claims whose verdict changed come first, then printed numbers with the interval of the change, then
replies item by item where both sides' outcomes are in DVC's cache, parameters, data and model
hashes, and result tables. Reads git and the cache; changes nothing. A second, or about ten where
outcomes are compared; no GPU.

Exit status 1 if a verdict changed, or a printed number by more than `diff.tolerance`; numbers that
only one side prints do not count. With --report-only it is 0 all the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from experiments import params
from experiments.errors import run_stage
from experiments.revisions.comparison import compare
from experiments.revisions.markdown import markdown
from experiments.revisions.revisions import snapshots


def main() -> None:
    """Compare the revisions named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", nargs="?", default="HEAD", metavar="BASE", help="default: HEAD")
    parser.add_argument("--head", metavar="REV", help="default: the working tree")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there instead")
    parser.add_argument("--report-only", action="store_true", help="exit with 0 if numbers changed")
    arguments = parser.parse_args()
    parameters = params.load()
    old, new = snapshots(Path.cwd(), arguments.base, arguments.head)
    confidence = parameters.analyze.confidence
    tolerance = parameters.diff.tolerance
    comparison = compare(old, new, confidence=confidence)
    report = markdown(
        comparison,
        tolerance=tolerance,
        confidence=confidence,
        measures=parameters.analysis.continuous,
    )
    if arguments.output:
        arguments.output.write_text(report, encoding="utf-8")
    else:
        print(report, end="")
    if comparison.exceeds(tolerance) and not arguments.report_only:
        sys.exit(1)


if __name__ == "__main__":
    run_stage(main)
