"""Items in the form of every pool, told apart by number; a test says only what it cares about."""

from __future__ import annotations

from experiments.corpora.item import Item
from experiments.prepare.framing import rotations, wordings
from experiments.tasks.frames import FRAMES


def item(benchmark: str, number: int, defaults: dict, given: dict) -> Item:
    """An item whose id and cluster are its benchmark and number, unless `given` says otherwise."""
    name = f"{benchmark}/{number}"
    return Item(**({"id": name, "cluster": name, "benchmark": benchmark} | defaults | given))


def problem(number: int, **given: object) -> Item:
    """Arithmetic with its solution, and the next one's."""
    own, other = (f"{n}+1={n + 1}\n#### {n + 1}" for n in (number, number + 1))
    texts = {"question": f"What is {number}+1?", "solution": own, "distraction": other}
    return item("gsm8k", number, texts, given)


def question(number: int, **given: object) -> Item:
    """A question with four options, asked in every rotation and frame; the right one anywhere."""
    made = item(
        "mmlu",
        number,
        {
            "question": f"Question {number}?",
            "options": tuple(f"option {number} {letter}" for letter in "wxyz"),
            "gold": number * 7 // 3 % 4,
            "frames": wordings(number, 4, FRAMES),
        },
        given,
    )
    return made if "orders" in given else Item(**vars(made) | {"orders": rotations(made, 9)})


def passage(number: int, **given: object) -> Item:
    """A passage with two endings, the right one in turn."""
    texts = {"question": f"He {number}", "options": ("runs.", "sits."), "gold": number % 2}
    return item("hellaswag", number, texts, given)


def misconception(number: int, **given: object) -> Item:
    """A question with its suggestion, the right answer first; asked in two frames."""
    texts = {
        "question": f"Why {number}?",
        "options": (f"Right {number}.", f"Wrong {number}.", "Other.", "Another."),
        "suggestion": f"Wrong {number}.",
        "frames": wordings(number, 2, FRAMES),
    }
    return item("truthfulqa", number, texts, given)


def argument(number: int, **given: object) -> Item:
    """Two to a topic, the second flawed; asked in both letterings."""
    texts = {
        "cluster": f"arguments/{number // 2}",
        "question": f"Because of {number}, so.",
        "options": ("sound", "flawed"),
        "gold": number % 2,
        "orders": ((0, 1), (1, 0)),
        "frames": wordings(number // 2, 2, FRAMES),
    }
    return item("arguments", number, texts, given)


def opinion(number: int, **given: object) -> Item:
    """A paired choice; the source puts the author's option at A in every third."""
    texts = {
        "question": f"I am person {number}. Do you agree?",
        "options": (f"Other {number}", f"Mine {number}"),
        "orders": ((0, 1), (1, 0)) if number % 3 else ((1, 0), (0, 1)),
        "split": "hard" if number % 2 else "easy",
    }
    return item("paired_choice", number, texts, given)


BUILDERS = {
    "gsm8k": problem,
    "mmlu": question,
    "hellaswag": passage,
    "truthfulqa": question,
    "answer": misconception,
    "are_you_sure": question,
    "feedback": argument,
    "paired_choice": opinion,
}


def of_task(task: str, count: int) -> list[Item]:
    """The first `count` items of a test."""
    return [BUILDERS[task](number) for number in range(count)]


def of_every_task(count: int) -> dict[str, list[Item]]:
    """The first `count` items of every test."""
    return {task: of_task(task, count) for task in BUILDERS}
