"""Tests that read data/ are skipped, with the reason, where it was not fetched."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[1] / "data"
MODEL = DATA / "model" / "smollm2-135m-instruct"

needs_data = pytest.mark.skipif(
    not (DATA / "pocket").is_dir(), reason="data/ is not there; run `python -m experiments.fetch`"
)
needs_model = pytest.mark.skipif(
    not MODEL.is_dir(), reason="the model is not there; run `python -m experiments.fetch`"
)
