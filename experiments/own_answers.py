"""The base model's own answers to the training prompts: what a control with `labels: own` learns.

Training on them teaches the form of an answer, and that this form is wanted, but no content that
the base model lacks. Each prompt is put to the untuned base as evaluation would put it, and the
offered completion with the highest log-likelihood per character takes the place of the gold one:
letters are of one length, and endings compare as in HellaSwag.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from experiments import processes
from experiments.engine.request import Choose, Message, Protocol
from experiments.errors import DataError
from experiments.models import memory
from experiments.params import Params

Rows = dict[str, list[dict]]  # by "train" and "validation"


def with_own_answers(rows: Rows, model_folder: Path, parameters: Params) -> Rows:
    """The rows with the base's own answer as `completion`; `gold` keeps what it was.

    DataError for a row without `choices`; ModelError or OutcomeError if the base cannot be asked.
    """
    asked = [row for part in rows.values() for row in part]
    for row in asked:
        choices = row.get("choices")
        if not isinstance(choices, list) or row["completion"] not in choices:
            raise DataError(
                f"the row {row['id']} lists no choices with its answer among them, which labels: "
                "own needs; run `python -m experiments.prepare` again"
            )
    answers = iter(own_answers(asked, model_folder, parameters))
    return {
        part: [row | {"completion": next(answers), "gold": row["completion"]} for row in listed]
        for part, listed in rows.items()
    }


def own_answers(rows: list[dict], model_folder: Path, parameters: Params) -> list[str]:
    """The most likely of every row's choices. The model is loaded for this and let go."""
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
    protocols = [(row["id"], answered(row)) for row in rows]
    (group,) = run([protocols], language_model, engine, "own answers")
    return [one["answer"] for (one,) in group]


def answered(row: dict) -> Protocol:
    """Ask for every choice of a row; its answer is the likeliest, the first of equals."""
    prompt = tuple(Message(turn["role"], turn["content"]) for turn in row["messages"])
    choices = row["choices"]
    (reply,) = yield (Choose(prompt, tuple(choices)),)
    scores = [
        score / len(choice) for score, choice in zip(reply.log_likelihoods, choices, strict=True)
    ]
    return [{"answer": choices[scores.index(max(scores))]}]


def gold_share(rows: list[dict]) -> float:
    """The share of answered rows whose own answer is the gold one."""
    return sum(row["completion"] == row["gold"] for row in rows) / len(rows)
