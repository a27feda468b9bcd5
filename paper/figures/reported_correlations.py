"""The source study's correlations, and how much single models carry of each."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import style
from printing.labels import TASKS
from printing.report import Report, show


def draw(report: Report) -> Figure:
    """A row per benchmark and test: as published, without any one model, and adapters alone."""
    cells = report.frame("audit/correlations")
    six, five = (cells[cells["rows"] == rows] for rows in ("six models", "five adapters"))
    y = -six.reset_index().index.to_numpy()
    with style.panels(3.6) as (figure, axes):
        panel = axes[0, 0]
        ends = six["leave_one_out_low"], six["leave_one_out_high"]
        panel.hlines(y, *ends, color="#b5b5b5", lw=4)
        look = {"linestyle": "none", "markersize": 5, "color": style.INK}
        panel.plot(six["pearson"], y, "o", label="six models, as published", **look)
        panel.plot(five["pearson"], y, "D", mfc="white", label="five adapters only", **look)
        style.reference(panel, 0)
        names = zip(six["benchmark"], six["test"], strict=True)
        panel.set_yticks(y, [f"{TASKS[benchmark]} × {TASKS[test]}" for benchmark, test in names])
        place = {"xycoords": panel.get_yaxis_transform(), "va": "center"}
        for p, height in zip(six["p"], y, strict=True):
            style.beside(panel, f"p = {show(p, '.2f')}", (1, height), (6, 0), **place)
        panel.set(xlim=(-1.02, 1.02), xlabel="Pearson's r")
        style.ticks(panel, 8)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
