"""Conversions as indicators: what was known of a rate at each past week."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.beta_binomial import fit_beta_binomial
from indicators.inputs import LAST_DAY
from indicators.leading.rates import MATURE, SPAN, Cohorts, Passages, rate_feature
from indicators.leading.series import Occurrences, Weeks
from indicators.leading.verdicts import MECHANICAL, sentence
from tests.unit.reference.asking import does_it_lead

MONDAY = 20003


def passages(*rows):
    """(attempt, day, known from, known until)"""
    attempt, day, known, until = (
        (np.array(c, np.int64) for c in zip(*rows, strict=True)) if rows else [np.zeros(0, np.int64)] * 4
    )
    return Passages(attempt, Occurrences.of(np.zeros(len(day), np.int64), day, known, until))


def test_an_entry_went_on_if_it_did_within_eight_weeks_and_that_is_known_when_the_later_milestone_is():
    first = passages(*((a, MONDAY, MONDAY, LAST_DAY) for a in (1, 2, 3, 4)))
    second = passages(
        (1, MONDAY + 10, MONDAY + 30, LAST_DAY),
        (2, MONDAY + 7 * MATURE + 1, MONDAY + 60, LAST_DAY),  # too late
        (3, MONDAY + 5, MONDAY + 5, MONDAY + 9),  # taken back
        (9, MONDAY, MONDAY, LAST_DAY),  # of an attempt that never came to the first
    )
    cohorts = Cohorts.of(first, second)
    assert len(cohorts.came) == 4
    assert cohorts.went_on.day.tolist() == [MONDAY]
    assert cohorts.went_on.known_from.tolist() == [MONDAY + 30]


def test_one_partner_s_rate_leans_on_the_prior_fitted_to_it_and_knows_nothing_of_the_future():
    weeks = Weeks(MONDAY, 30)
    first = passages(*((a, MONDAY, MONDAY, LAST_DAY) for a in range(10)))
    second = passages(*((a, MONDAY + 7, MONDAY + 7, LAST_DAY) for a in range(4)))
    odds = rate_feature(Cohorts.of(first, second), weeks)[:, 0]
    assert odds[:MATURE].tolist() == [0.0] * MATURE  # nothing is old enough: even odds
    a, b = fit_beta_binomial(np.array([4.0]), np.array([10.0]))
    rate = (4 + a) / (10 + a + b)
    assert odds[MATURE] == pytest.approx(np.log(rate / (1 - rate)))
    fewer = rate_feature(
        Cohorts.of(first, passages(*((a, MONDAY + 7, MONDAY + 90, LAST_DAY) for a in range(4)))), weeks
    )
    assert (fewer[MATURE:12] < odds[MATURE:12, None]).all()  # typed in late: not known yet
    assert fewer[-1, 0] == pytest.approx(odds[-1], abs=1e-5)


def world(of_partner, went_on, *, day=None, typed_in=None):
    """One entry of each given partner; those of `went_on` did after three days, known on the days `typed_in`."""
    day = np.full(len(of_partner), MONDAY) if day is None else day
    attempt = np.arange(len(of_partner))
    came = Occurrences.of(of_partner, day)
    known = None if typed_in is None else typed_in[went_on]
    return Cohorts.of(
        Passages(attempt, came),
        Passages(attempt[went_on], Occurrences.of(of_partner[went_on], day[went_on] + 3, known)),
    )


def odds_of(rate):
    return np.log(rate / (1 - rate))


def test_the_prior_is_that_of_the_scope_s_own_partners_and_weighs_less_the_more_they_differ():
    """Ten partners of ten entries: in scope one half convert all and none, in the other all alike half."""
    partner = np.repeat(np.arange(20), 10)
    converts = np.where(partner < 10, partner % 2 == 0, np.arange(200) % 2 == 0)
    cohorts, weeks = world(partner, np.flatnonzero(converts)), Weeks(MONDAY, 20)
    differ, alike = np.arange(20) < 10, np.arange(20) >= 10
    priors = [fit_beta_binomial(np.tile(y, 5).astype(float), np.full(10, 10.0)) for y in ([10, 0], [5, 5])]
    assert sum(priors[0]) < 1
    assert sum(priors[1]) > 20
    for scope in (differ, alike):
        assert rate_feature(cohorts, weeks, scope)[MATURE, 0] == pytest.approx(0.0, abs=1e-6)
    # the newest ten entries all convert: believed as far as partners were found to differ before
    day = MONDAY + 7 * np.where(np.arange(210) < 200, 0, SPAN)
    converts = np.append(np.flatnonzero(converts), np.arange(200, 210))
    last = SPAN + MATURE
    for scope, one, (a, b) in ((differ, 0, priors[0]), (alike, 10, priors[1])):
        newest = world(np.append(partner, np.full(10, one)), converts, day=day)
        found = rate_feature(newest, Weeks(MONDAY, last + 1), scope)[last, 0]
        assert found == pytest.approx(odds_of((10 + a) / (10 + a + b)), abs=1e-4)


def test_a_scope_of_too_few_partners_borrows_the_prior_of_all():
    partner = np.repeat(np.arange(12), 10)
    converts = np.flatnonzero((np.arange(120) % 10 < 3) | (partner == 0))
    cohorts, weeks = world(partner, converts), Weeks(MONDAY, MATURE + 1)
    a, b = fit_beta_binomial(np.array([10.0] + [3.0] * 11), np.full(12, 10.0))
    two = np.arange(12) < 2
    expected = odds_of(((10 + a) + (3 + a)) / (2 * (10 + a + b)))
    assert rate_feature(cohorts, weeks, two)[MATURE, 0] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(MATURE, 50))
def test_no_week_s_rate_moves_by_what_is_learned_after_it(seed, week):
    chance = np.random.default_rng(seed)
    n = 60
    partner, day = chance.integers(0, 5, n), MONDAY + chance.integers(0, 300, n)
    on = np.flatnonzero(chance.random(n) < 0.4)
    typed_in = day + 3 + chance.integers(0, 90, n)
    weeks, end = Weeks(MONDAY, 52), MONDAY + 7 * (week + 1)
    whole = rate_feature(world(partner, on, day=day, typed_in=typed_in), weeks)
    seen = np.flatnonzero(day < end)
    told = np.flatnonzero(np.isin(seen, on) & (typed_in[seen] < end))
    then = rate_feature(world(partner[seen], told, day=day[seen], typed_in=typed_in[seen]), weeks)
    assert then[: week + 1] == pytest.approx(whole[: week + 1], abs=1e-9)


def test_rates_are_graded_by_forecasts_alone_and_have_their_sentence():
    chance = np.random.default_rng(4)
    day = np.sort(MONDAY + chance.integers(0, 7 * 100, 2000))
    first = Passages(np.arange(2000), Occurrences.of(np.zeros(2000, np.int64), day))
    on = np.flatnonzero(chance.random(2000) < 0.5)
    second = Passages(on, Occurrences.of(np.zeros(len(on), np.int64), day[on] + 14))
    answers = does_it_lead(
        second.rows, {}, {}, ["a"], np.zeros(3, np.int64), np.full(3, -1, np.int32), MONDAY + 7 * 104,
        rates={"executed>deal": Cohorts.of(first, second)}, horizons=(4,),
    )  # fmt: skip
    found = answers.finding("executed>deal")
    assert found.verdict == MECHANICAL
    assert found.skill.testable
    assert "Action executed → Deal" in sentence(found, "en", answers.floors)
    assert "アクション実施 → 商談" in sentence(found, "ja", answers.floors)


def test_a_conversion_has_eight_weeks_and_is_told_by_the_entries_of_half_a_year():
    assert (MATURE, SPAN) == (8, 26)


def test_no_entries_have_no_rate_and_no_crash():
    nothing = passages()
    assert rate_feature(Cohorts.of(nothing, nothing), Weeks(MONDAY, 0)).shape == (0, 1)
    assert (rate_feature(Cohorts.of(nothing, nothing), Weeks(MONDAY, 20)) == 0).all()
    alone = passages((1, MONDAY, MONDAY, LAST_DAY))
    assert len(Cohorts.of(alone, nothing).went_on) == 0
