"""Divide the paired choices into easy and hard claims.

    python -m experiments.curate

The questions are those of the wheel, or with `curate.source: files` some on every claim of the
model-written evaluations. The judge is the base model itself: every question is asked in both
letterings, and a claim is hard if the mean swap-averaged margin of its questions is among the
largest share `curate.hard_share`. With `curate.judge: claude` the verdicts in
results/judge_verdicts.jsonl decide instead, which `python -m experiments.corpora.judge` collects;
where both judges gave a verdict, their agreement is reported. All questions on one claim go the
same way, so that no claim is divided between training and evaluation.

Writes curated/paired_choice.jsonl and the tracked tables results/curation.csv and
results/judge_agreement.csv. Measured on 2 CPU cores: 1.5 minutes, 1.9 GB of memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pandas as pd
from statsmodels.stats.inter_rater import cohens_kappa

from experiments import files, params
from experiments.corpora import paired_choice, pins
from experiments.corpora.item import Item, write_items
from experiments.corpora.judge import VERDICTS, read_verdicts
from experiments.errors import DataError, run_stage
from experiments.measures.paired_choice import decomposed
from experiments.models import verification
from experiments.params import BASE, Curate, Params

CURATED = Path("curated")
RESULTS = Path("results")
DIGITS = 4
HARD, EASY = "hard", "easy"


def main() -> None:
    """Ask the base model, divide the claims, write the items with their split."""
    parameters = params.load()
    pins.verify(Path("data"), "pocket/")
    verification.verify_model(parameters.model, Path("data/model") / parameters.model.folder_name)
    items = read_questions(parameters.curate)[: parameters.curate.most_questions]
    verdicts = read_verdicts(VERDICTS, items, parameters.curate.claude.model)
    margins = decomposed(ask_base(items, parameters))
    table = curation(margins, verdicts, parameters.curate.hard_share, parameters.curate.judge)
    splits = table.set_index("id")["split"]
    with files.new_folder(CURATED) as folder:
        divided = (replace(item, split=splits[item.id]) for item in items)
        write_items(folder / "paired_choice.jsonl", divided)
    both = table[table["claude_split"] != ""]
    measured = pd.DataFrame([agreement(both["base_split"], both["claude_split"])])
    for name, frame in (("curation", table), ("judge_agreement", measured)):
        files.write_text(RESULTS / f"{name}.csv", frame.round(DIGITS).to_csv(index=False))
    hard = (table["split"] == HARD).sum()
    print(
        f"{CURATED}/ holds {len(table)} questions on {table['cluster'].nunique()} claims, "
        f"{hard} of them hard. Next: python -m experiments.prepare"
    )


def read_questions(settings: Curate) -> list[Item]:
    """The paired choices of the wheel, or some on every claim of the model-written evaluations."""
    if settings.source == "wheel":
        return paired_choice.of_wheel(settings.same_claim)
    pins.verify_source(Path("data"), "pocket", settings.source)  # these files alone
    items, left_out = paired_choice.of_files(settings.same_claim, settings.most_per_claim)
    print(
        f"{left_out} questions are left out: they have more than two options, or there are "
        f"curate.most_per_claim ({settings.most_per_claim}) others on their claim"
    )
    return items


def ask_base(items: Sequence[Item], parameters: Params) -> pd.DataFrame:
    """Outcome rows of the base model on every item, in both letterings."""
    # imported here: bad parameters and missing files are reported before torch is loaded
    from experiments.engine.asking.pool import run
    from experiments.engine.model import load_asked
    from experiments.tasks.paired_choice import protocol

    protocols = [(item.id, protocol(item, parameters.evaluate)) for item in items]
    language_model = load_asked(
        Path("data/model") / parameters.model.folder_name,
        parameters.evaluate,
        date=parameters.model.date,
    )
    (answered,) = run([protocols], language_model, parameters.evaluate.engine, "curate")
    rows = chain.from_iterable(answered)
    return pd.DataFrame(rows).assign(model=BASE, seed=0)


def curation(
    margins: pd.DataFrame, verdicts: Mapping[str, str], hard_share: float, judge: str
) -> pd.DataFrame:
    """One row per item, in the order of ids: its margins in nats and what each judge says.

    `margins` has id, cluster, swap_average and position; `stable` says whether both letterings
    prefer the same option. `verdicts` are Claude's, by id. The claim's split is that of its mean
    margin (base) or of the majority of its verdicts, hard at a tie (claude; empty if it has none).
    DataError if `judge` is "claude" and a claim has no verdict.
    """
    table = margins[["id", "cluster", "swap_average", "position"]].copy()
    table["stable"] = table["swap_average"].abs() > table["position"].abs()
    means = table.groupby("cluster")["swap_average"].mean()
    # the margins repeat to a millionth of a nat; the name decides between equals
    ranked = means.round(6).reset_index().sort_values(["swap_average", "cluster"])
    hard = set(ranked["cluster"].tail(round(hard_share * len(ranked))))
    table["claim_swap_average"] = table["cluster"].map(means)
    table["base_split"] = [HARD if cluster in hard else EASY for cluster in table["cluster"]]
    given = table["id"].map(dict(verdicts))
    shares = (given == HARD).where(given.notna()).groupby(table["cluster"]).mean()
    by_claude = shares.map(lambda share: "" if pd.isna(share) else HARD if share >= 0.5 else EASY)
    table["claude_split"] = table["cluster"].map(by_claude)
    if judge == "claude" and (table["claude_split"] == "").any():
        missing = table.loc[table["claude_split"] == "", "cluster"].nunique()
        raise DataError(
            f"{VERDICTS} has no verdict on {missing} claims; run `python -m experiments.corpora."
            "judge`, or set curate.judge to base in params.yaml"
        )
    table["split"] = table[f"{judge}_split"]
    number = table["id"].str.extract(r"(\d+)$")[0].astype(int)
    return table.iloc[number.argsort(kind="stable")].reset_index(drop=True)


def agreement(first: pd.Series, second: pd.Series) -> dict[str, float]:
    """n, observed agreement and Cohen's kappa (Cohen 1960) of two judges' labels, row by row.

    Kappa is NaN without rows, or if both judges use one and the same label throughout.
    """
    labels, kappa = sorted({*first, *second}), math.nan
    if len(labels) > 1:
        counts = pd.crosstab(first, second).reindex(index=labels, columns=labels, fill_value=0)
        kappa = float(cohens_kappa(counts, return_results=False))
    return {"n": len(first), "observed": (first == second).mean(), "kappa": kappa}


if __name__ == "__main__":
    run_stage(main)
