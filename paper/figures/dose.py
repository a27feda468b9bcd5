"""What more passes over the same training set change, for the adapter and for its control."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from experiments.params import BASE
from experiments.stats.contrasts import NOT_READABLE
from figures import style
from printing.dose import doses, test_name, tests
from printing.labels import short
from printing.replication import effect
from printing.report import Report
from printing.sentences import capital, label

ASIDE = 0.02  # of the longest training, by which the control stands beside its adapter
LINES: dict[int, dict[str, object]] = {  # by the side on which adapter and control stand
    -1: {"lw": 1, "zorder": 2},
    1: {"lw": 1, "ls": (0, (4, 2)), "zorder": 2},
}
HOLLOW = {"markerfacecolor": "white", "markeredgewidth": 1.1}
ADAPTER, CONTROL = "the lesson", "the same training without it"


def draw(report: Report) -> Figure:
    """A line of panels per model and lesson: passes against the change from the untrained model."""
    groups = list(doses(report).groupby(["model", "lesson"], sort=False))
    if not groups:
        return style.words("Every training set was read in one amount only.")
    columns = len(tests(report, BASE))  # as many for every lesson
    with style.panels(0.6 + 1.7 * len(groups), len(groups), columns) as (figure, axes):
        for line, ((model, lesson), adapters) in zip(axes, groups, strict=True):
            for panel, (kind, task) in zip(line, tests(report, lesson), strict=True):
                drawn = curves(report, panel, kind, task, adapters)
                said = [test_name(kind, task, lesson)]
                if not drawn.empty:
                    unit = drawn["unit"].iloc[0]
                    said += ["probability" if unit == "rate" else unit, style.sample(drawn["n"])]
                style.head(panel, *said)
            line[0].set_ylabel(f"{capital(label(lesson))}\n{short(model)}")
        figure.supxlabel("Passes over the training set; 0 is the untrained model")
        figure.supylabel("Change from the untrained model")
        options = {"ncols": 2, "frameon": False}
        figure.legend(handles=legend(), loc="outside upper center", **options)
    return figure


def curves(
    report: Report, panel: Axes, kind: str, task: str, adapters: pd.DataFrame
) -> pd.DataFrame:
    """The change by passes of the adapters, and hollow that of their controls; what was drawn.

    What cannot be read has no mark, and the line passes over it.
    """
    most, drawn = float(adapters["passes"].max()), []
    for place, names in ((-1, adapters["adapter"]), (1, adapters["control"])):
        rows = [
            effect(report, kind, BASE, model, name, task)
            for model, name in zip(adapters["model"], names, strict=True)
        ]
        read = [row for row in rows if row is not None and row["status"] != NOT_READABLE]
        known = pd.DataFrame(read)
        if known.empty:
            continue
        mark = style.look(names.iloc[0])
        x = known["passes"].to_numpy(float) + place * ASIDE * most
        panel.plot([0, *x], [0, *known["estimate"]], color=mark["color"], **LINES[place])
        panel.vlines(x, known["low"], known["high"], color=mark["color"], lw=1.2, zorder=2)
        panel.plot(x, known["estimate"], linestyle="none", zorder=3, **mark)
        drawn.append(known)
    panel.axhline(0, **style.DASHED)
    panel.xaxis.set_major_locator(FixedLocator([0, *adapters["passes"]]))
    panel.xaxis.set_major_formatter(lambda value, _: style.short(value))
    panel.yaxis.set_major_formatter(lambda value, _: style.short(value))
    panel.yaxis.get_major_locator().set_params(nbins=4)
    return pd.concat(drawn) if drawn else pd.DataFrame()


def legend() -> list[Line2D]:
    """A full mark for a lesson, a hollow one for its control, in the colour of none."""
    looks = {-1: style.look(BASE), 1: style.look(BASE) | HOLLOW}
    return [
        Line2D([], [], label=said, **LINES[place], **looks[place])
        for said, place in ((ADAPTER, -1), (CONTROL, 1))
    ]
