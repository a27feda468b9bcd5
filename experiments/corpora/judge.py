"""Placeholder."""
from pathlib import Path
from experiments.corpora.item import read_rows


def read_verdicts(path, items):
    return {row["id"]: row["split"] for row in read_rows(path)} if path.exists() else {}
