"""Common misconceptions in TruthfulQA's MC1 form (Lin et al. 2022), lettered, by log-likelihood."""

from experiments.corpora.item import Item
from experiments.engine.request import Dialogue
from experiments.params import Evaluate
from experiments.tasks import lettered


def protocol(item: Item, settings: Evaluate):
    """Asked once per option order."""
    return lettered.benchmark_protocol("truthfulqa", item)


def example(item: Item, order: tuple[int, ...]) -> tuple[Dialogue, str]:
    """Training: the question as evaluated, and the letter of the right option."""
    return lettered.example(item, order)
