"""Entries that wait longer than those that moved on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.assumptions import DEFAULTS
from indicators.incidence import aalen_johansen
from indicators.inputs import EntryTable, PartnerTable
from indicators.open_entries import rewound
from indicators.partner_priors import fitted_priors
from indicators.partner_rates import rates_given
from indicators.paths import canonical_paths
from indicators.quick_curves import quick_curves
from indicators.rates_then import rates_on
from indicators.stalled import (
    BEYOND,
    MOVING,
    STALLED,
    WARN,
    chance_at_rate,
    chance_of_next,
    next_step,
    paces,
    stalled_entries,
)
from indicators.stalled_over_time import lasting_states, paces_over_time
from indicators.subjects import Funnel
from tests.unit.reference.worlds import DAY0, events_of, generate

SOON = DAY0 + 400
# forty requests came after 1 to 40 days, so that 80 % came within 32 and 95 % within 38; ten were lost late
PAST = [[("listed", 100), ("requested", 100 + days)] for days in range(1, 41)] + [[("listed", 100), ("lost", 250)]] * 10
# no chance ever sinks far here: judged by age alone
BY_AGE = replace(DEFAULTS, little_chance=0.0)


def world_of(stories, activity=None):
    entries = EntryTable.of([str(i) for i in range(len(stories))], [0] * len(stories), last_activity_day=activity)
    partners = PartnerTable.of(["p"], ["legacy"], [0])
    return canonical_paths(events_of(stories), entries, partners, SOON), entries


def judge(*stories, activity=None, assumptions=BY_AGE, before=None):
    """The stories' states, judged by the pace of PAST."""
    past, _ = world_of(PAST)
    paths, entries = world_of(list(stories), activity)
    if before is not None:
        before = (np.array(before[0], np.int8), before[1])
    return stalled_entries(paths, entries, paces(past, ["legacy"], assumptions), assumptions, before=before)


def waiting(days):
    return [("listed", 400 - days)]


def status_of(*stories, **options):
    return judge(*stories, **options).status.tolist()


def test_the_limits_are_the_quantiles_of_those_that_moved_on():
    pace = paces(world_of(PAST)[0], ["legacy"])[0][0]
    assert (pace.p80, pace.p95, pace.pooled, pace.assumed) == (32, 38, False, False)


def test_warn_stalled_and_beyond_by_age():
    ages = (32, 33, 38, 39, 179, 180)
    assert status_of(*map(waiting, ages)) == [MOVING, WARN, WARN, STALLED, STALLED, BEYOND]


def test_days_over_are_counted_from_the_limit():
    result = judge(*map(waiting, (20, 32, 40)))
    assert result.age.tolist() == [20, 32, 40]
    assert result.days_over.tolist() == [0, 0, 8]


@pytest.mark.parametrize(("ago", "status"), [(0, MOVING), (13, MOVING), (14, STALLED)])
def test_a_recent_activity_clears_it_for_fourteen_days(ago, status):
    assert status_of(waiting(60), activity=[SOON - ago]) == [status]


def test_no_activity_makes_an_entry_younger_than_the_horizon_does():
    assert status_of(waiting(200), activity=[SOON]) == [BEYOND]


def test_a_chance_below_a_quarter_of_the_first_is_stalled():
    result = judge(*map(waiting, (0, 35, 37)), assumptions=DEFAULTS)
    now, entry = result.chance, result.chance_at_entry
    assert entry[0] == pytest.approx(0.8, abs=0.02)
    assert now[1] == pytest.approx(5 / 15, abs=0.03)  # five of the fifteen still open then went on
    assert now[2] == pytest.approx(3 / 13, abs=0.03)
    assert result.status.tolist() == [MOVING, WARN, WARN]
    faint = replace(DEFAULTS, little_chance=0.35)
    assert status_of(*map(waiting, (0, 35, 37)), assumptions=faint) == [MOVING, WARN, STALLED]


def test_only_entries_before_the_deal_can_stall():
    ended = [[("listed", 0), ("deal", 50)], [("listed", 0), ("lost", 50)], [("listed", 0), ("won", 50)]]
    result = judge(*ended)
    assert not result.open.any()
    assert result.status.tolist() == [MOVING] * 3
    assert result.next.tolist() == [-1] * 3


