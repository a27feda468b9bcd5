"""What the controls of a run learned, in words."""

from __future__ import annotations

from collections.abc import Iterable

from experiments.params import Params
from printing.report import MISSING
from printing.sentences import label, listed

# What a control's prompts come with, by its labels, and what a comparison with it leaves open.
LABELS = {
    "gold": ("the right answer", "A control with the right answers shares their content."),
    "shuffled": (
        "the answer to another",
        "A control with shuffled answers may also teach a model to heed its prompt less; what an "
        "adapter has beyond it is then more than what content alone taught.",
    ),
    "own": (
        "the base model's own answer",
        "A control with the base model's own answers keeps that model's liking for a letter and "
        "can make it surer; what an adapter has beyond it can be the loss of that liking, or the "
        "control's gain in sureness.",
    ),
}


def labels_learned(parameters: Params, of: Iterable[str] | None = None) -> list[str]:
    """The labels that controls are trained on: of all adapters that have one, or of some."""
    chosen = parameters.controls if of is None else set(of) & set(parameters.controls)
    used = {parameters.adapters[parameters.controls[name]].labels for name in chosen}
    return [labels for labels in LABELS if labels in used]


def taught(parameters: Params, of: Iterable[str] | None = None) -> str:
    """What the prompts of controls come with: "the answer to another", or what their labels say."""
    return " or ".join(LABELS[one][0] for one in labels_learned(parameters, of)) or MISSING


def limits(parameters: Params) -> str:
    """What comparisons with the controls of this run leave open, a sentence for each kind."""
    return " ".join(LABELS[one][1] for one in labels_learned(parameters))


def with_own_answers(parameters: Params) -> str:
    """Which adapters have a control that learned the base model's own answers, as a predicate."""
    held = [
        label(name)
        for name, control in parameters.controls.items()
        if parameters.adapters[control].labels == "own"
    ]
    return f"is that of {listed(held)} in this run" if held else "is not used in this run"


def beside(names: Iterable[str], parameters: Params) -> list[str]:
    """The names with each control after its adapter; what has none keeps its place among them."""
    held, controls = list(names), parameters.controls
    leading = [name for name in held if name not in controls.values()]
    pairs = [one for name in leading for one in (name, controls.get(name)) if one in held]
    return list(dict.fromkeys([*pairs, *held]))
