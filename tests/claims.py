"""Entries of paper/claims.yaml, made by hand."""


def contrast(model: str = "mmlu", against: str = "control", **fields: str) -> dict:
    """An estimand."""
    cell = {"kind": "contrast", "model": model, "task": "feedback", "measure": "sycophancy"}
    return cell | {"against": against} | fields


def claim(model: str = "mmlu", **fields: object) -> dict:
    """A claim of one part with some fields changed; None removes one."""
    entry = {
        "id": "one",
        "text": "It does.",
        "source": "a study",
        "family": "one",
        "parts": [{"estimand": contrast(model), "direction": "increase"}],
        "refuted_by": "an interval below zero",
    } | fields
    return {key: value for key, value in entry.items() if value is not None}
