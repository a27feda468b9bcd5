"""How far two judges agree on labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def agreement(first: Sequence[str], second: Sequence[str]) -> dict[str, float]:
    """n, observed agreement and Cohen's kappa (Cohen 1960) of two judges' labels, item by item.

    kappa = (observed - expected) / (1 - expected), the expectation from each judge's own shares;
    NaN without items, or if both judges use one and the same label throughout.
    """
    first, second = np.asarray(first, dtype=object), np.asarray(second, dtype=object)
    if len(first) != len(second):
        raise ValueError(f"the judges labelled {len(first)} and {len(second)} items")
    if not len(first):
        return {"n": 0, "observed": float("nan"), "kappa": float("nan")}
    observed = float((first == second).mean())
    labels = sorted({*first, *second})
    expected = sum(float((first == label).mean() * (second == label).mean()) for label in labels)
    kappa = (observed - expected) / (1 - expected) if expected < 1 else float("nan")
    return {"n": len(first), "observed": observed, "kappa": kappa}
