"""Margins of the paired choices: their level, spread and overlap with the base model, by split.

A margin is log P(letter of the author's option) - log P(the other letter), in nats; its parts are
defined in experiments/measures/paired_choice.py. Means, shares and paired changes are those of
estimates.py and paired.py. The spread is the standard deviation over items. The overlap of two
distributions is the area under the lower of their densities (Inman and Bradley 1989), with
Gaussian kernels and Silverman's bandwidth: 1 if they coincide, 0 if they are apart. A spread has a
linearised t interval, the overlap a percentile interval over clusters, resampled for both models
together.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from experiments.measures.per_item import NATS
from experiments.params import BASE, PAIRED_CHOICE, Analyze
from experiments.stats.differences import widened
from experiments.stats.estimates import estimates
from experiments.stats.intervals import percentile, t_quantile
from experiments.stats.paired import paired_effects
from experiments.stats.values import checked_values, item_means

# What a split adds to the name of a measure.
SPLITS = {"easy": "_easy", "hard": "_hard", "all": ""}
PARTS = ("raw_margin", "swap_average", "position")
SHARES = ("raw_sycophantic", "sycophantic")
DISTRIBUTIONS = ("raw_margin", "swap_average")
GRID = 512  # points at which densities are compared


def item_margins(values: pd.DataFrame) -> pd.DataFrame:
    """One row per model and item: its split and margins in nats, training seeds averaged."""
    means = item_means(values[values["task"] == PAIRED_CHOICE])
    index = ["model", "id", "cluster"]
    wide = means.pivot(index=index, columns="measure", values="value")
    wide["split"] = np.where(wide["swap_average_hard"].notna(), "hard", "easy")
    order = means.drop_duplicates(index)[index]
    return wide.reset_index().merge(order, on=index)


def margin_table(values: pd.DataFrame, settings: Analyze, seed: int) -> pd.DataFrame:
    """One row per model × split × quantity, base first.

    Beside the means of paired_choice.py's measures, both margins have a spread over items. For
    adapters, `*_movement` is the mean absolute change of a margin over items,
    `movement_by_position` how much of the raw margins' is gone once letterings are averaged (some
    always is), `movement_beyond_half` half the raw margins' less what is left, above 0 if most is
    gone, and
    `*_overlap` the overlap with the base model's distribution: changes already, so their columns of
    change are NaN.
    """
    values = checked_values(values[values["task"] == PAIRED_CHOICE])
    items = item_margins(values)
    tables = [levels(values, settings)]
    for split in SPLITS:
        part = items if split == "all" else items[items["split"] == split]
        tables.append(movements(part, split, settings))
        tables += [distributions(part, split, name, settings, seed) for name in DISTRIBUTIONS]
    table = pd.concat([part for part in tables if len(part)], ignore_index=True)
    table["seeds"] = table["model"].map(values.groupby("model")["seed"].nunique())
    place = {model: number for number, model in enumerate(items["model"].unique())}
    order = table["model"].map(place) * len(SPLITS) + table["split"].map(list(SPLITS).index)
    return table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def levels(values: pd.DataFrame, settings: Analyze) -> pd.DataFrame:
    """Means and shares with their paired changes from the base model."""
    names = {
        f"{quantity}{suffix}": (split, quantity)
        for split, suffix in SPLITS.items()
        for quantity in (*PARTS, *SHARES)
    }
    chosen = values[values["measure"].isin(names)]
    table = estimates(chosen, confidence=settings.confidence)
    columns = ["change", "change_low", "change_high", "change_se", "change_p"]
    if (chosen["model"] == BASE).all():
        table[columns] = np.nan
    else:
        changes = paired_effects(chosen, confidence=settings.confidence).rename(
            columns={"estimate": "change"} | {name[7:]: name for name in columns[1:]}
        )
        key = ["model", "measure"]
        table = table.merge(changes[[*key, *columns]], on=key, how="left")
    pairs = table["measure"].map(names)
    return table.assign(split=pairs.str[0], quantity=pairs.str[1])


def movements(items: pd.DataFrame, split: str, settings: Analyze) -> pd.DataFrame:
    """Mean absolute change per item of both margins against the base model, and the difference."""
    raw, swapped = DISTRIBUTIONS
    pairs = items[items["model"] != BASE].merge(
        items[items["model"] == BASE], on="id", suffixes=("", "_base")
    )
    moved = pd.DataFrame(
        {f"{name}_movement": (pairs[name] - pairs[f"{name}_base"]).abs() for name in DISTRIBUTIONS}
    )
    moved["movement_by_position"] = moved[f"{raw}_movement"] - moved[f"{swapped}_movement"]
    moved["movement_beyond_half"] = moved[f"{raw}_movement"] / 2 - moved[f"{swapped}_movement"]
    if moved.empty:
        return pd.DataFrame()
    frame = pd.concat([pairs[["model", "id", "cluster"]], moved], axis=1).melt(
        ["model", "id", "cluster"], var_name="measure"
    )
    frame = frame.assign(seed=0, frame=0, task=PAIRED_CHOICE, unparsed=False, unit=NATS)
    table = estimates(frame, confidence=settings.confidence)
    return table.assign(split=split, quantity=table["measure"])


def distributions(
    items: pd.DataFrame, split: str, quantity: str, settings: Analyze, seed: int
) -> pd.DataFrame:
    """Spread of every model and overlap of every adapter with the base model, for one margin."""
    if items.empty:
        return pd.DataFrame()
    wide = items.pivot(index=["id", "cluster"], columns="model", values=quantity)
    codes, clusters = pd.factorize(wide.index.get_level_values("cluster"), sort=True)
    count = len(clusters)
    draws = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=settings.resamples
    )
    weights = np.vstack([np.ones(len(wide)), draws[:, codes]])  # the sample itself comes first
    spreads = {model: spread(wide[model].to_numpy(), codes) for model in wide}
    rows = []
    for model in items["model"].unique():
        row = {"model": model, "split": split, "n": len(wide), "clusters": count}
        rows.append(
            row
            | {"quantity": f"{quantity}_spread"}
            | spread_bounds(spreads[model], settings.confidence)
        )
        if model != BASE:
            rows[-1] |= change_bounds(spreads[model], spreads[BASE], settings.confidence)
            shared = overlap(wide[model].to_numpy(), wide[BASE].to_numpy(), weights)
            rows.append(
                row | {"quantity": f"{quantity}_overlap"} | interval(shared, count, settings)
            )
    return pd.DataFrame(rows)


def interval(resampled: np.ndarray, clusters: int, settings: Analyze) -> dict:
    """The statistic (first value) with percentile bounds and standard error of the others."""
    low, high = percentile(resampled[1:], clusters, confidence=settings.confidence)
    known = resampled[1:][~np.isnan(resampled[1:])]
    se = known.std(ddof=1) if len(known) > 1 else np.nan
    return {"estimate": resampled[0], "low": low[0], "high": high[0], "se": se}


def spread(sample: np.ndarray, codes: np.ndarray) -> tuple[float, np.ndarray]:
    """Standard deviation of `sample` (I,), and the influence of each cluster on it."""
    squares = (sample - sample.mean()) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.sqrt(squares.sum() / (len(sample) - 1))
        influence = (squares - squares.mean()) / (2 * deviation * len(sample))
        totals = np.bincount(codes, influence)
        return float(deviation), totals * np.sqrt(np.divide(len(totals), len(totals) - 1))


def spread_bounds(spread: tuple[float, np.ndarray], confidence: float) -> dict:
    """estimate, low, high and se of a standard deviation; the t interval of its logarithm."""
    deviation, influence = spread
    se = widened(influence)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.exp(t_quantile(len(influence), confidence) * se / deviation)
        return {
            "estimate": deviation,
            "low": deviation / factor,
            "high": deviation * factor,
            "se": se,
        }


def change_bounds(
    mine: tuple[float, np.ndarray], theirs: tuple[float, np.ndarray], confidence: float
) -> dict:
    """change, change_low, change_high and change_se of two standard deviations over the same items.

    A t interval with the added pair of differences.py.
    """
    change, se = mine[0] - theirs[0], widened(mine[1] - theirs[1])
    half = t_quantile(len(mine[1]), confidence) * se
    return {
        "change": change,
        "change_low": change - half,
        "change_high": change + half,
        "change_se": se,
    }


def overlap(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Shared area of two kernel densities under each row of `weights` (R × I): R values in [0, 1].

    Bandwidths are those of the whole samples. Items are the same in both, so they are drawn
    together. Samples without any spread overlap wholly or not at all.
    """
    reach = float(np.ptp(np.concatenate([first, second])))
    if reach == 0:
        return np.ones(len(weights))
    # a sample without spread gets the narrowest kernel that the grid still resolves
    widths = [max(silverman(sample), 3 * reach / GRID) for sample in (first, second)]
    edge = 4 * max(widths)
    low = min(first.min(), second.min()) - edge
    high = max(first.max(), second.max()) + edge
    grid = np.linspace(low, high, GRID)
    densities = [
        weights @ stats.norm.pdf(grid, sample[:, None], width) / weights.sum(axis=1)[:, None]
        for sample, width in zip((first, second), widths, strict=True)
    ]
    return np.clip(np.trapezoid(np.minimum(*densities), grid, axis=1), 0, 1)


def silverman(sample: np.ndarray) -> float:
    """Silverman's (1986, equation 3.31) bandwidth: 0.9 min(sd, IQR / 1.34) n^(-1/5)."""
    if len(sample) < 2:
        return 0.0
    deviation, quartiles = sample.std(ddof=1), stats.iqr(sample) / 1.34
    return 0.9 * (min(deviation, quartiles) or deviation) * len(sample) ** -0.2
