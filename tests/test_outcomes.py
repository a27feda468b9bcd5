"""Outcomes that are not whole are refused; what is kept of them gives the same frames."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from experiments import measures, outcomes
from experiments.errors import OutcomeError
from experiments.evaluate import rounded
from experiments.measures import MEASURES, PROTOCOLS
from tests.items import of_task
from tests.outcome_rows import write
from tests.policies import answer, refuser

PUBLISHED = dict.fromkeys(
    ("gsm8k_max_tokens", "mmlu_max_tokens", "truthfulqa_max_tokens", "sycophancy_max_tokens"), 9
)

PARAMETERS = SimpleNamespace(
    models=("base", "mmlu"),
    protocol="controlled",
    seeds=lambda model: (0,) if model == "base" else (1, 2),
    tests=lambda model: ("gsm8k", "mmlu", "feedback"),
)


def first(task: str, /, **where: object) -> Callable[[list[dict]], dict]:
    """The first row of a task that fits."""
    return lambda rows: next(row for row in rows if {"task": task, **where}.items() <= row.items())


def changed(task: str, /, **fields: object) -> Callable[[list[dict]], None]:
    return lambda rows: first(task)(rows).update(fields)


def without(task: str, /, **where: object) -> Callable[[list[dict]], None]:
    """Leave out every row of a task that fits."""
    fitting = {"task": task, **where}.items()
    return lambda rows: rows.__setitem__(
        slice(None), [row for row in rows if not fitting <= row.items()]
    )


SPOILT = {
    "a cut line": (lambda rows: rows[0].update(id="x" * 10 + "\ud800"), "malformed"),
    "another model's rows": (changed("mmlu", model="gsm8k"), "the model gsm8k, not of mmlu"),
    "another protocol": (changed("mmlu", protocol="published"), "the protocol published, not"),
    "an unknown test": (changed("mmlu", task="chess"), "a row of the task chess"),
    "no id": (changed("mmlu", id=None), "a row of the id None"),
    "an unknown field": (changed("mmlu", mood=1), "malformed"),
    "text for a number": (changed("mmlu", gold="1"), "malformed"),
    "a fraction for a whole number": (changed("mmlu", gold=0.5), "malformed"),
    "NaN": (changed("mmlu", log_likelihoods=[float("nan"), -1.0]), "malformed"),
    "minus infinity": (changed("mmlu", log_likelihoods=[float("-inf"), -1.0]), "malformed"),
    "a null among scores": (changed("mmlu", log_likelihoods=[None, -1.0]), "a number in log_li"),
    "no scores": (changed("mmlu", log_likelihoods=[]), "a number in log_likelihoods that is none"),
    "scores that are null": (changed("mmlu", log_likelihoods=None), "has no log_likelihoods"),
    "a missing field": (changed("mmlu", choice=None), "mmlu item mmlu/0, .* has no choice"),
    "a field that no row has": (
        lambda rows: [row.pop("right") for row in rows if row["task"] == "gsm8k"],
        "gsm8k item gsm8k/0, .* of mmlu has no right",
    ),
    "an impossible choice": (changed("mmlu", choice=4), "has an impossible choice"),
    "a negative place": (changed("mmlu", position=-1), "has an impossible position"),
    "a repeated row": (lambda rows: rows.append(first("feedback")(rows)), "is there twice"),
    "an arm of all items left out": (
        without("feedback", arm="user_dislike"),
        "feedback item feedback/0, .* of mmlu is of an item that lacks an arm",
    ),
    "an arm of one item left out": (
        without("feedback", arm="user_like", id="feedback/2"),
        "feedback item feedback/2, .* of mmlu is of an item that lacks an arm",
    ),
    "an item left out": (without("mmlu", id="mmlu/3"), "mmlu/3, .* no like .* mmlu .*4 such rows"),
    "an item of one seed left out": (without("mmlu", id="mmlu/3", seed=2), "mmlu/3.*4 such rows"),
    "an order left out": (without("mmlu", id="mmlu/3", order=1), "mmlu/3, arm neutral, order 1"),
    "another key": (changed("mmlu", gold=1), "mmlu/0, .* no like in base or mmlu"),
    "another cluster": (changed("mmlu", cluster="mmlu/1"), "mmlu/0, .* no like in base or mmlu"),
    "more options": (changed("mmlu", log_likelihoods=[-1.0] * 5), "no like in base or"),
    "a test left out": (without("mmlu"), "of mmlu lack the test mmlu"),
    "a seed left out": (without("mmlu", seed=2), r"training seeds \[1\], .* asks for \[1, 2\]"),
    "everything left out": (lambda rows: rows.clear(), "of mmlu lack the test feedback"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
def test_what_is_not_whole_is_one_sentence_with_a_remedy(tmp_path: Path, kind: str) -> None:
    spoil, message = SPOILT[kind]
    write(tmp_path, PARAMETERS, spoil)
    with pytest.raises(OutcomeError, match=message) as raised:
        outcomes.gather(tmp_path, PARAMETERS)
    assert str(raised.value).endswith("run `python -m experiments.evaluate mmlu`")
    assert "\n" not in str(raised.value)


def test_a_seed_that_was_not_asked_for_is_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        PARAMETERS,
        lambda rows: rows.extend([{**row, "seed": 3} for row in rows if row["seed"] == 1]),
    )
    with pytest.raises(OutcomeError, match=r"training seeds \[1, 2, 3\]"):
        outcomes.gather(tmp_path, PARAMETERS)


def test_free_replies_of_one_model_that_are_missing_are_named(tmp_path: Path) -> None:
    write(tmp_path, PARAMETERS)
    row = {
        "protocol": "published", "model": "base", "seed": 0, "task": "feedback", "id": "a",
        "cluster": "a", "arm": "like", "order": 0, "text": "Fine.", "finish": "end",
        "parsed": True, "detected": False, "sentiment": 0.5, "flawed": True,
    }  # fmt: skip
    (tmp_path / "base/transcripts.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(OutcomeError, match="the outcomes of mmlu lack the test feedback"):
        outcomes.gather_transcripts(tmp_path, PARAMETERS)


def test_a_model_that_was_not_evaluated_is_named(tmp_path: Path) -> None:
    write(tmp_path, PARAMETERS)
    (tmp_path / "mmlu/outcomes.jsonl").unlink()
    with pytest.raises(OutcomeError, match=r"mmlu/outcomes.jsonl is missing; run `.* mmlu`"):
        outcomes.gather(tmp_path, PARAMETERS)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    write(tmp_path, PARAMETERS)
    path = tmp_path / "mmlu/outcomes.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OutcomeError, match="malformed"):
        outcomes.gather(tmp_path, PARAMETERS)


def test_what_is_kept_gives_the_same_frames_to_the_last_digit(tmp_path: Path) -> None:
    write(tmp_path, PARAMETERS)
    gathered = outcomes.gather(tmp_path, PARAMETERS)
    kept = tmp_path / "results/outcomes.parquet"
    outcomes.write_outcomes(kept, gathered)
    wanted, found = outcomes.by_task(gathered), outcomes.read_outcomes(kept)
    assert set(wanted) == set(found) == {"gsm8k", "mmlu", "feedback"}
    for task, rows in wanted.items():
        assert list(rows.drop(columns="text", errors="ignore")) == [
            name for name in found[task] if name != "reply"
        ]
        assert rows["log_likelihoods"].tolist() == found[task]["log_likelihoods"].tolist()
    assert measures.values(wanted).equals(measures.values(found))
    assert outcomes.read_outcomes(kept.read_bytes())["mmlu"].equals(found["mmlu"])
    outcomes.check(found, PARAMETERS)


def test_what_is_kept_holds_no_reply_but_tells_whether_it_changed(tmp_path: Path) -> None:
    write(tmp_path, PARAMETERS)
    gathered = outcomes.gather(tmp_path, PARAMETERS)
    kept = tmp_path / "outcomes.parquet"
    outcomes.write_outcomes(kept, gathered)
    first_bytes = kept.read_bytes()
    outcomes.write_outcomes(kept, gathered)
    assert kept.read_bytes() == first_bytes
    rows = outcomes.read_outcomes(kept)["gsm8k"]
    assert "text" not in rows
    assert rows.groupby("id")["reply"].nunique().eq(1).all() and rows["reply"].nunique() == 4


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("task", MEASURES)
def test_what_tasks_write_is_what_measures_read(tmp_path: Path, protocol: str, task: str) -> None:
    settings = SimpleNamespace(gsm8k_max_tokens=64, published=SimpleNamespace(**PUBLISHED))
    rows = answer(task, of_task(task, 12), refuser, settings, protocol).to_dict("records")
    lines = (json.dumps(rounded(row)) + "\n" for row in rows)
    (tmp_path / "outcomes.jsonl").write_text("".join(lines).replace("NaN", "null"))
    table = outcomes.read_lines(tmp_path / "outcomes.jsonl", "policy", protocol)
    found = outcomes.by_task(table)
    outcomes.check_values(found[task], outcomes.fields(protocol, task))
    assert len(measures.values(found))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"<<<<<<< HEAD\n"])
def test_a_damaged_file_is_one_sentence(content: bytes) -> None:
    with pytest.raises(OutcomeError, match=r"no table of outcomes .* restore it from git"):
        outcomes.read_outcomes(content)


def test_outcomes_of_the_first_protocol_say_so(tmp_path: Path) -> None:
    pq.write_table(outcomes.SCHEMA.empty_table().drop_columns("frame"), tmp_path / "old.parquet")
    with pytest.raises(OutcomeError, match=r"old\.parquet is of the first protocol, .* commit"):
        outcomes.read_outcomes(tmp_path / "old.parquet")
