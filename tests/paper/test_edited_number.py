"""One edited number of the real paper: exactly the sentences that print it change and are named."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experiments.render import PRINTED_NUMBERS, collect_printed
from experiments.rendering.document import load_document, load_project
from experiments.rendering.notebook import execute, to_markdown
from experiments.revisions.printed import parsed_key
from tests.working_copy import copy_parameters, copy_working_tree, git

DOCUMENT = Path("paper/technical-findings.qmd")


def sentences(root: Path) -> list[str]:
    """The document with its cells run: one text per sentence of prose and per cell of a table."""
    project = load_project(root)
    executed = execute(root, load_document(root, DOCUMENT, project), project["profile"])
    markdown, _ = to_markdown(executed, "gfm")
    collect_printed(root, [DOCUMENT])
    paragraphs = re.split(r"\n\s*\n", re.sub(r"\\([\[\]])", r"\1", markdown))
    parts = [part for text in paragraphs for part in re.split(r"(?<=[.:;])\s+|\s*\|\s*|\n", text)]
    return [part for part in parts if part]


def printed(root: Path) -> list[tuple[str, str]]:
    """Key and text of every number that the document printed, in its order."""
    with (root / PRINTED_NUMBERS).open(newline="", encoding="utf-8") as file:
        return [(row["key"], row["printed"]) for row in csv.DictReader(file)]


def a_contrast(root: Path) -> dict[str, str]:
    """The keys of a contrast that the document prints by itself."""
    for key, _ in printed(root):
        table, where, _ = parsed_key(key) or ("", {}, "")
        if table == "contrasts" and {"model", "task", "measure", "against"} <= where.keys():
            return where
    pytest.fail(f"{DOCUMENT} prints no contrast by its key")


def test_exactly_the_sentences_that_print_an_edited_number_change(tmp_path) -> None:
    root = copy_working_tree(tmp_path / "paper")
    copy_parameters(root)
    (root / ".printed").mkdir(exist_ok=True)
    before, numbers_before = sentences(root), printed(root)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=before")

    where = a_contrast(root)
    table = pd.read_csv(root / "results/contrasts.csv", dtype=str)
    row = (table[list(where)] == pd.Series(where)).all(axis=1)
    assert row.sum() == 1
    # Within its interval, so that no verdict and no count has to follow.
    table.loc[row, "estimate"] = (
        table.loc[row, "estimate"].astype(float).add(0.011).map("{:.4f}".format)
    )
    table.to_csv(root / "results/contrasts.csv", index=False, lineterminator="\n")
    after, numbers_after = sentences(root), printed(root)

    assert len(before) == len(after) and len(numbers_before) == len(numbers_after)
    different = [new for old, new in zip(before, after, strict=True) if old != new]
    # The note under the numbers says that the table is not what its stage wrote.
    changed = [sentence for sentence in different if "(changed since)" not in sentence]
    edited = [new for old, new in zip(numbers_before, numbers_after, strict=True) if old != new]
    assert edited
    assert all(any(text in sentence for _, text in edited) for sentence in changed)
    assert all(any(text in sentence for sentence in changed) for _, text in edited)

    done = subprocess.run(
        [sys.executable, "-m", "experiments.diff"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    rows = done.stdout.split("### Printed numbers\n\n")[1].split("\n\n")[0].splitlines()[2:]
    named = {line.split("`")[1] for line in rows}
    assert named == {key for key, _ in edited}
    assert all(line.endswith(f"| {DOCUMENT.stem} |") for line in rows)
