"""Conversions as indicators: what was known of a rate at each past week."""

import numpy as np
import pytest

from indicators.inputs import LAST_DAY
from indicators.leading.questions import does_it_lead
from indicators.leading.rates import CONCENTRATION, MATURE, Cohorts, Passages, rate_feature
from indicators.leading.series import Occurrences, Weeks
from indicators.leading.verdicts import MECHANICAL, sentence

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


def test_the_rate_is_drawn_towards_that_of_all_earlier_entries_and_knows_nothing_of_the_future():
    weeks = Weeks(MONDAY, 30)
    first = passages(*((a, MONDAY, MONDAY, LAST_DAY) for a in range(10)))
    second = passages(*((a, MONDAY + 7, MONDAY + 7, LAST_DAY) for a in range(4)))
    odds = rate_feature(Cohorts.of(first, second), weeks)[:, 0]
    assert odds[:MATURE].tolist() == [0.0] * MATURE  # nothing is old enough: even odds
    of_all = (4 + 1) / (10 + 2)
    rate = (4 + CONCENTRATION * of_all) / (10 + CONCENTRATION)
    assert odds[MATURE] == pytest.approx(np.log(rate / (1 - rate)))
    fewer = rate_feature(
        Cohorts.of(first, passages(*((a, MONDAY + 7, MONDAY + 90, LAST_DAY) for a in range(4)))), weeks
    )
    assert (fewer[MATURE:12] < odds[MATURE:12, None]).all()  # typed in late: not known yet
    assert fewer[-1, 0] == odds[-1]


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


def test_no_entries_have_no_rate_and_no_crash():
    nothing = passages()
    assert rate_feature(Cohorts.of(nothing, nothing), Weeks(MONDAY, 0)).shape == (0, 1)
    assert (rate_feature(Cohorts.of(nothing, nothing), Weeks(MONDAY, 20)) == 0).all()
    alone = passages((1, MONDAY, MONDAY, LAST_DAY))
    assert len(Cohorts.of(alone, nothing).went_on) == 0
