"""Archived runs of other models, made of the committed one by other numbers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
SMALL, MIDDLE, LARGE = (
    f"{name}-instruct" for name in ("smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b")
)
SE, DEGREES = 0.02, 12
PRIMARY = "sycophancy"


def archive(
    root: Path,
    model: str,
    effects: Mapping[tuple[str, ...], float | str] | None = None,
    name: str | None = None,
    control: str | None = None,
    twin: str | None = None,
    outcomes: bool = False,
) -> Path:
    """A copy of runs/pocket below `root`, of another model and called like it unless named.

    `effects`: (adapter, or base, task) -> its effect beyond the control (or the base's level), or a
    status in its place; (adapter, task, "base") -> its change from the base model. `control` is the
    end of the names of all controls. The adapter `twin` has another control than in runs/pocket,
    and that one beside it. Without `outcomes` there are no numbers of single training runs, and no
    second controls.
    """
    folder = root / "runs" / (name or model.replace(".", "-"))
    shutil.copytree(ROOT / "runs/pocket", folder)
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8").replace(SMALL, model)
    text = text.replace("_shuffled", control) if control else text
    path.write_text(text, encoding="utf-8")
    assert yaml.safe_load(text)["model"]["name"] == model
    path = folder / "results/contrasts.csv"
    table = pd.read_csv(path)
    if twin:
        content = yaml.safe_load(text)
        content["adapters"][twin]["control"] = f"{twin}_twin"
        content["adapters"][f"{twin}_twin"] = content["adapters"][twin] | {"control": None}
        (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        table["control"] = table["control"].str.replace(f"{twin}_shuffled", f"{twin}_twin")
    if control:
        table["control"] = table["control"].str.replace("_shuffled", control)
    if not outcomes:
        (folder / "results/outcomes.parquet").unlink()
    for (adapter, task, *other), effect in (effects or {}).items():
        against = other[0] if other else "nothing" if adapter == "base" else "control"
        where = table[["model", "task", "measure", "against"]] == (adapter, task, PRIMARY, against)
        where = where.all(axis=1)
        assert where.sum() == 1
        if isinstance(effect, str):
            table.loc[where, ["low", "high", "p"]] = float("nan")
            table.loc[where, "status"] = effect
            continue
        half = stats.t.ppf(0.975, DEGREES) * SE
        p = 2 * stats.t.sf(abs(effect) / SE, DEGREES)
        numbers = [effect, effect - half, effect + half, SE, DEGREES, p]
        table.loc[where, ["estimate", "low", "high", "se", "degrees", "p"]] = numbers
        table.loc[where, ["seeds", "status"]] = [3, "ok"]
    table.to_csv(path, index=False)
    return folder
