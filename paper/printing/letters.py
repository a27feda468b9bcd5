"""Paired choices in several models: the liking for a letter, and the taking of a side."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from experiments.claims import NOTHING
from experiments.params import BASE, PAIRED_CHOICE
from experiments.replication.verdicts import ABOVE, BELOW, LETTER, SIDE
from experiments.stats.contrasts import OK
from figures.style import ordered
from printing.labels import short
from printing.replication import effect, of_kind
from printing.replication_tables import cell, table_of_texts
from printing.report import MISSING, Report, show
from printing.sentences import capital, label, listed

PARTS = {LETTER: "the liking for A", SIDE: "the taking of the author's side"}
NONE_TRAINED = "No adapter of paired choices was trained in any model."


def parts_table(report: Report) -> str:
    """A row per model and adapter, a column per part: the base model's level, then changes."""
    lines = []
    for model in _models(report):
        for name, against in [(BASE, NOTHING), *((one, BASE) for one in _adapters(report, model))]:
            rows = [effect(report, kind, against, model, name, PAIRED_CHOICE) for kind in PARTS]
            cells = [MISSING if row is None else cell(report, row, 2) for row in rows]
            sizes = {show(row["n"]) for row in rows if row is not None}
            said = "untrained" if name == BASE else f"change by {label(name)}"
            lines.append([f"{short(model)}: {said}", *cells, " to ".join(sorted(sizes))])
    heads = ["Model", *(f"{capital(said[4:])} (nats)" for said in PARTS.values()), "n"]
    return table_of_texts(report, heads, lines)


def letter_or_side(report: Report) -> str:
    """What training on paired choices changed in every model, as whole sentences."""
    sentences = []
    for model in _models(report):
        changes = {kind: _judged(report, kind, model) for kind in PARTS}
        if changes[LETTER].empty:
            sentences.append(f"In `{short(model)}` the adapters were trained once: no verdict.")
            continue
        found = "; ".join(f"{PARTS[kind]} {_moved(own)}" for kind, own in changes.items())
        sentences.append(f"In `{short(model)}`, {found}.")
    if not sentences:
        return NONE_TRAINED
    return report.phrase("replication[letter, side]", " ".join(sentences))


def _moved(own: pd.DataFrame) -> str:
    """Which adapters raised and lowered a part, told from zero, as a predicate."""
    sides = {"rose": ABOVE, "fell": BELOW}
    moved = [
        f"{verb} with {listed(f'*{label(name)}*' for name in names)}"
        for verb, side in sides.items()
        if len(names := ordered(own.loc[own["said"] == side, "adapter"]))
    ]
    return listed(moved, none=f"is not shown to have changed with any of the {len(own)} adapters")


def _judged(report: Report, kind: str, model: str) -> pd.DataFrame:
    """The changes of one part in one model by adapters of several training runs."""
    table = of_kind(report, kind, BASE)
    return table[(table["model"] == model) & (table["status"] == OK)]


def _models(report: Report) -> Iterable[str]:
    """The models with adapters of paired choices, small ones first."""
    return dict.fromkeys(of_kind(report, LETTER, BASE)["model"])


def _adapters(report: Report, model: str) -> list[str]:
    table = of_kind(report, LETTER, BASE)
    return ordered(table.loc[table["model"] == model, "adapter"])
