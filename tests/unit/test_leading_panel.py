"""The panel test and the weekly counts it stands on: small truths, invariances, and what it must not be fooled by."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.inputs import LAST_DAY, NO_DAY
from indicators.leading.backtest import Deals, backtest, baseline, block_features
from indicators.leading.panel import BLOCKS, Counted, Panel, lagged, null_mean
from indicators.leading.panel_scores import panel_test, turns
from indicators.leading.series import Occurrences, Weeks, counts, vintages, whole_weeks, windows

MONDAY = 20003  # 2024-10-07


def world(seed: int, *, partners: int = 30, weeks: int = 90, effect: float = 0.0, lag: int = 3):
    """Deals with a shared season, and x that adds `effect` deals `lag` weeks later at the same partner."""
    chance = np.random.default_rng(seed)
    season = 1 + 0.8 * np.sin(np.arange(weeks) / 52 * 2 * np.pi)
    level = chance.gamma(2, 0.15, partners)
    x = chance.poisson(np.outer(chance.gamma(2, 0.2, partners), season))
    y = chance.poisson(np.outer(level, season)) + lagged(chance.poisson(effect * x), lag)
    return y, x


def test_what_was_planted_is_found_with_its_lag_and_in_one_direction_only():
    y, x = world(1, effect=0.8)
    start = np.zeros(len(y), int)
    forward, reverse = panel_test(y, x, start, seed="s"), panel_test(x, y, start, seed="s")
    assert forward.p == 1 / 2000
    assert forward.peak_lag == 3
    assert 0.4 < forward.effect < 1.0
    assert reverse.p > 0.05


def test_a_shared_season_alone_is_no_lead():
    """Two series that rise and fall together are what correlating monthly totals takes for a lead."""
    p = [panel_test(*world(seed), np.zeros(30, int), seed="s", replicates=399).p for seed in range(40)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 2 * (0.05 * 0.95 / 40) ** 0.5


def test_what_few_deals_say_is_not_drowned_by_partners_that_have_many():
    """Four partners of forty have most deals; at all, one visit in five brings one. Counting all deals alike finds that in 5 worlds of 20."""
    found = 0
    for seed in range(20):
        chance = np.random.default_rng(seed)
        level = np.where(np.arange(40) < 4, 20.0, 0.1)[:, None]
        x = chance.poisson(0.15, (40, 104))
        y = chance.poisson(np.broadcast_to(level, x.shape)) + lagged(chance.binomial(x, 0.2), 5)
        found += panel_test(y, x, np.zeros(40, int), seed="s", replicates=399).p <= 0.05
    assert found >= 18


@pytest.mark.parametrize("weeks", [40, 46, 127])
def test_every_turn_is_what_turning_x_by_hand_gives(weeks):
    """The look-up table against the definition: turn x within the window, take blocks of lags, multiply with what is left. Windows of any length."""
    chance = np.random.default_rng(3)
    y, x = chance.poisson(2, (4, weeks)), chance.poisson(2, (4, weeks))
    start = np.array([0, 0, 5, 9])
    panel = Panel.of(start, weeks)
    x = x * (np.arange(weeks) >= start[:, None])
    rest = Counted(panel, y).rest
    of_each = [partner for table in turns(Counted(panel, y), Counted(panel, x)) for partner in np.moveaxis(table, 1, 0)]
    for partner, table in enumerate(of_each):
        assert table.shape == (len(BLOCKS), weeks - start[partner])
        for turn in (0, 1, 17, weeks - start[partner] - 1):
            turned = x.copy()
            turned[partner, start[partner] :] = np.roll(x[partner, start[partner] :], turn)
            by_hand = [
                (rest[partner] * sum(lagged(turned, lag)[partner] for lag in range(low, high + 1))).sum()
                for low, high in BLOCKS
            ]
            np.testing.assert_allclose(table[:, turn], by_hand, atol=1e-8)


def test_the_null_mean_is_the_closed_form_where_all_are_active_throughout():
    y, _ = world(4)
    expected = np.outer(y.sum(axis=1), y.sum(axis=0)) / y.sum()
    np.testing.assert_allclose(null_mean(y, np.ones_like(y, bool)), expected, rtol=1e-8)


def test_the_null_mean_has_the_sums_of_y_where_partners_join_late():
    y, _ = world(5, partners=12, weeks=60)
    usable = np.arange(60) >= np.arange(12)[:, None] * 3
    fitted = null_mean(y, usable)
    np.testing.assert_allclose(fitted.sum(axis=1), (y * usable).sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(fitted.sum(axis=0), (y * usable).sum(axis=0), rtol=1e-6, atol=1e-6)


def test_partners_that_join_late_fake_no_reverse_effect():
    """Over the whole calendar, rather than within the active windows, they do: the guard against a lucky test (METHODS 3k)."""
    rejected, wrong, seeds = 0, 0, 20
    for seed in range(seeds):
        chance = np.random.default_rng(seed)
        start = np.where(chance.random(40) < 0.3, 0, chance.integers(0, 60, 40))
        active = np.arange(90) >= start[:, None]
        lists = chance.poisson(1.5, (40, 90)) * active
        deals = lagged(chance.binomial(lists, 0.5), 5)
        rejected += panel_test(lists, deals, start, seed="s", replicates=199).p <= 0.05
        wrong += panel_test(lists, deals, np.zeros(40, int), seed="s", replicates=199).p <= 0.05
    assert rejected / seeds <= 0.05 + 2 * (0.05 * 0.95 / seeds) ** 0.5
    assert wrong / seeds > 0.5


def test_the_same_seed_gives_the_same_result_and_the_order_of_partners_changes_no_statistic():
    y, x = world(6, effect=0.3)
    start = np.zeros(len(y), int)
    one = panel_test(y, x, start, seed="s")
    assert one == panel_test(y, x, start, seed="s")
    order = np.random.default_rng(0).permutation(len(y))
    np.testing.assert_allclose(panel_test(y[order], x[order], start, seed="s").z, one.z, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 6), st.integers(0, 40), st.integers(0, 2**31 - 1), st.sampled_from([0.0, 0.02, 1.0]))
def test_any_panel_gives_a_stated_result(partners, weeks, seed, level):
    chance = np.random.default_rng(seed)
    y, x = chance.poisson(level, (partners, weeks)), chance.poisson(level, (partners, weeks))
    start = chance.integers(0, weeks + 1, partners)
    found = panel_test(y, x, start, seed="s", replicates=99)
    assert 0 < found.p <= 1
    assert np.isfinite(found.z).all()
    assert found.mde is None or (np.isfinite(found.mde) and found.mde > 0)
    assert found.peak_lag is None or 0 <= found.peak_lag <= 12


def test_panels_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="expected one partner a row"):
        panel_test(np.zeros((2, 30)), np.zeros((3, 30)), np.zeros(2), seed="s")


def test_only_whole_weeks_count():
    days = np.array([MONDAY + 2, MONDAY + 7 * 10])
    weeks = whole_weeks(days, MONDAY + 7 * 10 + 3)
    assert weeks == Weeks(MONDAY + 7, 9)  # the first week began before the data, the last is not over
    assert weeks.last_day == MONDAY + 7 * 10 - 1
    assert whole_weeks(np.zeros(0, np.int64), MONDAY).count == 0
    assert whole_weeks(np.array([MONDAY]), MONDAY + 6).count == 1


def test_one_mistyped_date_does_not_begin_the_series_decades_early():
    days = np.r_[11000, np.arange(MONDAY, MONDAY + 700)]
    assert whole_weeks(days, MONDAY + 700).count == 100


def test_contracts_begin_with_the_next_whole_week():
    weeks = Weeks(MONDAY, 20)
    joined = np.array([NO_DAY, MONDAY - 100, MONDAY, MONDAY + 1, MONDAY + 7 * 40], np.int32)
    assert windows(joined, weeks).tolist() == [0, 0, 0, 1, 20]


def test_nothing_is_known_before_it_occurred():
    planned = Occurrences.of([0], [MONDAY + 9], [MONDAY])
    assert planned.known_from.tolist() == [MONDAY + 9]


def test_vintages_tell_what_was_known_when():
    """Typed in late, taken back, and both before the end of its own week."""
    weeks = Weeks(MONDAY, 4)
    rows = Occurrences.of(
        [0, 0, 0, 1],
        [MONDAY, MONDAY + 1, MONDAY + 8, MONDAY + 9],
        [MONDAY, MONDAY + 15, MONDAY + 8, MONDAY + 9],
        [LAST_DAY, LAST_DAY, MONDAY + 16, MONDAY + 10],
    )
    assert vintages(rows, weeks).tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [2, 0, 0, 0], [2, 0, 0, 0]]
    assert counts(rows, weeks, 2).tolist() == [[2, 0, 0, 0], [0, 0, 0, 0]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-9, 80), st.integers(0, 60), st.integers(0, 90)), max_size=40))
def test_the_last_vintage_is_the_count_however_things_were_typed_in(happenings):
    weeks = Weeks(MONDAY, 10)
    partner, day, late, gone = np.array(happenings, np.int64).reshape(-1, 4).T
    rows = Occurrences.of(partner, MONDAY + day, MONDAY + day + late, MONDAY + day + late + gone)
    known = vintages(rows, weeks)
    assert (known >= 0).all()
    seen = (rows.known_from <= weeks.last_day) & (rows.known_until > weeks.last_day)
    np.testing.assert_array_equal(known[-1], counts(rows.only(seen), weeks, 3).sum(axis=0))


def test_a_series_that_tells_the_future_has_skill_and_noise_has_none():
    chance = np.random.default_rng(2)
    level = np.exp(np.cumsum(chance.normal(0, 0.15, 110)) * 0.5)
    y = chance.poisson(20 * level / level.mean())
    known = np.tril(np.broadcast_to(y, (110, 110)))
    ahead = np.tril(np.broadcast_to(np.r_[y[4:], y[-4:]], (110, 110)))
    noise = np.tril(np.broadcast_to(chance.poisson(20, 110), (110, 110)))
    deals = Deals(known)
    useful, useless = (backtest(deals, block_features(x), baseline(deals, 4)) for x in (ahead, noise))
    assert useful.deviance > 0.3
    assert useful.p < 0.10
    assert useless.deviance < 0.05
    assert useful.origins == 110 - 4 - (11 + 40 - 1 + 4)


def test_too_short_a_history_tells_no_skill_rather_than_zero():
    known = np.tril(np.ones((50, 50), int))
    deals = Deals(known)
    found = backtest(deals, block_features(known), baseline(deals, 4))
    assert not found.testable
    assert found.deviance is found.p is None


def test_what_is_known_later_changes_no_forecast_made_before():
    """Features and training outcomes are those of the origin: rewriting the future leaves the mean skill of the past alone."""
    chance = np.random.default_rng(8)
    final = chance.poisson(20, 110)
    on_time = np.tril(np.broadcast_to(final, (110, 110)))
    late = on_time.copy()
    late[np.arange(110), np.arange(110)] //= 2  # the newest week is half typed in when it is looked at
    a = block_features(on_time)
    b = block_features(late)
    assert b[30, 0] < a[30, 0]
    assert (b[30, 1:] == a[30, 1:]).all()