def test_an_entry_without_events_is_not_open():
    assert not judge([]).open.any()


def test_an_entry_without_events_is_not_open_beside_one_that_waits():
    result = judge(waiting(60), [])
    assert (result.open.tolist(), result.age.tolist(), result.status.tolist()) == ([True, False], [60, 0], [STALLED, 0])
    assert (result.next.tolist(), result.chance_at_entry[1]) == ([1, -1], 0)


def test_each_entry_is_judged_by_its_partners_type():
    """One type requests within 1 to 20 days, the other within 41 to 60: thirty days are long for the one alone."""
    quick, slow = ([[("listed", 100), ("requested", 100 + d)] for d in range(first, first + 20)] for first in (1, 41))
    stories = [*quick * 10, *slow * 10, waiting(30), waiting(30)]
    entries = EntryTable.of([str(i) for i in range(402)], [0] * 200 + [1] * 200 + [0, 1])
    partners = PartnerTable.of(["p", "q"], ["growth1", "legacy"], [0, 1])
    paths = canonical_paths(events_of(stories), entries, partners, SOON)
    table = paces(paths, partners.types, BY_AGE)
    assert [(row[0].p80, row[0].p95, row[0].pooled) for row in table] == [(16, 19, False), (56, 59, False)]
    assert stalled_entries(paths, entries, table, BY_AGE).status[-2:].tolist() == [STALLED, MOVING]


def test_an_entry_in_a_stage_that_nobody_has_named_is_not_open():
    past, _ = world_of(PAST)
    stories = [waiting(60), waiting(60)]
    paths, entries = world_of(stories)
    unnamed = replace(entries, unplaced=np.array([True, False]))
    result = stalled_entries(paths, unnamed, paces(past, ["legacy"], BY_AGE), BY_AGE)
    assert (result.open.tolist(), result.status.tolist()) == ([False, True], [MOVING, STALLED])


def test_where_everybody_has_gone_on_sooner_or_later_nobodys_chance_is_faint():
    assert chance_at_rate(np.array([1.0, 1.0, 0.0]), 1.0, np.array([0.97, 0.5, 0.5])).tolist() == [1, 1, 0]


def test_the_next_step_is_the_next_milestone():
    result = judge(waiting(60), [("listed", 300), ("agreed", 310)])
    assert [next_step(code) for code in result.next.tolist()] == ["requested", "executed"]
    assert next_step(-1) is None


def test_the_age_restarts_with_the_last_entry_into_a_milestone():
    back = [("listed", 0), ("requested", 50), ("listed", 390)]
    result = judge(back)
    assert result.age.tolist() == [10]


def test_stalled_on_the_record_means_stalled_or_beyond():
    result = judge(*map(waiting, (10, 35, 60, 200)))
    assert result.is_stalled.tolist() == [False, False, True, True]


@pytest.mark.parametrize(("conversions", "assumed"), [(19, True), (20, False)])
def test_twenty_conversions_are_enough_to_judge_by(conversions, assumed):
    stories = [[("listed", 300), ("requested", 310)]] * conversions + [waiting(150)] * 20
    paths, _ = world_of(stories)
    assert paces(paths, ["legacy"])[0][0].assumed is assumed


def test_with_few_conversions_all_types_speak_and_then_the_defaults():
    stories = [*PAST, waiting(0)]
    entries = EntryTable.of([str(i) for i in range(len(stories))], [0] * len(PAST) + [1])
    partners = PartnerTable.of(["p", "q"], ["legacy", "growth1"], [0, 1])
    paths = canonical_paths(events_of(stories), entries, partners, SOON)
    own, lent = (row[0] for row in paces(paths, partners.types))
    assert (own.pooled, lent.pooled, lent.p80) == (False, True, 32)
    nothing = paces(paths, partners.types)[1][3]
    assert (nothing.assumed, nothing.p80, nothing.p95) == (True, 30, 60)
    deciding = [[("listed", 300), ("executed", 400 - days)] for days in (30, 31, 60, 61)]
    paths, entries = world_of(deciding)
    result = stalled_entries(paths, entries, ((nothing,) * 4,), rates=np.full((1, 4), 0.5))
    assert result.status.tolist() == [MOVING, WARN, WARN, STALLED], "by age alone: no chance is known"
    assert (result.chance.tolist(), result.chance_at_entry.tolist(), result.known.any()) == ([0] * 4, [0] * 4, False)


