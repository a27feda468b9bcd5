"""Result tables made up by tests: those columns of the schema that a test leaves out are empty."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments import tables


def write(results: Path, name: str, rows: list[dict] | pd.DataFrame) -> None:
    """A table below `results`, whole as its schema has it."""
    path = results / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [column.name for column in tables.TABLES[name].columns]
    pd.DataFrame(rows).reindex(columns=columns).to_csv(path, index=False)
