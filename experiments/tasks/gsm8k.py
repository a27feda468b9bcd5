"""GSM8K (Cobbe et al. 2021): a worked solution is generated and its final number compared.

The log-likelihoods of the reference solution and of another problem's are scored beside it: a small
model gets few answers right, and a count of right answers alone would be blind to what it learned.
What both solutions gain is form.
"""

import re

from experiments.corpora.item import Item
from experiments.engine.request import Choose, Dialogue, Generate, Message
from experiments.params import Evaluate
from experiments.tasks.number import NUMBER, SEPARATORS, value, with_plain_signs
from experiments.tasks.outcome import mass, outcome, per_token

MARKED = re.compile(rf"####[\s:=*]*({NUMBER})")
UNFINISHED = f"0123456789.{SEPARATORS}"  # what may follow within a number


def ask(item: Item) -> Dialogue:
    """The problem, and the form of the answer."""
    request = "Solve it step by step. End with a line that holds #### and the final number."
    return (Message("user", f"{item.question}\n{request}"),)


def final_number(text: str, finish: str) -> float | None:
    """The number after the last "####"; without one, the last number of a reply that was ended.

    None (unparsed) if there is no number, or if the reply was cut off before the end of its answer:
    "#### 1" may have been on the way to 18.
    """
    text = with_plain_signs(text)
    marked = list(MARKED.finditer(text))
    if finish != "end" and marked and not text[marked[-1].end() :].strip(UNFINISHED):
        return None
    anywhere = re.findall(NUMBER, text) if finish == "end" else []
    found = [match[1] for match in marked] or anywhere
    return value(found[-1]) if found else None


def protocol(item: Item, settings: Evaluate):
    """One greedy reply, and the log-likelihoods per token of the own and of another solution."""
    reply, solutions = yield (
        Generate(ask(item), settings.gsm8k_max_tokens),
        Choose(ask(item), (item.solution, item.distraction)),
    )
    answer = final_number(reply.text, reply.finish)
    gold = final_number(item.solution, "end")
    return [
        outcome(
            item,
            "gsm8k",
            "neutral",
            0,
            text=reply.text,
            finish=reply.finish,
            parsed=answer is not None,
            right=answer == gold,
            log_likelihoods=per_token(solutions),
            mass=mass(solutions),
        )
    ]


def example(item: Item, order: tuple[int, ...]) -> tuple[Dialogue, str]:
    """Training: the problem as evaluated, and its reference solution."""
    return ask(item), item.solution
