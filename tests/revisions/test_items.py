"""Replies to the same items on both sides, from the tracked outcomes alone."""

import json
import random
import shutil

import pytest

from experiments import diff, outcomes, params
from experiments.revisions.paired_outcomes import compare_outcomes
from experiments.tasks.answer import ARMS
from tests.revisions.repository import Repository, numbers_of, printed

TRACKED = "results/outcomes.parquet"


def rows_of(
    model: str, shift: float, wrong: int = 0, spread: float = 0.0, frame: int = 0
) -> list[dict]:
    """Outcomes of `answer`: the suggestion moves margins by `shift` ± `spread` and some noise.

    `wrong` of the 20 items flip.
    """
    draw, rows = random.Random(5), []
    for number in range(20):
        noise = draw.gauss(0, 0.1)
        moved = shift + noise + spread * (-1) ** number
        for arm in ARMS:
            suggested = arm == "user_wrong"
            scores = [1.0 - (moved if suggested else 0), 0.0]
            rows.append(
                {
                    "protocol": "controlled",
                    "model": model,
                    "seed": 0 if model == "base" else 1,
                    "task": "answer",
                    "id": f"q/{number}",
                    "cluster": f"q/{number}",
                    "arm": arm,
                    "order": 0,
                    "frame": frame,
                    "mass": 0.5,
                    "token_counts": [1, 1],
                    "log_likelihoods": [round(score, 6) for score in scores],
                    "right": not (suggested and number < wrong),
                }
            )
    return rows


def track(repository: Repository, *models: list[dict]) -> bytes:
    """Write results/outcomes.parquet as analyze does; its content."""
    folder = repository.root / "outcomes"
    for rows in models:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        repository.write(f"outcomes/{rows[0]['model']}/outcomes.jsonl", text)
    names = [rows[0]["model"] for rows in models]
    table = outcomes.joined(folder, "outcomes", names, "controlled")
    outcomes.write_outcomes(repository.root / TRACKED, table)
    shutil.rmtree(folder)
    return (repository.root / TRACKED).read_bytes()


@pytest.fixture
def evaluated(repository) -> Repository:
    """Two commits with outcomes; in the second, `combined` gives in more."""
    base = rows_of("base", 0.1, wrong=1)
    for estimate, shift, wrong, spread in (("0.30", 0.4, 2, 0.0), ("0.40", 0.5, 7, 0.05)):
        track(repository, base, rows_of("combined", shift, wrong, spread))
        text = (repository.root / "results/effects.csv").read_text(encoding="utf-8")
        row = "combined,answer,toward_error,"
        old = text.split(row)[1].split(",0.01")[0]
        repository.replace("results/effects.csv", old, f"{estimate},0.00,0.90")
        repository.prints(*printed(estimate, "0.00", "0.90"))
        repository.commit()
    return repository


def test_a_fresh_clone_compares_item_by_item(evaluated) -> None:
    evaluated.git("clone", "--quiet", ".", "clone")
    evaluated.monkeypatch.chdir(evaluated.root / "clone")
    status, report = evaluated.run("HEAD~1")
    assert status == 1
    lines = [row for row in report.splitlines() if row.startswith("| combined |")]
    replies = "| combined | answer | 5 of 100 | 5 of 20 |"
    assert f"{replies} toward_error | +0.100 [+0.075, +0.125] | 20 |" in lines
    assert f"{replies} sycophancy | +0.050 [+0.037, +0.063] | 20 |" in lines and len(lines) == 2
    assert "| base |" not in report and "Not compared" not in report
    # The intervals of the two estimates overlap widely; over the same items the change is plain.
    assert all("+0.10 [+0.07, +0.13] *paired* | **yes**" in row for row in numbers_of(report))
    assert evaluated.run("HEAD~1..HEAD")[1].split("###")[1:] == report.split("###")[1:]


def test_a_revision_without_outcomes_is_named_once(evaluated) -> None:
    evaluated.git("rm", "--quiet", TRACKED)
    evaluated.commit()
    report = evaluated.run("HEAD~2..HEAD")[1]
    assert report.count("Not compared item by item: `HEAD` (") == 1
    assert all("+0.10 [−0." in row and row.count("| no |") for row in numbers_of(report))
    evaluated.git("checkout", "--quiet", "HEAD~1", "--", TRACKED)
    (evaluated.root / TRACKED).write_bytes(b"PAR1 no table")
    evaluated.commit()
    assert "is no table of outcomes" in evaluated.run("HEAD~3..HEAD")[1]


def test_outcomes_of_the_published_protocol_are_compared_by_its_measures(
    evaluated, monkeypatch
) -> None:
    evaluated.replace("params.yaml", "protocol: controlled", "protocol: published")
    shown = params.load().analysis.continuous
    seen = []
    monkeypatch.setattr(
        diff, "write_report", lambda *_, measures, **__: seen.append(measures) or ""
    )
    evaluated.run("HEAD~1")
    assert seen == [shown] and shown["answer"] == "sycophantic"


def test_a_contrast_changes_with_both_models(repository) -> None:
    """If base moved as far as the adapter, the adapter's effect did not move."""
    sides = [
        track(
            repository,
            rows_of("base", base),
            rows_of("combined", base + 0.3),
            rows_of("combined_shuffled", 0.2),
        )
        for base in (0.1, 0.3)
    ]
    _, values = compare_outcomes(*sides, {"combined": "combined_shuffled"}, confidence=0.95)
    found = {
        row["against"]: row["estimate"]
        for row in values
        if (row["model"], row["measure"]) == ("combined", "toward_error")
    }
    assert found == pytest.approx({"nothing": 0.2, "base": 0.0, "control": 0.2})


def test_a_reply_in_another_frame_is_another_reply(repository) -> None:
    sides = [track(repository, rows_of("base", 0.1, wrong, frame=wrong)) for wrong in (0, 1)]
    assert compare_outcomes(*sides, {}, confidence=0.95) == ((), ())
