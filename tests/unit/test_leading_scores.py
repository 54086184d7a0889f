"""Scores and comparisons of forecasts, against printed numbers and other programs."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from indicators.leading.describe import describe, granger
from indicators.leading.scores import crps, cumulative, cumulative_for, diebold_mariano, mase, pinball, poisson_deviance
from indicators.multiple import benjamini_hochberg, holm

ACTUAL = np.array([10, 20, 30, 40, 50])
FIRST = np.array([11, 21, 29, 42, 53])
SECOND = np.array([13, 26, 24, 40, 59])
P = st.floats(0, 1, allow_nan=False)


def test_the_published_diebold_mariano_example_comes_out_to_the_last_digit():
    """R12."""
    found = diebold_mariano((ACTUAL - FIRST) ** 2, (ACTUAL - SECOND) ** 2, 1)
    assert found is not None
    assert found.statistic == pytest.approx(-2.2229922805746782, abs=1e-12)
    assert found.p == pytest.approx(0.04515565862, abs=1e-10)
    assert 2 * found.p == pytest.approx(0.0903113, abs=1e-7)


def test_diebold_mariano_agrees_with_statsmodels_one_step_ahead():
    """Further ahead statsmodels weighs covariances by a triangle, where the correction was derived for a rectangle."""
    tools = pytest.importorskip("statsmodels.tsa.stattools", reason="the oracle has no wheel for this Python")
    actual, first, second = forecasts()
    ours = diebold_mariano((actual - first) ** 2, (actual - second) ** 2, 1)
    theirs = tools.diebold_mariano_test(actual, first, second, horizon=1, lags=0, harvey_adj=True)
    assert ours is not None
    assert ours.statistic == pytest.approx(float(theirs.statistic), abs=1e-9)


def test_diebold_mariano_four_steps_ahead_is_the_formula_as_printed():
    """Harvey, Leybourne and Newbold (1997), term by term."""
    actual, first, second = forecasts()
    gap = (actual - first) ** 2 - (actual - second) ** 2
    n, h, mean = len(gap), 4, gap.mean()
    gamma = [sum((gap[t] - mean) * (gap[t - k] - mean) for t in range(k, n)) / n for k in range(h)]
    plain = mean / ((gamma[0] + 2 * gamma[1] + 2 * gamma[2] + 2 * gamma[3]) / n) ** 0.5
    corrected = plain * ((n + 1 - 2 * h + h * (h - 1) / n) / n) ** 0.5
    ours = diebold_mariano((actual - first) ** 2, (actual - second) ** 2, h)
    assert ours is not None
    assert ours.statistic == pytest.approx(corrected, rel=1e-9)
    assert ours.p == pytest.approx(stats.t.cdf(corrected, n - 1), rel=1e-9)


def test_where_the_rectangle_gives_no_variance_the_triangle_is_used():
    """Gaps that alternate: 2 gamma(1) outweighs gamma(0)."""
    gap = np.tile([3.0, -1.0], 20)
    n, left = len(gap), gap - gap.mean()
    first, second = (left @ left) / n, (left[1:] @ left[:-1]) / n
    assert first + 2 * second < 0 < first + second
    found = diebold_mariano(gap, 0 * gap, 2)
    assert found is not None
    correction = (n + 1 - 4 + 2 / n) / n
    assert found.statistic == pytest.approx(gap.mean() / ((first + second) / n) ** 0.5 * correction**0.5, rel=1e-12)


def forecasts():
    chance = np.random.default_rng(3)
    actual = chance.poisson(20, 60)
    return actual, actual + chance.normal(0, 2, 60), actual + chance.normal(0.3, 2.6, 60)


def test_losses_that_never_differ_tell_nothing():
    assert diebold_mariano([1.0] * 30, [1.0] * 30, 4) is None
    assert diebold_mariano([1.0, 2.0], [2.0, 1.0], 4) is None


def test_losses_that_differ_by_what_rounding_leaves_tell_nothing():
    loss = np.random.default_rng(4).gamma(2, 1, 40)
    beside = loss * (1 + 1e-15 * np.arange(40))
    assert (beside != loss).any()
    assert diebold_mariano(beside, loss, 4) is None
    assert diebold_mariano(loss + 0.1, loss, 4) is None


def test_holm_and_benjamini_hochberg_are_as_printed():
    """R14."""
    p = [0.01, 0.04, 0.03, 0.005]
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.02, 0.04, 0.04, 0.02])
    assert len(holm([])) == len(benjamini_hochberg([])) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(P, min_size=1, max_size=30))
def test_adjusted_p_values_are_those_of_statsmodels(p):
    multi = pytest.importorskip("statsmodels.stats.multitest", reason="the oracle has no wheel for this Python")
    np.testing.assert_allclose(holm(p), multi.multipletests(p, method="holm")[1], atol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p), multi.multipletests(p, method="fdr_bh")[1], atol=1e-12)


def test_deviance_is_that_of_the_poisson_likelihood():
    y, m = np.array([0, 3, 7]), np.array([1.0, 3.0, 5.0])
    expected = 2 * (stats.poisson.logpmf(y, np.maximum(y, 1e-12)) - stats.poisson.logpmf(y, m))
    np.testing.assert_allclose(poisson_deviance(y, m), expected, atol=1e-9)
    assert np.isfinite(poisson_deviance([4], [0.0])).all()


def test_crps_is_the_sum_over_the_distribution():
    y, mean, over = np.array([4, 9]), np.array([6.0, 6.0]), np.array([1.0, 2.5])
    k = np.arange(400)
    poisson = ((stats.poisson.cdf(k, 6) - (k >= 4)) ** 2).sum()
    negative_binomial = ((stats.nbinom.cdf(k, 6 / 1.5, 1 / 2.5) - (k >= 9)) ** 2).sum()
    np.testing.assert_allclose(crps(y, cumulative_for(y, mean, over)), [poisson, negative_binomial], rtol=1e-9)


@pytest.mark.parametrize(
    ("mean", "dispersion"),
    [(0.05, 1.0), (1.0, 1.0), (1.0, 4.0), (12.0, 250.0), (72.0, 1100.0), (150.0, 1.2), (2000.0, 1.0), (2000.0, 30.0)],
)
def test_what_lies_beyond_what_is_told_of_a_distribution_adds_nothing(mean, dispersion):
    """However unlike the weeks are: then some are above the mean by many standard deviations."""
    given_ = np.array([mean]), np.array([dispersion])
    told, whole = cumulative_for([3], *given_), cumulative(*given_, 40_000)
    assert whole[0, -1] > 1 - 1e-9
    assert crps([3], told) == pytest.approx(crps([3], whole), rel=1e-6)
    assert told.shape[1] < 5 + mean + 20 * (mean * dispersion) ** 0.5


def test_pinball_loss_is_least_at_the_quantile():
    draws = stats.poisson.rvs(20, size=4000, random_state=1)
    losses = {
        m: pinball(draws, cumulative_for(draws, np.full(4000, m), np.ones(4000)), 0.9).mean()
        for m in (14.0, 20.0, 26.0)
    }
    assert min(losses, key=losses.get) == 20.0


def test_pinball_loss_of_one_outcome_by_hand():
    """A Poisson mean of 3 has its 10 % quantile at 1 and its 90 % quantile at 5."""
    below = cumulative_for([9], np.array([3.0]), np.array([1.0]))
    assert pinball([9], below, 0.9).tolist() == pytest.approx([0.9 * 4])
    assert pinball([0], below, 0.1).tolist() == pytest.approx([0.9 * 1])
    assert pinball([4], below, 0.1).tolist() == pytest.approx([0.1 * 3])


def test_the_cross_correlation_is_that_of_both_series_filtered_by_the_autoregression_of_x():
    """Box and Jenkins (1970), plainly; unfiltered, what both drift with decides."""
    chance = np.random.default_rng(4)
    drift = np.cumsum(chance.normal(0, 0.25, 150))
    push = chance.poisson(3, 150)
    x = chance.poisson(np.exp(2 + drift - drift.max())) + 2 * push
    y = chance.poisson(40 * np.exp(drift - drift.max())) + 5 * np.r_[np.zeros(3, int), push[:-3]]
    a, b = np.log1p(y), np.log1p(x)
    past = np.array([[1.0, *(b[t - lag] for lag in range(1, 5))] for t in range(4, 150)])
    phi = np.linalg.lstsq(past, b[4:], rcond=None)[0][1:]
    a, b = (np.array([s[t] - phi @ s[t - 4 : t][::-1] for t in range(4, 150)]) for s in (a, b))
    a, b = a - a.mean(), b - b.mean()
    by_lag = [(a[lag:] * b[: len(b) - lag]).sum() / np.sqrt((a @ a) * (b @ b)) for lag in range(13)]
    found = describe(y, x)
    assert found.lag == int(np.argmax(np.abs(by_lag))) == 3
    assert found.correlation == pytest.approx(by_lag[3], abs=1e-8)
    assert found.band == pytest.approx(1.96 / (150 - 4 - 12) ** 0.5)


def test_scaled_error_is_one_for_the_naive_forecast():
    assert mase([3, 5], [1, 2], 2.5) == 1.0
    assert mase([3, 1], [1, 3], 2.0) == 1.0  # an error above and one below do not cancel
    assert mase([3], [1], 0.0) is None


def test_granger_agrees_with_statsmodels():
    tools = pytest.importorskip("statsmodels.tsa.stattools", reason="the oracle has no wheel for this Python")
    chance = np.random.default_rng(5)
    x = chance.normal(size=120)
    y = np.r_[np.zeros(2), 0.5 * x[:-2]] + chance.normal(size=120)
    theirs = tools.grangercausalitytests(np.column_stack([y, x]), maxlag=[4])[4][0]["ssr_ftest"][1]
    assert granger(y, x) == pytest.approx(theirs, rel=1e-9)


def distributed_lag(y, x):
    """The largest t of the blocks by statsmodels, its slope, and how far the fit takes the logarithm of a weekly mean."""
    api = pytest.importorskip("statsmodels.api", reason="the oracle has no wheel for this Python")
    n = len(y)
    total, week = np.r_[0, np.cumsum(x)], np.arange(12, n)
    blocks = [total[week] - total[week - 4], total[week - 4] - total[week - 8], total[week - 8] - total[week - 12]]
    turn = 2 * np.pi * week / (365.25 / 7)
    design = np.column_stack([*blocks, np.ones(n - 12), week / n, np.sin(turn), np.cos(turn)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what does not converge
        fit = api.GLM(y[12:], design, family=api.families.Poisson()).fit(scale="X2", tol=1e-12, maxiter=200)
    at = int(np.argmax(np.abs(fit.tvalues[:3])))
    return fit.params[at], fit.tvalues[at], np.abs(design @ fit.params).max()


def test_the_distributed_lag_agrees_with_statsmodels():
    chance = np.random.default_rng(6)
    x, y = chance.poisson(6, 100), chance.poisson(12, 100)
    slope, t, _ = distributed_lag(y, x)
    found = describe(y, x)
    assert found.slope == pytest.approx(slope, rel=1e-6)
    assert found.slope_t == pytest.approx(t, rel=1e-6)


@pytest.mark.parametrize("seed", range(60))
def test_where_deals_are_few_the_distributed_lag_is_that_of_statsmodels_or_not_told(seed):
    """With few deals the likelihood may grow for ever: the weeks with deals are told apart from all others by season or x alone."""
    chance = np.random.default_rng(seed)
    n, rate = int(chance.integers(40, 130)), chance.uniform(0.01, 0.4)
    y, x = chance.poisson(rate, n), chance.poisson(chance.uniform(0.02, 2), n)
    y[-1], x[0] = 1, 1
    slope, t, farthest = distributed_lag(y, x)
    found = describe(y, x)
    if farthest < 15:
        assert (found.slope, found.slope_t) == (pytest.approx(slope, rel=1e-4), pytest.approx(t, rel=1e-4))
    elif farthest > 25:
        assert (found.slope, found.slope_t) == (None, None)


def test_one_deal_in_two_years_has_no_slope():
    y, x = np.zeros(105, int), np.zeros(105, int)
    y[100] = 1
    x[[16, 54, 65, 94, 102]] = 1, 2, 1, 1, 1
    found = describe(y, x)
    assert (found.slope, found.slope_t) == (None, None)
    assert found.lag is not None


def test_nothing_is_described_where_there_is_nothing():
    for y, x in (
        (np.zeros(100, int), np.ones(100, int)),
        (np.arange(10), np.arange(10)),
        (np.arange(100), np.ones(100, int)),
    ):
        assert describe(y, x).lag is None


@given(st.lists(st.tuples(st.floats(0.05, 3000), st.just(1.0) | st.floats(1.001, 9.0)), min_size=1, max_size=5))
def test_chances_of_counts_are_those_of_the_distributions(cells):
    mean, over = np.array(cells).T
    k = np.arange(int((mean + 12 * np.sqrt(over * mean)).max()) + 1)
    below = cumulative(mean, over, len(k) - 1)
    for row, m, d in zip(below, mean, over, strict=True):
        wanted = stats.poisson.cdf(k, m) if d <= 1 + 1e-9 else stats.nbinom.cdf(k, m / (d - 1), 1 / d)
        np.testing.assert_allclose(row, wanted, atol=1e-9)
