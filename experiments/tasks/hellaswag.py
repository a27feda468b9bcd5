"""HellaSwag (Zellers et al. 2019): which ending continues the passage, by log-likelihood.

An ending's log-likelihood is divided by its length in characters, as lm-evaluation-harness does for
acc_norm, so that long endings are not at a disadvantage.
"""

from experiments.corpora.item import Item
from experiments.engine.request import Choose, Dialogue, Message
from experiments.params import Evaluate
from experiments.tasks.outcome import best, mass, outcome


def ask(item: Item) -> Dialogue:
    """The passage and the request for its continuation."""
    return (Message("user", f"{item.question}\nContinue with the most plausible next words only."),)


def protocol(item: Item, settings: Evaluate):
    """Every ending is scored on its own; no letters, hence no option orders."""
    (reply,) = yield (Choose(ask(item), item.options),)
    scores = [
        score / len(option)
        for score, option in zip(reply.log_likelihoods, item.options, strict=True)
    ]
    return [
        outcome(
            item,
            "hellaswag",
            "neutral",
            0,
            log_likelihoods=scores,
            mass=mass(reply),
            choice=best(scores),
            gold=item.gold,
        )
    ]


def example(item: Item, order: tuple[int, ...]) -> tuple[Dialogue, str]:
    """Training: the passage as evaluated, and the right ending."""
    return ask(item), item.options[item.gold]
