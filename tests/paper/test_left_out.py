"""Documents of a run with fewer adapters, and another level of intervals, say so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from experiments.rendering.document import load_document, load_project
from experiments.rendering.notebook import execute, to_markdown
from tests.working_copy import copy_working_tree

KEPT = ["gsm8k", "mmlu", "truthfulqa"]
CONTROLS = ["mmlu_shuffled", "truthfulqa_shuffled"]
ALL = ["base", *KEPT, *CONTROLS]
# As much of the paper as names single adapters in its prose.
DOCUMENTS = ["index", "technical-findings", "tradeoffs-summary", "mitigation"]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed results without what most adapters would have brought."""
    root = copy_working_tree(tmp_path_factory.mktemp("run") / "paper")
    path = root / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["adapters"] = {name: content["adapters"][name] for name in (*KEPT, *CONTROLS)}
    del content["adapters"]["gsm8k"]["control"]
    content["analyze"] |= {"correlate": KEPT, "confidence": 0.9}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for table in (root / "results").glob("*.csv"):
        frame = pd.read_csv(table) if table.stat().st_size else pd.DataFrame()
        for column in {"model", "adapter"} & set(frame):
            frame = frame[frame[column].isin(ALL)].copy()
            frame.to_csv(table, index=False)
    contrasts = pd.read_csv(root / "results/contrasts.csv")
    alone = (contrasts["model"] == "gsm8k") & (contrasts["against"] == "control")
    contrasts.loc[alone, ["control", "estimate", "low", "high"]] = float("nan")
    contrasts.loc[alone, "status"] = "no control"
    contrasts.to_csv(root / "results/contrasts.csv", index=False)
    claims = pd.read_csv(root / "results/claims.csv")
    on_all = claims["id"] == "not-neutral"  # a claim on adapters some of which are left out
    claims.loc[on_all, "verdict"] = "not measured"
    claims.loc[on_all, ["estimate", "low", "high", "n"]] = float("nan")
    claims.to_csv(root / "results/claims.csv", index=False)
    for record in (root / "results/training").iterdir():
        if record.stem not in ALL:
            record.unlink()
    (root / ".printed").mkdir(exist_ok=True)
    return root


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_rendered_and_says_what_is_missing(small_run: Path, name: str) -> None:
    project = load_project(small_run)
    document = load_document(small_run, Path(f"paper/{name}.qmd"), project)
    markdown, _ = to_markdown(execute(small_run, document, project["profile"]), "gfm")
    assert "measured" in markdown and "nan" not in markdown.lower().split()
    assert "95 %" not in markdown and "95%" not in markdown  # the level of the parameters
    assert "90 %" in markdown or name == "tradeoffs-summary"  # which names no level
    log = pd.read_csv(small_run / f".printed/{name}.csv")
    log = log[~log["key"].str.startswith("runs/")]  # an archived run may have them
    of_adapters = log["key"].str.extract(r"[\[,](?:model|adapter)=(\w+)")[0]
    others = log[of_adapters.notna() & ~of_adapters.isin(ALL)]
    assert others["printed"].str.contains("not measured").all()
    assert len(others) or name == "tradeoffs-summary"  # which has its adapters in one sentence
