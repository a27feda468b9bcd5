"""What training on paired choices changes in every model: the liking for A, the author's side."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.params import BASE
from experiments.replication.verdicts import LETTER, SIDE
from figures import style
from figures.replication import heights, name_rows, points, rows, tall
from printing.letters import NONE_TRAINED
from printing.replication import of_kind
from printing.report import Report

PANELS = {LETTER: "Liking for the letter A", SIDE: "Taking the author's side"}


def draw(report: Report) -> Figure:
    """A panel per part of the margin, on one scale; a row per adapter and model."""
    parts = {kind: of_kind(report, kind, BASE).fillna({"control": ""}) for kind in PANELS}
    listed = rows(parts[LETTER], parts[LETTER].iloc[:0])
    if not listed:
        return style.words(NONE_TRAINED)
    y = heights(listed)
    with style.panels(tall(y), 1, len(parts), sharex=True) as (figure, axes):
        for panel, (kind, own) in zip(axes[0], parts.items(), strict=True):
            points(panel, own, listed, y)
            style.reference(panel, 0)
            style.head(panel, PANELS[kind], "nats", style.sample(own["n"]))
            style.ticks(panel)
        name_rows(axes[0], listed, y)
        style.below(figure, "Change from the untrained model →", list(parts.values()))
    return figure
