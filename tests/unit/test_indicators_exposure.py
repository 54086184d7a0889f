"""Whether a partner's rate goes by how much it lists: found where it is planted, not where it is not, and worth what it costs."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import betabinom, norm

from indicators.beta_binomial import CENTRE, SPREAD, fit_beta_binomial
from indicators.exposure import NONE, SIGNIFICANT, Exposure, fit_exposure, score_test
from tests.unit.reference.recovery import by_size, of_sizes
from tests.unit.test_indicators_rates import BAD, GOOD, RATS, TUMOURS, rates_of

WORLDS = 400


def penalised(at: np.ndarray, y: np.ndarray, n: np.ndarray) -> float:
    """Minus what is maximised, with scipy's own beta-binomial."""
    mean = 1 / (1 + np.exp(-(at[0] + at[1] * (np.log(n) - np.log(n).mean()))))
    k, m = np.exp(at[2]), 1 / (1 + np.exp(-at[0]))
    said = betabinom.logpmf(y, n, mean * k, (1 - mean) * k).sum()
    away = (at[2] - CENTRE) / SPREAD
    return -(said + 0.5 * np.log(m * (1 - m)) - 0.5 * away**2 - 0.5 * at[1] ** 2)


def test_the_fit_is_the_most_likely_one_by_another_beta_binomial():
    """Rats with tumours, and groups whose rates go by their size: scipy's likelihood has its top where ours is."""
    tumours = np.array(TUMOURS, float), np.array(RATS, float)
    n, _, y = of_sizes(np.random.default_rng(5), 40, 0.5)
    for conversions, attempts in (tumours, (y, n)):
        a, b = fit_beta_binomial(conversions, attempts)
        found_a, found_b, how = fit_exposure(conversions, attempts, a, b)
        ours = np.array([np.log(found_a / found_b), how.slope, np.log(found_a + found_b)])
        best = minimize(penalised, ours + 0.2, (conversions, attempts), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 4000})  # fmt: skip
        assert ours == pytest.approx(best.x, abs=2e-3)
        assert penalised(ours, conversions, attempts) <= best.fun + 1e-6


def test_the_score_is_that_of_a_weighted_regression_by_statsmodels():
    sm = pytest.importorskip("statsmodels.api", reason="the oracle has no wheel for this Python")
    n, _, y = of_sizes(np.random.default_rng(6), 40, 0.2)
    k = sum(fit_beta_binomial(y, n))
    over = 1 + (n - 1) / (k + 1)
    model = sm.GLM(y / n, np.ones((40, 1)), family=sm.families.Binomial(), var_weights=n / over)
    chi2, _, _ = model.score_test(model.fit().params, exog_extra=np.log(n)[:, None])
    assert score_test(y, n, k) == pytest.approx(2 * norm.sf(np.sqrt(chi2).item()), rel=1e-6)


def test_eight_partners_of_unlike_sizes_are_asked_for():
    """Fewer, or all alike, cannot show anything; so can nobody who converts all, or none."""
    n = np.array([10.0, 10, 12, 12, 14, 14, 16, 16])
    y = np.array([1.0, 1, 2, 3, 7, 8, 14, 15])
    assert score_test(y, n, 12.0) < 0.01
    assert score_test(y[:7], n[:7], 12.0) == 1
    assert score_test(y[[0, 1, 0, 1, 0, 1, 0, 1]], n[[0] * 8], 12.0) == 1
    assert score_test(n, n, 12.0) == score_test(0 * n, n, 12.0) == 1


@pytest.mark.parametrize("partners", [12, 40])
def test_where_rates_do_not_go_by_size_it_is_seldom_said(partners: int):
    rng = np.random.default_rng(7)
    p = []
    for _ in range(WORLDS):
        n, _, y = of_sizes(rng, partners, 0.0)
        p.append(score_test(y, n, sum(fit_beta_binomial(y, n))))
    for level in (SIGNIFICANT, 0.05):
        assert np.mean(np.array(p) <= level) <= level + 2 * np.sqrt(level * (1 - level) / WORLDS)


def test_where_they_do_it_is_found_and_rates_are_nearer_to_the_truth():
    """Of partners with few entries above all: they were drawn towards the mean of those with many."""
    rng = np.random.default_rng(8)
    worlds = [by_size(rng, 60, 0.5) for _ in range(40)]
    assert sum(w.said for w in worlds) >= 36
    assert np.mean([w.slope for w in worlds]) == pytest.approx(0.5, abs=0.05)
    assert np.mean([(w.published**2).mean() for w in worlds]) < 0.75 * np.mean([(w.without**2).mean() for w in worlds])
    few, few_without = (np.mean([getattr(w, name)[w.few].mean() for w in worlds]) for name in ("published", "without"))
    assert few_without > 0.05
    assert abs(few) < 0.25 * few_without


def test_partner_rates_lean_on_the_mean_of_partners_of_their_size():
    """Partners with four entries convert a quarter, those with forty three quarters; a new one leans on those with few."""
    small, large = [GOOD] + [BAD] * 3, [GOOD] * 30 + [BAD] * 10
    rates = rates_of([*[small] * 10, *[large] * 10, []])
    prior = rates.priors[0][0]
    assert prior.exposure.slope > 0.3
    assert float(rates.rate[0, 0]) == pytest.approx(0.25, abs=0.08)
    assert float(rates.rate[10, 0]) == pytest.approx(0.75, abs=0.05)
    assert float(rates.rate[20, 0]) == pytest.approx(0.25, abs=0.1)
    assert prior.exposure.low == pytest.approx(np.log(4))


def test_where_sizes_are_equal_or_partners_are_few_nothing_is_asked():
    even = [[GOOD] * 10 + [BAD] * 10 for _ in range(12)]
    assert rates_of(even).priors[0][0].exposure is NONE
    assert rates_of([[GOOD], [GOOD] * 30, [BAD] * 4, [BAD]]).priors[0][0].exposure is NONE
    assert NONE.shift(np.array([0, 5, 10**6])).tolist() == [0, 0, 0]
    assert Exposure(1.0, 2.0, 1.0, 3.0).shift(np.array([0, 1, 10**6])).tolist() == [-1.0, -1.0, 1.0]
