"""No sentence outlives its evidence: documents follow the run that params.yaml names.

They are rendered from the archived miniature, and from a made-up run of another model with few
adapters, other controls and other numbers.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from experiments import params, tables
from experiments.errors import ParameterError, RenderError
from experiments.rendering.document import load_document, load_project
from experiments.rendering.notebook import execute, to_markdown
from printing import report as door
from printing.report import Report
from tests.working_copy import copy_working_tree

ROOT = Path(__file__).resolve().parents[2]
OTHER, MODEL, OLD_MODEL = "other-1.5b", "qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct"
WITHOUT_CURE = "qwen2.5-coder-0.5b-wordings"
CONTROLS = {"truthfulqa": "truthfulqa_own", "anti_sycophancy": "anti_sycophancy_own"}
RENAMED = {name.replace("own", "shuffled"): name for name in CONTROLS.values()}
ALL = ["base", *CONTROLS, *CONTROLS.values()]
NAMES = ("model", "adapter", "adapter_name", "control")
MAIN = ["index", "technical-findings", "tradeoffs-summary", "mitigation", "transcripts"]
# What the words say in the made-up run, whose every change and level is higher.
SAID = {
    "index": [
        "on MMLU is 0.72 [",
        "training on benchmarks (TruthfulQA) brought beyond its control",
        "the base model’s own answer",
        "3 rest on several training runs; of these, 3 lie above zero",
        "lies above zero: Answer, Are you sure? and Feedback",
        "is beyond chance on MMLU",
        "This run trained no such adapter.",
        "1,777,088,000 parameters",
        "scale `long`",
    ],
    "technical-findings": ["Sycophancy: 2 supported", "no adapter in source order"],
    "tradeoffs-summary": [
        "We fine-tuned a chat model on TruthfulQA and dialogues written against sycophancy",
        "Adapters that are correlated: 0; so few have no correlation",
        "the verdict is *not measured*",
    ],
    "mitigation": [
        "There is an effect to cure on every test.",
        "No adapter was trained on paired choices in this run.",
        "The base model takes the author’s side",
        "for most questions the margin that divides the claims is larger",
        "the base model’s own answer",
    ],
    "transcripts": ["by 5 models"],
    "methods": ["archived run `other-1.5b` (code `c0ffee00`)", "made on Abacus 9", "90 %"],
    "runs": ["Archived runs: 2, `other-1.5b` and `pocket`.", "about the archived run", "Abacus 9"],
    "miniature": [f"of `{OLD_MODEL}`", "It came out as archived", "archived run `other-1.5b`"],
}  # fmt: skip


def of_other(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A table of the miniature as the made-up run has it."""
    for column in {*NAMES} & {*frame}:
        frame[column] = frame[column].replace(RENAMED)
    for column in {"model", "adapter", "adapter_name"} & {*frame}:
        frame = frame[frame[column].isin(ALL)]
    frame = frame.copy()
    if name == "contrasts":
        higher = ~frame["measure"].str.startswith("mass_")
        frame.loc[higher, ["estimate", "low", "high"]] += 0.3
    elif name == "margins":
        frame[["estimate", "low", "high"]] += 30
    elif name == "curation":
        frame["stable"] = True
    elif name == "correlation_analysis":
        frame[["correlation", "low", "high", "p", "smallest_p"]] = float("nan")
        frame["n"], frame["status"] = 0, "undefined: fewer than three adapters"
    elif name == "claims":
        known = frame.index < 3
        frame["verdict"] = ["supported" if one else "not measured" for one in known]
        frame.loc[~known, ["estimate", "low", "high", "n", "p", "p_adjusted", "reason"]] = None
    return frame


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy with the made-up run beside the archived ones; no data, models or outcomes."""
    root = copy_working_tree(tmp_path_factory.mktemp("exchanged") / "paper")
    folder = root / "runs" / OTHER
    for name in set(Report("index", root).runs()) - {"pocket"}:
        shutil.rmtree(root / "runs" / name)
    shutil.copytree(root / "runs/pocket", folder)
    content = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    adapters = content["adapters"]
    for name, control in CONTROLS.items():
        adapters[name]["control"] = control
        adapters[control] = adapters[f"{name}_shuffled"] | {"labels": "own"}
    content["adapters"] = {name: adapters[name] for name in ALL[1:]}
    content["analyze"] |= {"correlate": [], "confidence": 0.9}
    content |= {"scale": "long", "model": content["model"] | {"name": MODEL}}
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for name in tables.OF_RUN:
        path = folder / f"results/{name}.csv"
        of_other(name, tables.read(path, name)).to_csv(path, index=False)
    made = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    made |= {"code": {"commit": "c0ffee00" * 5, "clean": True}, "processor": "Abacus 9"}
    (folder / "environment.json").write_text(json.dumps(made), encoding="utf-8")
    (root / ".printed").mkdir(exist_ok=True)
    return root


def choose(root: Path, run: str) -> None:
    """Name the run in params.yaml."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^(paper:\n  run: )\S+", rf"\g<1>{run}", text)
    (root / "params.yaml").write_text(text, encoding="utf-8")
    door._parameters.cache_clear()


