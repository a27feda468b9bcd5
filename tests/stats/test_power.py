"""Minimal detectable effects and exact power."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from experiments.stats.power import minimal_detectable_effect
from tests.stats.frames import CONFIDENCE


def mcnemar_power(n, gained, lost):
    """Exact power of the exact test for n independent pairs with these discordant shares."""
    discordant = gained + lost
    power = 0.0
    for total in range(n + 1):
        counts = np.arange(total + 1)
        tails = np.minimum(
            stats.binom.cdf(counts, total, 0.5), stats.binom.sf(counts - 1, total, 0.5)
        )
        rejected = 2 * tails <= 0.05
        seen = stats.binom.pmf(counts[rejected], total, gained / discordant).sum()
        power += stats.binom.pmf(total, n, discordant) * seen
    return float(power)


def test_statsmodels_finds_the_promised_power():
    se, n = 0.4, 50
    effect = minimal_detectable_effect(np.array([se]), [n], confidence=CONFIDENCE, power=0.8)[0]
    d = effect / (se * np.sqrt(n))
    assert TTestPower().power(d, n, 0.05) == pytest.approx(0.8, abs=1e-6)
    # (z of 0.975 + z of 0.8) standard errors, and a little for few items.
    assert effect / se == pytest.approx(2.80, rel=0.04)


def test_unknown_spread_promises_nothing():
    found = minimal_detectable_effect(
        np.array([0.0, np.nan, 0.1]), [50, 50, 1], confidence=CONFIDENCE, power=0.8
    )
    assert np.isnan(found).all()


def test_detectable_difference_of_rates_is_about_right_for_the_exact_test():
    # The normal approximation promises 0.8; the discrete test holds a little less.
    gain, loss, n = 0.25, 0.10, 120
    se = np.sqrt((gain + loss - (gain - loss) ** 2) / n)
    effect = minimal_detectable_effect(np.array([se]), [n], confidence=CONFIDENCE, power=0.8)[0]
    total = gain + loss
    power = mcnemar_power(n, (total + effect) / 2, (total - effect) / 2)
    assert 0.7 < power < 0.85