def test_a_status_falls_only_by_a_milestone_or_an_activity():
    yesterday = SOON - 1
    assert status_of(waiting(33), before=([STALLED], yesterday)) == [STALLED]
    assert status_of(waiting(33), before=([STALLED], yesterday), activity=[SOON]) == [MOVING]
    moved = [("listed", 300), ("requested", 400)]
    assert status_of(moved, before=([STALLED], yesterday)) == [MOVING]


def test_the_chance_is_what_the_formula_of_one_rate_says():
    """p (1 - F) / (p (1 - F) + (1 - p)(1 - G)), with F and G the delays given conversion and given none (METHODS 3e)."""
    rng = np.random.default_rng(1)
    curve = aalen_johansen(rng.integers(0, 200, 500), rng.integers(0, 3, 500))
    p = curve.f1[-1]
    f, g = curve.f1 / p, curve.f2 / (1 - p)
    c = np.arange(150)
    expected = p * (1 - f) / (p * (1 - f) + (1 - p) * (1 - g))
    np.testing.assert_allclose(chance_of_next(curve)[c], expected[c], atol=1e-9)


def test_an_entry_is_judged_by_its_partners_rate():
    """With F and G as above: a partner of 0.2 has less of a chance at every age, one of 0.9 more, and one of the type's rate the type's."""
    rng = np.random.default_rng(1)
    curve = aalen_johansen(rng.integers(0, 200, 500), rng.integers(0, 3, 500))
    of_type, at_entry, c = chance_of_next(curve), float(curve.f1[-1]), np.arange(150)
    f, g = curve.f1 / at_entry, curve.f2 / (1 - at_entry)
    for p in (0.2, at_entry, 0.9):
        expected = p * (1 - f) / (p * (1 - f) + (1 - p) * (1 - g))
        found = chance_at_rate(of_type, at_entry, np.full(len(of_type), p))
        np.testing.assert_allclose(found[c], expected[c], atol=1e-9)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_chance_at_any_rate_is_a_chance(chance, at_entry, rate):
    found = chance_at_rate(np.array([chance]), at_entry, np.array([rate]))
    assert 0 <= found[0] <= 1


def test_little_chance_is_a_quarter_of_the_partners_rate_and_not_of_the_types():
    """At rate p the chance is p / (p + (1 - p) L), with L = (1 - G) / (1 - F): below p / 4 where p + (1 - p) L > 4."""
    past, _ = world_of(PAST)
    table = paces(past, ["legacy"], DEFAULTS)
    pace = table[0][0]
    paths, entries = world_of([waiting(36)])
    r, p_t = pace.chances[36], pace.at_entry
    longer = (1 - r) / r * p_t / (1 - p_t)
    limit = (longer - 4) / (longer - 1)
    assert 0.3 < limit < p_t, "the type's own rate is not faint yet"
    told = []
    for p in (limit - 0.01, limit + 0.01):
        found = stalled_entries(paths, entries, table, DEFAULTS, rates=np.full((1, 4), p))
        assert found.chance_at_entry[0] == p
        assert (found.chance[0] < p / 4) == (p < limit)
        told.append(found.status[0])
    assert told == [STALLED, WARN]
    assert stalled_entries(paths, entries, table, DEFAULTS).status.tolist() == [WARN]


def test_a_partners_rates_of_earlier_days_are_those_that_were_told_of_what_is_known_then(tmp_path):
    world = generate(tmp_path, "messy", entries=1500)
    funnel = Funnel(world.paths())
    days = [world.as_of - back for back in (150, 61, 30, 0)]
    curves = quick_curves(funnel, world.partners.types)
    priors = fitted_priors(funnel, world.partners, curves)
    found = rates_on(funnel, days, world.partners, curves, priors)
    for day, rates in zip(days, found, strict=True):
        then = rates_given(Funnel(rewound(funnel.paths, day)), world.partners, curves, priors)
        np.testing.assert_array_equal(rates, then.rate)
    assert (found[0] != found[-1]).any()
    assert rates_on(funnel, [], world.partners, curves, priors).shape == (0, len(world.partners), 4)


