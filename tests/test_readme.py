"""The README's verdicts are those of the tracked claims."""

from pathlib import Path

import pandas as pd
import pytest

from experiments import readme
from experiments.errors import RenderError

ROOT = Path(__file__).parent.parent


def claims(verdict: str) -> pd.DataFrame:
    row = {"id": "a", "verdict": verdict, "estimate": -0.5, "low": -0.7, "high": -0.3, "n": 40}
    return pd.DataFrame(
        [row | {"text": "Ours.", "source": readme.OWN}, row | {"text": "Theirs.", "source": "seed"}]
    )


def test_the_committed_readme_prints_the_committed_verdicts() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.split(readme.START)[1].split(readme.END)[0]
    assert block.strip() == readme.summary(pd.read_csv(ROOT / "results/claims.csv")).strip()


def test_a_changed_verdict_changes_the_readme_and_nothing_around_it(tmp_path: Path) -> None:
    page, table = tmp_path / "README.md", tmp_path / "claims.csv"
    page.write_text(f"Before.\n{readme.START}\n{readme.END}\nAfter.\n", encoding="utf-8")
    for verdict in ("supported", "contradicted"):
        claims(verdict).to_csv(table, index=False)
        readme.update(page, table)
        text = page.read_text(encoding="utf-8")
        assert text.startswith("Before.\n") and text.endswith("\nAfter.\n")
        assert f"| Ours. | −0.50 [−0.70, −0.30] | 40 | {verdict} |" in text
    assert "| supported |" not in text
    assert "1 contradicted" in text


def test_a_readme_without_markers_is_refused(tmp_path: Path) -> None:
    page, table = tmp_path / "README.md", tmp_path / "claims.csv"
    page.write_text("No markers.\n", encoding="utf-8")
    claims("supported").to_csv(table, index=False)
    with pytest.raises(RenderError, match="markers"):
        readme.update(page, table)
