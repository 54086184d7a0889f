"""Many fits worked out together are each the fit that it is alone, as it is written down plainly here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.beta_binomial import fit_beta_binomial
from indicators.beta_binomial_counts import fit_beta_binomials
from indicators.leading.backtest import Deals, backtest, backtests, baseline, block_features
from indicators.leading.panel import Panel
from indicators.leading.ridge import Outcomes, forecasts
from tests.unit.reference.plain_regression import plain_forecast


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from([0.3, 4.0, 60.0]), st.integers(1, 12))
def test_forecasts_of_all_origins_are_those_of_plain_regressions(seed, level, horizon):
    chance = np.random.default_rng(seed)
    weeks, first = 90, 11
    known = np.tril(np.broadcast_to(chance.poisson(level * np.exp(chance.normal(0, 0.4, weeks))), (weeks, weeks)))
    known[np.arange(weeks), np.arange(weeks)] //= 2  # the newest week is half typed in
    quiet = np.where(np.arange(weeks) < 60, 0.7, chance.normal(0, 1, weeks))  # says nothing until late
    columns = np.stack([np.column_stack([chance.normal(3, 1, weeks), quiet]), chance.normal(0, 1, (weeks, 2))])
    season = np.column_stack([np.sin(np.arange(weeks) / 8), np.cos(np.arange(weeks) / 8)])
    origins = np.array([45, 61, 70, 77])
    seasonal = origins >= 65
    outcomes = Outcomes.of(known, origins, horizon, first, seasonal)
    own = forecasts(columns[:, :, :1], season, outcomes)
    found = [forecasts(columns, season, outcomes), forecasts(columns, season, outcomes, own.coefficients[0])]
    for c, own in enumerate(columns):
        for o, origin in enumerate(origins):
            rows = np.arange(first, origin - horizon + 1)
            y = np.array([known[origin, week + 1 : week + 1 + horizon].sum() for week in rows])
            given_ = np.column_stack([own, season * seasonal[o]])[np.r_[rows, origin]]
            expected = plain_forecast(given_, y)
            for told in found:
                assert (told.mean[c, o], told.scale[c, o]) == pytest.approx(expected, rel=1e-6)


def test_a_candidate_has_the_same_skill_to_the_last_bit_whoever_is_tested_beside_it():
    chance = np.random.default_rng(5)
    known = np.tril(np.broadcast_to(chance.poisson(9, 100), (100, 100)))
    deals, beside = Deals(known), [block_features(np.tril(chance.poisson(n, (100, 100)))) for n in (1, 5, 30)]
    rate = chance.normal(0, 1, (100, 1))
    against = baseline(deals, 4)
    together = backtests(deals, [beside[0], rate, *beside[1:]], against)
    assert together == [backtest(deals, x, against) for x in (beside[0], rate, *beside[1:])]
    assert len(set(together)) == 4


counts = st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=6, max_size=6), max_size=6)


@settings(max_examples=100, deadline=None)
@given(counts)
def test_beta_binomials_fitted_together_are_as_likely_as_each_fitted_alone(rows):
    y, failed = np.array(rows, np.int64).reshape(-1, 6, 2).transpose(2, 0, 1)
    a, b = fit_beta_binomials(y, y + failed)
    for of_a, of_b, *row in zip(a, b, y, y + failed, strict=True):
        alone = fit_beta_binomial(*(column.astype(float) for column in row))
        assert of_a / (of_a + of_b) == pytest.approx(alone[0] / sum(alone), abs=1e-5)
        assert of_a + of_b == pytest.approx(sum(alone), rel=1e-3)


def test_counts_far_above_the_number_of_partners_are_fitted_one_by_one():
    y, n = np.array([[300, 10], [50, 90]]), np.array([[900, 40], [100, 100]])
    a, b = fit_beta_binomials(y, n)
    assert list(zip(a, b, strict=True)) == [
        fit_beta_binomial(*(c.astype(float) for c in r)) for r in zip(y, n, strict=True)
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 8), st.integers(0, 50), st.integers(0, 2**31 - 1))
def test_what_is_left_without_means_has_none_and_only_means_were_taken(partners, weeks, seed):
    chance = np.random.default_rng(seed)
    panel = Panel.of(chance.integers(0, weeks + 1, partners), weeks)
    f = chance.poisson(3, (partners, weeks))
    left = panel.demeaned(f)
    assert (left[~panel.usable] == 0).all()
    np.testing.assert_allclose(left.sum(axis=0), 0, atol=1e-8)
    np.testing.assert_allclose(left.sum(axis=1), 0, atol=1e-8)
    means = np.add.outer(chance.normal(0, 1, partners), chance.normal(0, 1, weeks))
    np.testing.assert_allclose(panel.demeaned(f + means), left, atol=1e-8)
