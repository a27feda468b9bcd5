"""Verdicts, parameters, hashes and result tables that changed."""

import json
import shutil

from tests.revisions.repository import CLAIMS, EFFECTS, diff_in, headings


def test_changed_verdicts_come_first_and_count_as_a_change(repository) -> None:
    repository.write(
        "results/claims.csv", CLAIMS.replace("text", "text,reason").replace(".\n", ".,\n")
    )
    repository.commit()
    repository.replace("results/claims.csv", "inconclusive", "no verdict")
    repository.replace("results/claims.csv", "same.,", "same.,one training seed")
    repository.replace("results/claims.csv", "more agreeable.", "far more agreeable.")
    status, report = repository.run()
    assert status == 1
    assert headings(report) == ["### Claims"]
    assert report.index("same-verdict") < report.index("more-agreeable")
    assert "**1 claim changed the verdict (inconclusive → no verdict: 1).**" in report
    assert "inconclusive → **no verdict** (one training seed)" in report
    assert "(was: Training makes the model more agreeable.)" in report


def test_the_most_important_sections_come_first(repository) -> None:
    repository.replace("results/claims.csv", "inconclusive", "contradicted")
    repository.replace("results/effects.csv", "0.30,0.20,0.40", "0.70,0.60,0.80")
    repository.replace("params.yaml", "learning_rate: 2.0e-4", "learning_rate: 3.0e-4")
    repository.write("data.dvc", "outs:\n- md5: 0123456789abcdef.dir\n  path: data\n")
    report = repository.run()[1]
    assert headings(report) == [
        "### Claims",
        "### Printed numbers",
        "### Parameters",
        "### Data and models",
        "### Result tables",
        "### Cells of tables in which few changed",
    ]
    assert report.splitlines()[-1].startswith("The same on both sides: ")
    assert "| `train.learning_rate` | `0.0002` | `0.0003` |" in report
    assert "| `data` | – | `01234567` |" in report


def test_archived_runs_are_compared_too(repository) -> None:
    for name in ("small", "large"):
        repository.write(f"runs/{name}/results/effects.csv", EFFECTS)
        repository.write(f"runs/{name}/results/metrics.json", '{"base": 1}')
        repository.write(f"runs/{name}/environment.json", '{"python": "3.11"}')
    status, report = repository.run()
    assert status == 0
    assert "| `runs/small/` | new | same |" in report and "runs/small/results" not in report
    repository.commit()
    repository.replace("runs/small/results/effects.csv", "0.30,0.20,0.40", "0.70,0.60,0.80")
    shutil.rmtree(repository.root / "runs/large")
    report = repository.run()[1]
    assert "| `runs/large/` | removed | same |" in report
    assert "| `runs/small/results/effects.csv` | 3 of 15 cells | same |" in report
    assert "environment" not in report


def test_few_cells_are_listed_and_many_counted(repository) -> None:
    many = "id,value\n" + "".join(f"{n},{n}\n" for n in range(50))
    repository.write("results/many.csv", many)
    repository.write("results/same.csv", "id,value\na,0.50\n")
    repository.write("results/training/mmlu.json", json.dumps({"seeds": {"1": {"loss": [2, 1]}}}))
    repository.commit()
    repository.write("results/many.csv", many.replace(",", ",1").replace("1value", "value"))
    repository.write("results/same.csv", "id,value\na,0.5\n")
    repository.write("results/training/mmlu.json", json.dumps({"seeds": {"1": {"loss": [2, 0]}}}))
    repository.write("results/effects.csv", EFFECTS + "gsm8k,answer,toward_error,1,0,2,1,1\n")
    status, report = repository.run()
    assert status == 0
    assert "| `results/many.csv` | 50 of 100 cells | same |" in report
    assert "| `results/same.csv` | 0 of 2 cells | same |" in report
    assert "| `results/effects.csv` | 0 of 15 cells | 1 row added |" in report
    assert "| `results/training/mmlu.json` | – | `seeds.1.loss` | [2, 1] | [2, 0] |" in report


def test_text_cannot_break_the_table(repository) -> None:
    repository.replace("results/claims.csv", "Feedback is the same.", '"a | b\nc"')
    report = diff_in(repository.root).stdout
    assert "a \\| b c" in report
    rows = [line for line in report.splitlines() if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1  # also as plain text
