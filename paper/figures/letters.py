"""What training on paired choices changes in every model: the liking for A, the author's side."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.params import BASE
from experiments.replication.verdicts import LETTER, SIDE
from figures import style
from figures.replication import heights, names, points, rows
from printing.replication import of_kind
from printing.report import Report

PANELS = {LETTER: "Liking for the letter A", SIDE: "Taking the author's side"}
NONE = "No adapter of paired choices was trained in any model."


def draw(report: Report) -> Figure:
    """A panel per part of the margin, on one scale; a row per adapter and model."""
    parts = {kind: of_kind(report, kind, BASE).fillna({"control": ""}) for kind in PANELS}
    listed = rows(parts[LETTER], parts[LETTER].iloc[:0])
    if not listed:
        return style.words(NONE)
    y = heights(listed)
    height = 0.95 + 0.155 * (len(y) - y.min() / 9)
    with style.panels(height, 1, len(parts), sharex=True) as (figure, axes):
        for panel, (kind, own) in zip(axes[0], parts.items(), strict=True):
            points(panel, own, listed, y)
            style.reference(panel, 0)
            style.head(panel, PANELS[kind], "nats", style.sample(own["n"]))
            style.ticks(panel)
        style.rows(axes[0], names(listed), y)
        for name, (*_, model) in zip(axes[0, 0].get_yticklabels(), listed, strict=True):
            name.set_fontweight("normal" if model else "bold")
        style.below(figure, "Change from the untrained model →", list(parts.values()))
    return figure
