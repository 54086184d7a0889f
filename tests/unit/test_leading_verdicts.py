"""Verdicts follow their table, and each has one plain sentence in both languages."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.assumptions import Floors
from indicators.leading.backtest import Skill
from indicators.leading.describe import Description
from indicators.leading.panel_scores import PanelTest
from indicators.leading.series import Occurrences
from indicators.leading.verdicts import (
    LAGGING,
    LEADING,
    MECHANICAL,
    NO_LEAD,
    NOT_ENOUGH,
    TWO_WAY,
    USEFUL,
    VERDICTS,
    Finding,
    judge,
    sentence,
    short_of,
    skill_weeks_missing,
    weeks_missing,
)
from models.labels import VERDICTS as LABELS
from tests.unit.reference.asking import does_it_lead

FLOORS = Floors()
TEST = PanelTest((0.1, 4.0, 0.2), 0.001, 5, 0.35, 0.15, 1.4, 90, 40, 300, 500)
QUIET = replace(TEST, z=(0.1, 0.3, -0.2), p=0.6, peak_lag=2)
SKILL = Skill(4, 45, "own_lags", 0.12, 0.1, 0.8, 0.1, 0.1, -2.0, 0.03)
NO_SKILL = replace(SKILL, deviance=-0.1, p=0.7)


def verdict(forward=TEST, reverse=QUIET, holm=0.01, back=1.0, skill=NO_SKILL):
    return judge(forward, reverse, holm, back, skill, FLOORS)


def test_the_table_of_verdicts():
    loud_back = replace(TEST, z=(3.0, 0.0, 0.0), p=0.002, peak_lag=2)
    assert verdict() == LEADING
    assert verdict(skill=SKILL) == USEFUL
    assert verdict(skill=replace(SKILL, p=0.2)) == LEADING
    assert verdict(skill=replace(SKILL, deviance=0.04)) == LEADING
    assert verdict(reverse=loud_back, back=0.01) == TWO_WAY
    assert verdict(reverse=replace(loud_back, peak_lag=8), back=0.01) == LEADING  # later and weaker
    assert verdict(forward=QUIET, holm=0.9, reverse=loud_back, back=0.01) == LAGGING
    assert verdict(forward=QUIET, holm=0.9) == NO_LEAD
    assert verdict(forward=replace(QUIET, mde=0.21), holm=0.9) == NOT_ENOUGH
    assert verdict(forward=replace(QUIET, mde=None), holm=0.9) == NOT_ENOUGH
    assert verdict(holm=None, back=None) == NOT_ENOUGH
    assert verdict(forward=replace(TEST, peak_lag=0)) == NO_LEAD


def test_the_limits_of_the_table_are_part_of_what_they_admit():
    back = replace(TEST, z=(3.0, 0.0, 0.0), p=0.03, peak_lag=2)
    assert verdict(holm=0.05) == LEADING
    assert verdict(forward=replace(TEST, peak_lag=1)) == LEADING
    assert (
        verdict(reverse=replace(back, p=0.05), back=0.3) == TWO_WAY
    )  # the reverse speaks against a lead as it is, not after Holm
    assert verdict(reverse=replace(back, p=0.051), back=0.3) == LEADING
    assert verdict(reverse=replace(back, peak_lag=8, z=(4.1, 0.0, 0.0)), back=0.01) == TWO_WAY  # later, but stronger
    assert verdict(reverse=replace(back, peak_lag=5), back=0.01) == TWO_WAY  # weaker, but no later
    assert verdict(forward=QUIET, holm=0.9, reverse=back, back=0.05) == LAGGING
    assert verdict(forward=QUIET, holm=0.9, reverse=back, back=0.06) == NO_LEAD  # only after Holm is it said to follow
    assert verdict(forward=replace(QUIET, mde=0.2), holm=0.9) == NO_LEAD
    assert verdict(skill=replace(SKILL, deviance=0.05, p=0.10)) == USEFUL
    assert verdict(skill=replace(SKILL, deviance=0.049)) == verdict(skill=replace(SKILL, p=0.101)) == LEADING
    assert verdict(skill=replace(SKILL, p=0.0)) == USEFUL
    assert verdict(skill=replace(SKILL, p=None)) == LEADING


def test_the_floors_are_those_that_are_promised():
    assert Floors() == Floors(weeks=26, partners=8, deals=30, actions=30, smallest_effect=0.2)


def test_what_just_reaches_the_floors_is_enough():
    enough = replace(TEST, usable_weeks=26, partners=8, n_y=30, n_x=30)
    assert short_of(enough, FLOORS) == ()
    for name, short in (("usable_weeks", "weeks"), ("partners", "partners"), ("n_y", "deals"), ("n_x", "actions")):
        assert short_of(replace(enough, **{name: getattr(enough, name) - 1}), FLOORS) == (short,)


def test_too_few_partners_take_the_longer_the_fewer_have_come_so_far():
    assert weeks_missing(replace(QUIET, partners=4), FLOORS) == 102  # as many again in as many weeks again
    assert weeks_missing(replace(QUIET, partners=0), FLOORS) is None


def test_what_is_not_significant_after_holm_does_not_lead():
    assert verdict(holm=0.051) in (NO_LEAD, NOT_ENOUGH)


def test_floors_name_what_is_missing():
    poor = replace(TEST, usable_weeks=14, partners=7, n_y=29, n_x=29)
    assert short_of(poor, FLOORS) == ("weeks", "partners", "deals", "actions")
    assert short_of(TEST, FLOORS) == ()


def test_weeks_missing_grow_with_the_square_of_what_cannot_be_seen_yet():
    assert weeks_missing(replace(QUIET, mde=0.4), FLOORS) == 90 * 4 - 90
    assert weeks_missing(replace(QUIET, usable_weeks=14, pace=0.5), FLOORS) == 12
    assert weeks_missing(replace(QUIET, usable_weeks=14, pace=1.4), FLOORS) == 49 - 14
    assert weeks_missing(replace(QUIET, n_x=10), FLOORS) == 204  # three times the 102 weeks seen
    assert weeks_missing(replace(QUIET, n_x=0), FLOORS) is None
    assert weeks_missing(replace(QUIET, mde=9.0), FLOORS) is None  # longer than ten years is never


def test_skill_can_be_told_after_a_stated_number_of_weeks():
    assert skill_weeks_missing(26, 4) == 11 + 40 - 1 + 8 + 12 - 26
    assert skill_weeks_missing(70, 4) is None


def finding(verdict, **changes):
    made = Finding(
        "co_visit", "activity", "all", verdict, TEST, QUIET, 0.01, 1.0, 0.01, (SKILL,), Description(), (), 14
    )
    return replace(made, **changes)


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("name", VERDICTS)
def test_every_verdict_has_one_plain_sentence(name, language):
    said = sentence(finding(name), language, FLOORS)
    assert said.endswith("." if language == "en" else "。")
    assert "{" not in said
    assert "None" not in said
    assert ("営業同行" in said) == (language == "ja")
    assert name in LABELS


def test_not_enough_data_says_for_how_much_longer():
    assert sentence(finding(NOT_ENOUGH), "en", FLOORS) == "Not enough data on co-visits: about 14 more weeks."
    assert "あと約14週" in sentence(finding(NOT_ENOUGH), "ja", FLOORS)
    assert "cannot be said" in sentence(finding(NOT_ENOUGH, more_weeks=None), "en", FLOORS)


def test_a_milestones_sentence_is_graded_by_its_forecasts_alone():
    made = finding(MECHANICAL, indicator="agreed", kind="milestone")
    assert "12 % better." in sentence(made, "en", FLOORS)
    assert "may still be chance" in sentence(replace(made, skills=(replace(SKILL, p=0.4),)), "en", FLOORS)
    assert "did not make" in sentence(replace(made, skills=(NO_SKILL,)), "en", FLOORS)
    assert "about 14 more weeks." in sentence(replace(made, skills=(Skill(4, 0),)), "en", FLOORS)


EMPTY = Occurrences.of([], [])


@pytest.mark.parametrize("partners", [0, 1])
def test_an_empty_workspace_and_one_partner_have_stated_answers(partners):
    kind, joined = np.zeros(partners, np.int64), np.full(partners, -1, np.int32)
    answers = does_it_lead(EMPTY, {"listed": EMPTY}, {"dinner": EMPTY}, ["legacy"], kind, joined, 20500)
    assert [f.verdict for f in answers.findings if f.type == "all"] == [MECHANICAL, NOT_ENOUGH]
    for f in answers.findings:
        assert sentence(f, "en", answers.floors)
        assert sentence(f, "ja", answers.floors)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-40000, 40000)), max_size=60),
    st.lists(st.tuples(st.integers(0, 3), st.integers(19000, 20600)), max_size=60),
)
def test_any_dates_give_answers_without_a_crash(deals, visits):
    """Dates in the future, before 2000, ties everywhere."""
    y, x = (Occurrences.of([p for p, _ in rows], [d for _, d in rows]) for rows in (deals, visits))
    kind, joined = np.array([0, 0, 1, 1]), np.array([-1, 19000, 40000, 20000], np.int32)
    answers = does_it_lead(
        y, {"listed": x}, {"dinner": x}, ["a", "b"], kind, joined, 20500, replicates=49, horizons=(4,)
    )
    assert len(answers.findings) == 6
    assert answers.weeks.count <= 520


def test_adding_partners_of_another_type_changes_no_test_of_this_one():
    chance = np.random.default_rng(1)

    def drawn(n, partners):
        return chance.integers(0, partners, n), 20000 + chance.integers(0, 700, n)

    deals, visits = drawn(400, 10), drawn(400, 10)
    others = [
        np.r_[c, d]
        for c, d in zip(deals, (10 + chance.integers(0, 9, 99), 20000 + chance.integers(0, 700, 99)), strict=True)
    ]
    few, many = (
        does_it_lead(
            Occurrences.of(*y), {}, {"dinner": Occurrences.of(*visits)}, ["a", "b"], np.arange(n) // 10,
            np.full(n, 19000, np.int32), 20699, horizons=(4,),
        ).finding("dinner", "a")
        for y, n in ((deals, 10), (others, 20))
    )  # fmt: skip
    assert (few.forward, few.reverse) == (many.forward, many.reverse)


def test_an_unknown_indicator_is_answered_with_those_there_are():
    answers = does_it_lead(EMPTY, {}, {"dinner": EMPTY}, ["a"], np.zeros(1, np.int64), np.zeros(1, np.int32), 20500)
    with pytest.raises(KeyError, match="dinner"):
        answers.finding("golf")


def test_a_milestone_with_fewer_deals_than_a_verdict_takes_has_no_lag():
    made = finding(MECHANICAL, indicator="agreed", kind="milestone")
    few = replace(made, short_of=("deals",))
    assert made.lead_weeks == made.forward.peak_lag is not None
    assert few.lead_weeks is None
    assert replace(made, short_of=("weeks",)).lead_weeks is not None
    assert "most closely" in sentence(made, "en", FLOORS)
    assert "most closely" not in sentence(few, "en", FLOORS)
    assert "最も近い" not in sentence(few, "ja", FLOORS)
