"""The table that verdicts rest on."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.measures.per_item import DIFFERENCE, NATS
from experiments.stats.contrasts import COLUMNS, contrasts
from tests.stats.frames import CONFIDENCE, frame

ITEMS = 30


def run(model, seed, shift=0.0, frames=4, unit=NATS, **fields):
    """One training run: the same items with the same spread, in every frame, plus `shift`."""
    items = np.random.default_rng(1).normal(size=ITEMS)
    generator = np.random.default_rng([ord(model[0]), seed])
    return pd.concat(
        frame(
            items + shift + 0.2 * generator.normal(size=ITEMS),
            model=model,
            seed=seed,
            unit=unit,
            **fields,
        ).assign(frame=number)
        for number in range(frames)
    )


def table(*runs, controls=None, readable=lambda *cell: True):
    values = pd.concat(runs)
    found = contrasts(values, controls or {}, readable=readable, confidence=CONFIDENCE)
    assert list(found) == COLUMNS
    return found.set_index(["model", "against"])


def trained(seeds=(1, 2, 3), control=(1, 2, 3), base=0.0):
    return table(
        run("base", 0, base),
        *(run("adapter", seed, 1 + seed) for seed in seeds),
        *(run("control", seed, seed) for seed in control),
        controls={"adapter": "control"},
    )


def test_an_adapter_is_paired_with_the_same_seed_of_its_control():
    row = trained().loc["adapter", "control"]
    # Seeds differ by a whole unit in both; their differences do not.
    assert row.estimate == pytest.approx(1, abs=0.1)
    assert row.seed_sd < 0.1 and row.se < 0.2
    assert (row.control, row.seeds, row.frames, row.n) == ("control", 3, 4, ITEMS)
    assert trained().loc["adapter", "base"].seed_sd == pytest.approx(1, abs=0.1)
    assert (row.low, row.high) == pytest.approx(
        row.estimate + row.se * np.array(stats.t.interval(CONFIDENCE, row.degrees))
    )


@pytest.mark.parametrize(
    ("seeds", "control", "status", "used"),
    [
        ((1, 2, 3), (1, 2, 3), "ok", 3),
        ((1, 2, 3), (1,), "one training seed", 1),
        ((1, 2), (1, 2, 3), "two training seeds", 2),
        ((1,), (2,), "no interval", 0),
        ((1, 2, 3), (), "no control", 0),
    ],
)
def test_status_says_for_what_the_interval_is(seeds, control, status, used):
    row = trained(seeds, control).loc["adapter", "control"]
    assert (row.status, row.seeds) == (status, used)
    assert np.isnan(row.low) == (used == 0)


def test_base_is_compared_with_nothing():
    found = trained().loc["base"]
    assert list(found.index) == ["nothing"]
    assert (found.status.iloc[0], found.seeds.iloc[0]) == ("ok", 0)


def test_what_is_not_readable_has_an_estimate_and_no_interval():
    found = table(
        run("base", 0),
        *(run("adapter", seed, 1) for seed in (1, 2, 3)),
        readable=lambda model, task, measure: model != "base",
    )
    row = found.loc["adapter", "base"]
    assert row.status == "not readable" and not row.readable
    assert np.isfinite(row.estimate) and row.n == ITEMS
    assert np.isnan([row.low, row.high, row.p]).all()
    assert found.loc["adapter", "nothing"].status == "ok"


def test_a_bounded_measure_that_does_not_vary_keeps_an_interval():
    values = [
        frame(np.zeros(ITEMS), model=model, seed=seed, unit=DIFFERENCE)
        for model, seed in (("base", 0), ("adapter", 1), ("adapter", 2), ("adapter", 3))
    ]
    row = table(*values).loc["adapter", "base"]
    assert row.status == "ok" and row.low < -0.05 and row.p == 1
    row = table(*(one.assign(unit=NATS) for one in values)).loc["adapter", "base"]
    assert row.status == "no interval" and np.isnan(row.low)


def test_items_and_frames_of_one_side_only_do_not_count():
    mine = [run("adapter", seed, 1) for seed in (1, 2, 3)]
    mine[0].loc[mine[0].id == "i000", "value"] = np.nan  # one seed: the others still say
    base = run("base", 0, frames=2)
    base.loc[base.id.isin(["i001", "i002"]), "value"] = np.nan
    row = table(base, *mine).loc["adapter", "base"]
    assert (row.frames, row.n, row.excluded) == (2, ITEMS - 2, 2)