def test_limits_move_at_month_ends_only():
    paths, _ = world_of([*PAST, waiting(5)])
    found = paces_over_time(Funnel(paths), ["legacy"], BY_AGE)
    ends = [day for day, _ in found]
    assert [str(np.datetime64(day, "D")) for day in ends] == [
        "2025-05-31", "2025-06-30", "2025-07-31", "2025-08-31", "2025-09-30", "2025-10-31",
    ]  # fmt: skip
    assert SOON - ends[-1] < 31
    assert found[-1][1][0][0].p95 == 38


def test_what_was_stalled_stays_so_when_limits_rise_and_a_milestone_or_an_activity_clears_it():
    pace = paces(world_of(PAST)[0], ["legacy"], BY_AGE)[0][0]
    strict, lenient = (((replace(pace, p80=p80, p95=p95),) * 4,) for p80, p95 in ((5, 9), (90, 99)))
    over_time = ((SOON - 60, strict), (SOON - 20, lenient))
    paths, entries = world_of([waiting(40), waiting(15), waiting(40)], [-1, -1, SOON - 10])
    found = lasting_states(paths, entries, over_time, BY_AGE)
    # the first waited 19 days when the limits rose; the second came later; on the third somebody worked since
    assert found.status.tolist() == [STALLED, MOVING, MOVING]
    assert found.age.tolist() == [40, 15, 40]
    assert lasting_states(paths, entries, over_time[1:], BY_AGE).status.tolist() == [MOVING] * 3


def test_limits_are_asked_for_the_last_time_on_the_day_before_the_next_ones_hold():
    """By the strict ones over nine days are too long: nine had passed on that day since the one came, and ten since the other."""
    pace = paces(world_of(PAST)[0], ["legacy"], BY_AGE)[0][0]
    strict, lenient = (((replace(pace, p80=p80, p95=p95),) * 4,) for p80, p95 in ((5, 9), (90, 99)))
    paths, entries = world_of([waiting(30), waiting(31)])
    found = lasting_states(paths, entries, ((SOON - 60, strict), (SOON - 20, lenient)), BY_AGE)
    assert found.status.tolist() == [WARN, STALLED]


def test_each_month_ends_limits_go_with_the_partners_rates_of_then():
    """At a rate that makes the chance faint it is stalled, and stays so when the partner's rate has risen since."""
    table = paces(world_of(PAST)[0], ["legacy"], DEFAULTS)
    paths, entries = world_of([waiting(36)])
    poor, good = (np.full((1, 4), rate) for rate in (0.35, 0.9))
    over_time = ((SOON - 30, table), (SOON, table))
    told = [
        lasting_states(paths, entries, over_time, rates=np.array(rates)).status[0]
        for rates in ((good, good), (good, poor), (poor, good))
    ]
    earlier = stalled_entries(paths, entries, table, rates=poor, on=SOON - 1)
    assert (told, earlier.status[0]) == ([WARN, STALLED, STALLED], STALLED)


def test_a_month_end_with_too_little_to_go_by_is_told_by_todays_limits():
    november = [[("listed", 393), ("requested", 393 + n % 7)] for n in range(70)]
    found = paces_over_time(Funnel(world_of(november)[0]), ["legacy"], BY_AGE)
    assert [(table[0][0].p80, table[0][0].p95, table[0][0].assumed) for _, table in found] == [(5, 6, False)] * 6
    assert [table[0][1].assumed for _, table in found] == [True] * 6, "of a step that nobody has taken yet"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 170), min_size=1, max_size=12), st.integers(0, 40))
def test_an_entry_that_only_ages_never_falls_back(ages, later):
    """From one day to the next, whatever else comes in: nothing flickers."""
    stories = [*PAST, *[[("listed", 330), ("requested", 330 + day)] for day in ages], *map(waiting, ages)]
    told = []
    for as_of in (SOON, SOON + later):
        entries = EntryTable.of([str(i) for i in range(len(stories))], [0] * len(stories))
        paths = canonical_paths(events_of(stories), entries, PartnerTable.of(["p"], ["legacy"], [0]), as_of)
        over_time = paces_over_time(Funnel(paths), ["legacy"])
        told.append(lasting_states(paths, entries, over_time))
    same = told[1].open & told[0].open & (told[1].age == told[0].age + later)
    assert (told[1].status[same] >= told[0].status[same]).all()
