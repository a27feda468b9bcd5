"""The base model's own answers to the training prompts: what a control with `labels: own` learns.

Training on them teaches the form of an answer, and that this form is wanted, but no content that
the base model lacks. Each prompt is put to the untuned base as evaluation would put it. Where the
row offers choices, the one with the highest log-likelihood per character takes the place of the
gold completion: letters are of one length, and endings compare as in HellaSwag. A worked solution
has no alternatives; there the base's greedy reply is taken, right or wrong.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from experiments import processes
from experiments.engine.request import Choose, Generate, Message, Protocol
from experiments.errors import DataError
from experiments.models import memory
from experiments.params import Params
from experiments.tasks.gsm8k import final_number

Rows = dict[str, list[dict]]  # by "train" and "validation"
WRITTEN = "gsm8k"  # whose answers are written, not chosen


def with_own_answers(rows: Rows, model_folder: Path, parameters: Params) -> Rows:
    """The rows with the base's own answer as `completion`; `gold` keeps what it was.

    A written answer that did not come to its end is marked `cut_off`. DataError for a row that
    lacks its `choices`; ModelError or OutcomeError if the base cannot be asked.
    """
    asked = [row for part in rows.values() for row in part]
    for row in asked:
        choices = row.get("choices")
        offered = isinstance(choices, list) and row["completion"] in choices
        if not offered and not is_written(row):
            raise DataError(
                f"the row {row['id']} lists no choices with its answer among them, which labels: "
                "own needs; run `python -m experiments.prepare` again"
            )
    answers = iter(own_answers(asked, model_folder, parameters))
    return {
        part: [row | next(answers) | {"gold": row["completion"]} for row in listed]
        for part, listed in rows.items()
    }


def own_answers(rows: list[dict], model_folder: Path, parameters: Params) -> list[dict]:
    """What takes the place of each row's completion. The model is loaded for this and let go."""
    memory.require_evaluation(model_folder, parameters)
    # imported here: bad parameters and rows are reported before torch is loaded
    import torch

    from experiments.engine.asking.pool import run
    from experiments.engine.model import load_asked

    settings = parameters.evaluate
    # training goes on with as many threads as it had
    engine = replace(settings.engine, threads=torch.get_num_threads())
    language_model = load_asked(
        model_folder, settings, device=processes.device(), date=parameters.model.date
    )
    protocols = [(row["id"], answered(row, settings.gsm8k_max_tokens)) for row in rows]
    (group,) = run([protocols], language_model, engine, "own answers")
    return [answer for (answer,) in group]


def answered(row: dict, max_tokens: int) -> Protocol:
    """The likeliest of a row's choices, the first of equals, or a reply of at most `max_tokens`."""
    prompt = tuple(Message(turn["role"], turn["content"]) for turn in row["messages"])
    if is_written(row):
        (reply,) = yield (Generate(prompt, max_tokens),)
        return [{"completion": reply.text, "cut_off": reply.finish != "end"}]
    choices = row["choices"]
    (reply,) = yield (Choose(prompt, tuple(choices)),)
    scores = [
        score / len(choice) for score, choice in zip(reply.log_likelihoods, choices, strict=True)
    ]
    return [{"completion": choices[scores.index(max(scores))]}]


def is_written(row: dict) -> bool:
    return row.get("benchmark") == WRITTEN


def gold_share(rows: list[dict]) -> float:
    """The share of answered rows whose own answer is right: the gold one, or its final number."""
    return sum(map(is_right, rows)) / len(rows)


def is_right(row: dict) -> bool:
    if not is_written(row):
        return row["completion"] == row["gold"]
    finish = "length" if row["cut_off"] else "end"
    return final_number(row["completion"], finish) == final_number(row["gold"], "end")
