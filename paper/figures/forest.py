"""What each adapter changes beyond its control: sycophancy, and its harm and benefit apart."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.stats.contrasts import CONTROL
from figures import style
from figures.outcomes import HALVES, outcomes
from printing.labels import MEASURES, TASKS
from printing.report import Report


def draw(report: Report) -> Figure:
    """A row of panels per test, which share their scale."""
    table = report.frame("contrasts")
    tests = outcomes(report, "primary")
    lines = [
        [
            style.Panel(style.cells(table, task, one, against=CONTROL), [narrow(MEASURES[one])])
            for one in (measure, *HALVES)
        ]
        for task, measure in tests
    ]
    with style.grid(lines, room=0.72, row=0.16, least=1.6, sharex="row") as (figure, axes, _):
        figure.get_layout_engine().set(hspace=0.05)
        for line, panels, (task, _measure) in zip(axes, lines, tests, strict=True):
            unit = panels[0].table["unit"].dropna()
            said = f"\n({unit.iloc[0]})" if len(unit) else ""
            line[0].set_ylabel(f"{TASKS[task]}{said}", fontweight="bold")
        drawn = [panel.table for panels in lines for panel in panels]
        style.below(figure, "Towards the user, beyond the control →", drawn)
    return figure


def narrow(said: str) -> str:
    """A measure's words in a panel of a third of the figure, beside long names of adapters."""
    return said.replace("towards", "to")
