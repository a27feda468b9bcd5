"""The README's findings and verdicts are those that were tracked and printed."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiments import readme
from experiments.errors import RenderError

ROOT = Path(__file__).parent.parent
PAGE = "\n".join(
    line
    for name in readme.BLOCKS
    for line in ("Before.", readme.OPENED.format(name), readme.CLOSED.format(name), "After.\n")
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "README.md").write_text(PAGE, encoding="utf-8")
    return tmp_path


def claims(root: Path, verdict: str = "supported", **changes: object) -> None:
    row = {"id": "a", "verdict": verdict, "estimate": -0.5, "low": -0.7, "high": -0.3, "n": 40}
    row |= {"text": "Ours.", "source": readme.OWN} | changes
    table = pd.DataFrame([row, row | {"text": "Theirs.", "source": "seed"}])
    table.to_csv(root / "results/claims.csv", index=False)


def updated(root: Path) -> str:
    readme.update(root)
    return (root / "README.md").read_text(encoding="utf-8")


def test_the_committed_readme_prints_the_committed_verdicts(root: Path) -> None:
    committed = (ROOT / "README.md").read_text(encoding="utf-8")
    (root / "README.md").write_text(committed, encoding="utf-8")
    for name in ("claims", "printed_numbers"):
        shutil.copyfile(ROOT / f"results/{name}.csv", root / f"results/{name}.csv")
    assert updated(root) == committed


def test_a_changed_verdict_changes_the_readme_and_nothing_around_it(root: Path) -> None:
    for verdict in ("supported", "contradicted"):
        claims(root, verdict)
        text = updated(root)
        assert text.startswith("Before.\n") and text.endswith("\nAfter.\n")
        assert f"| Ours. | −0.50 [−0.70, −0.30] | 40 | {verdict} |" in text
    assert "| supported |" not in text
    assert "1 contradicted" in text


def test_the_sentences_are_those_that_were_printed(root: Path) -> None:
    claims(root)
    assert updated(root).count("\n1. ") == 0
    printed = [("index", f"findings[{n}]", f"Sentence {n}: −0.5, NA.") for n in (1, 2)]
    table = pd.DataFrame([*printed, ("index", "x", "7")], columns=["document", "key", "printed"])
    table.to_csv(root / "results/printed_numbers.csv", index=False)
    assert "\n1. Sentence 1: −0.5, NA.\n2. Sentence 2: −0.5, NA.\n\n<!-- end" in updated(root)


def test_what_was_not_measured_is_a_dash_and_no_text_breaks_a_row(root: Path) -> None:
    claims(root, "not measured", estimate=None, low=None, high=None, n=None, text="p | `q|r`")
    text = updated(root)
    assert "nan" not in text
    assert "| p &#124; `q`&#124;`r` | – | – | not measured |" in text


def test_the_level_of_the_intervals_is_that_of_the_parameters(root: Path) -> None:
    claims(root)
    params = root / "params.yaml"
    content = params.read_text(encoding="utf-8")
    assert content.count("confidence: 0.95") == 1
    params.write_text(content.replace("confidence: 0.95", "confidence: 0.9"), encoding="utf-8")
    text = updated(root)
    assert "| estimate [90 %] |" in text and "95" not in text


@pytest.mark.parametrize("page", ["No markers.\n", readme.OPENED.format("verdicts")])
def test_a_readme_without_markers_is_refused(root: Path, page: str) -> None:
    (root / "README.md").write_text(page, encoding="utf-8")
    claims(root)
    with pytest.raises(RenderError, match=r"restore|put"):
        readme.update(root)
