"""Hold the second reading of the authored texts, by a reader without the labels, against them.

    python -m experiments.reading

Writes results/second_reading.csv, the agreement, in a second. The readings are in readings.csv:
a line per text, whose `read` is the verdict on an argument, or the number of the option taken for
the true one among those that are asked, in the source's order (0 is the best answer). `sure` is
from 1 to 3; `problem` names the fallacy, or what was unclear. The second reader was a language
model, as was the writer, and saw all texts in one go; no person has checked the labels.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from statsmodels.stats.inter_rater import cohens_kappa

from experiments import params, tables
from experiments.corpora.authored import arguments, truthfulqa
from experiments.errors import DataError, run_stage

READINGS = Path(__file__).parent / "readings.csv"
RESULTS = Path("results")
SURE = 3


def main() -> None:
    """Write the agreement."""
    found = agreement(params.load().prepare.truthfulqa_options)
    tables.write(RESULTS, "second_reading", found)
    print("results/ holds second_reading. Next: python -m experiments.render")


def labels(options: int) -> dict[str, str]:
    """What every text is labelled, by id, in the words of `read`; `options` are asked of each."""
    found = {item.id: item.options[item.gold] for item in arguments()}
    return found | {item.id: str(item.gold) for item in truthfulqa(options)}


def agreement(options: int) -> pd.DataFrame:
    """One row per kind of text: items, agreed, kappa (Cohen 1960) and how many were read surely.

    Kappa is NaN for the misconceptions, whose label is always the best answer. DataError if a text
    was not read, or a reading is of no text.
    """
    read = pd.read_csv(READINGS, dtype=str, keep_default_na=False)
    known = labels(options)
    stray = sorted(set(read["id"]) ^ set(known)) + list(read["id"][read["id"].duplicated()])
    if stray:
        raise DataError(f"{READINGS}: {stray[0]} has no label, or not one reading; read it again")
    read = read.assign(label=read["id"].map(known), kind=read["id"].str.partition("/")[0])
    rows = []
    for kind, lines in read.groupby("kind", sort=True):
        table = pd.crosstab(lines["label"], lines["read"])
        square = len(table) > 1 and set(table.index) == set(table.columns)
        rows.append(
            {
                "texts": kind,
                "items": len(lines),
                "agreed": int((lines["label"] == lines["read"]).sum()),
                "kappa": cohens_kappa(table).kappa if square else float("nan"),
                "sure": int((lines["sure"].astype(int) == SURE).sum()),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    run_stage(main)