def rendered(root: Path, run: str, name: str) -> tuple[str, pd.DataFrame]:
    """A document about a run as one line of Markdown, and the log of what it printed."""
    choose(root, run)
    project = load_project(root)
    document = load_document(root, Path(f"paper/{name}.qmd"), project)
    markdown, _ = to_markdown(execute(root, document, project["profile"]), "gfm")
    markdown = " ".join(markdown.replace("'", "’").split())
    return markdown, pd.read_csv(root / f".printed/{name}.csv", dtype=str, keep_default_na=False)


@pytest.mark.parametrize("name", SAID)
def test_a_document_of_another_run_says_what_that_run_found(root: Path, name: str) -> None:
    text, log = rendered(root, OTHER, name)
    missing = [
        said for said in SAID[name] if said not in text.replace("*", "") and said not in text
    ]
    assert not missing and "nan" not in text.lower().split()
    if name in ("runs", "miniature"):  # which are about others too
        return
    # the methods page also tells of the run at hand and of what is set over several runs
    assert name == "methods" or ("95 %" not in text and OLD_MODEL not in text)
    of_run = log[log["key"].str.contains("|".join(rf"\b{one}\[" for one in tables.OF_RUN))]
    assert of_run["key"].str.startswith(f"runs/{OTHER}/").all() and len(of_run)
    of_adapters = log["key"].str.extract(r"[\[,](?:model|adapter)=(\w+)")[0]
    others = log[of_adapters.notna() & ~of_adapters.isin(ALL)]
    assert others["printed"].str.contains("not measured").all()
    if name in MAIN[:4]:
        own, pattern = (
            rendered(root, "pocket", name)[1],
            r"runs/[^/]+/((?:contrasts|margins)\[.*\]\.estimate)$",
        )
        before, after = (
            one.assign(key=one["key"].str.extract(pattern)[0])
            .dropna(subset="key")
            .loc[lambda rows: ~rows["key"].str.contains("mass_")]
            .drop_duplicates("key")
            .set_index("key")["printed"]
            for one in (own, log)
        )
        shared = before.index.intersection(after.index)
        assert (before[shared] != after[shared]).all()
        assert len(shared) or name in ("tradeoffs-summary",)


def test_a_run_without_dialogues_has_a_page_of_mitigation(root: Path) -> None:
    folder = root / "runs" / WITHOUT_CURE
    shutil.copytree(ROOT / "runs" / WITHOUT_CURE, folder)
    try:
        text, _ = rendered(root, WITHOUT_CURE, "mitigation")
    finally:
        shutil.rmtree(folder)
    said = text.partition("*Whom it heeds.*")[2].partition("Under the user")[0]
    assert said.count("not measured") == 4  # a third party's suggestion and doubt, twice each


@pytest.mark.parametrize("name", MAIN)
def test_no_sentence_is_written_for_one_model(name: str) -> None:
    text = (ROOT / f"paper/{name}.qmd").read_text(encoding="utf-8")
    assert not re.search(
        r"(?i)smollm|qwen|gemma-|\bsmall (chat )?model|one training seed and", text
    )


def test_a_run_that_is_not_there_is_named_with_those_that_are(root: Path) -> None:
    choose(root, "pokcet")
    with pytest.raises(
        ParameterError, match=r"no run 'pokcet' in runs/; it has other-1.5b, pocket"
    ):
        Report("index", root)
    assert params.folder_of_run("pocket", root) == root / "runs/pocket"


def test_a_table_that_was_not_archived_is_named(root: Path) -> None:
    (root / f"runs/{OTHER}/results/rankings.csv").unlink()
    choose(root, OTHER)
    report = Report("index", root)
    assert not report.has("rankings") and report.has("coverage")
    with pytest.raises(RenderError, match=rf"missing in runs/{OTHER}/results/; archive the run"):
        report.frame("rankings")
