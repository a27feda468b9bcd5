r"""GSM8K as published: the final answer is asked for inside \boxed{}, and read by four rules."""

import re

from experiments.corpora.item import Item
from experiments.engine.request import Dialogue, Generate, Message
from experiments.params import Evaluate
from experiments.tasks import gsm8k
from experiments.tasks.number import NUMBER, value, with_plain_signs
from experiments.tasks.outcome import outcome

SYSTEM = r"Solve the problem step by step and put your final answer inside \boxed{}."
RULES = (
    rf"\\boxed\{{[^}}\n]*?({NUMBER})",
    rf"(?:answer|result)[^\d\n]*?({NUMBER})",
    rf"({NUMBER})\s+is\s+the\s+(?:\w+\s+)?answer",
)


def ask(item: Item) -> Dialogue:
    """The instruction as system turn, the problem as user turn."""
    return (Message("system", SYSTEM), Message("user", item.question))


def final_number(text: str) -> float | None:
    """What the first rule that finds something finds first; else the last number of the text.

    A reply that was cut off is read like any other.
    """
    text = with_plain_signs(text)
    for rule in RULES:
        if found := re.search(rule, text, re.IGNORECASE):
            return value(found[1])
    anywhere = re.findall(NUMBER, text)
    return value(anywhere[-1]) if anywhere else None


def protocol(item: Item, settings: Evaluate):
    """One greedy reply."""
    (reply,) = yield (Generate(ask(item), settings.published.gsm8k_max_tokens),)
    answer = final_number(reply.text)
    return [
        outcome(
            item,
            "gsm8k",
            "neutral",
            0,
            text=reply.text,
            finish=reply.finish,
            parsed=answer is not None,
            right=answer == gsm8k.final_number(item.solution, "end"),
        )
    ]


def example(item: Item, order: tuple[int, ...]) -> tuple[Dialogue, str]:
    """Training on the plain text of problem and solution."""
    return (), f"Question: {item.question}\nAnswer: {item.solution}"
