"""Targets: the worked example to the digit, every verdict, whole numbers that agree, and a plan that is carried out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from indicators.allocation import allocate
from indicators.arrivals import arrivals
from indicators.assumptions import Assumptions
from indicators.counting import poisson_binomial
from indicators.curves import onward
from indicators.happenings import Happenings
from indicators.inputs import DEAL, LISTED, NO_DAY, EntryTable, EventTable, PartnerTable, day_number
from indicators.month import Month, chances_in, landing_in, landing_of, rate_spread, weeks_until
from indicators.month_goals import month_goals
from indicators.new_mix import shares_of
from indicators.paths import canonical_paths
from indicators.reverse_funnel import Chances, chance_to_reach, chances_of, least, static_needs
from indicators.static_table import static_table, static_table_of_mix
from indicators.target_plan import VERDICTS
from indicators.targets import target_plan
from indicators.weekly import whole_goals
from jobs.steps.actual import by_plan
from tests.unit.reference.histories import AS_OF, MONTH, outlook_of, play, played, tables
from tests.unit.reference.worlds import DAY0, events_of

quick = settings(max_examples=60, deadline=None)
LEAN = Assumptions(replicates=60, draws=200)
AFTER = Month(MONTH.end + 1, MONTH.end + 30)
TYPES = ("legacy", "growth1")


def busy_outlook(seed=5, n=1500, partners=4, as_of=AS_OF):
    """A steady stream of entries of four partners of two types."""
    rng = np.random.default_rng(seed)
    events, entries, _ = tables(*played(rng, rng.integers(as_of - 500, as_of, n)), as_of)
    owner = rng.integers(0, partners, n)
    table = PartnerTable.of([f"p{i}" for i in range(partners)], TYPES, np.arange(partners) % 2)
    return outlook_of(events, EntryTable.of(entries.ids, owner), table, as_of, LEAN)


def test_r16_static_table_of_the_worked_example():
    needs = static_needs(20, (0.5, 0.6, 0.75, 0.55))
    assert [round(n, 2) for n in needs] == [161.62, 80.81, 48.48, 36.36, 20.0]
    assert [int(np.ceil(n)) for n in needs] == [162, 81, 49, 37, 20]


def test_r16_even_and_safe_plan_of_the_worked_example():
    """30 under way at 0.2 each, new entries landing with 0.12375: the plan that is a coin toss, and the one that holds."""
    under_way = poisson_binomial([0.2] * 30)[None, :]

    def chance(entries):
        return chance_to_reach(20, under_way, np.array([entries * 0.12375]))

    even, safe = (least(lambda n, p=p: chance(n) >= p) for p in (0.5, 0.8))
    assert (even, safe) == (111, 142)
    assert (round(chance(111), 3), round(chance(142), 4)) == (0.508, 0.8033)
    assert (round(6 + 111 * 0.12375, 2), round(6 + 142 * 0.12375, 2)) == (19.74, 23.57)
    by_draws = chances_of(20, Happenings.of(np.full((30, 1), 0.2)))
    assert by_draws.reach(np.array([142 * 0.12375])) == pytest.approx(0.8033, abs=1e-4)


def test_very_many_deals_are_told_as_nearly_as_many():
    under_way = Happenings.of(np.random.default_rng(3).random((520, 3)) * 0.9)
    summed = chances_of(400, under_way)
    alike = Chances(400, under_way, None)
    assert summed.shares is not None
    for new in (120.0, 160.0, 200.0):
        assert alike.reach(np.full(3, new)) == pytest.approx(summed.reach(np.full(3, new)), abs=0.001)
    assert chances_of(4000, under_way).shares is None


def test_a_conversion_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        static_needs(10, (0.5, 0.0))


def test_a_plan_carried_out_reaches_its_deals_as_often_as_it_says():
    """METHODS 3f: the mean plan is a coin toss, the safe plan holds in 75 to 90 % of histories. All 400: python -m bench.recovery."""
    outcomes = [play(seed) for seed in range(60)]
    assert {o.plan.verdict for o in outcomes} == {"feasible"}
    safe = np.mean([o.safe_plan_deals >= 20 for o in outcomes])
    mean = np.mean([o.mean_plan_deals >= 20 for o in outcomes])
    assert 0.75 <= safe <= 0.90
    assert 0.40 <= mean <= 0.65


def test_what_is_already_there_asks_for_nothing():
    outlook = busy_outlook()
    now = Month(AS_OF - 20, AS_OF + 10)
    plan = target_plan(outlook, 3, now)
    assert plan.achieved > 3
    assert (plan.verdict, plan.in_flight_only) == ("already_covered", 1.0)
    assert plan.safe is not None
    assert plan.safe.entries == 0
    assert plan.weekly.goals[LISTED].sum() == 0
    covered = target_plan(outlook, plan.achieved + 1, now)
    assert covered.verdict == "already_covered"
    assert covered.in_flight_only is not None
    assert 0.8 <= covered.in_flight_only < 1


def test_a_feasible_plan_deducts_what_is_under_way():
    outlook = busy_outlook()
    plan = target_plan(outlook, 10, MONTH)
    assert plan.verdict == "feasible"
    assert plan.mean is not None
    assert plan.safe is not None
    assert plan.in_flight > 1
    assert 0 < plan.mean.entries < plan.safe.entries
    assert plan.mean.expected == pytest.approx(10, abs=0.2)
    assert plan.safe.chance >= 0.8
    nothing = replace(outlook, under_way=outlook.under_way.__class__(*(np.zeros(0, np.int64) for _ in range(6))))
    more = target_plan(nothing, 10, MONTH)
    assert more.safe is not None
    assert more.safe.entries > plan.safe.entries


def test_more_than_can_be_listed_is_told_with_what_would_be_needed():
    plan = target_plan(busy_outlook(), 60, MONTH)
    assert plan.verdict == "infeasible_capacity"
    at = plan.at_capacity
    assert at is not None
    assert at.chance < 0.8
    assert at.shortfall == pytest.approx(60 - at.expected)
    assert at.needed_rate > at.rate
    np.testing.assert_allclose(plan.listed, plan.capacity)


def test_capacity_is_the_best_four_weeks_of_half_a_year_and_a_quarter():
    """METHODS 3f: the largest 4-week mean of the trailing 26 weeks, times 1.25, by type."""
    outlook = busy_outlook()
    back = (AS_OF - outlook.paths.reached[:, LISTED].astype(int)) // 7
    for t in range(2):
        weeks = [int(((back == w) & (outlook.paths.type == t)).sum()) for w in range(26)]
        best = max(sum(weeks[w : w + 4]) / 4 for w in range(23))
        assert target_plan(outlook, 10, MONTH).capacity[t] == pytest.approx(1.25 * best)


def test_with_the_conversion_that_is_needed_capacity_brings_the_deals():
    plan = target_plan(busy_outlook(), 60, MONTH)
    at, base = plan.at_capacity, plan.achieved + plan.in_flight
    assert at is not None
    assert base + (at.expected - base) * at.needed_rate / at.rate == pytest.approx(60)


def test_a_type_without_room_leaves_its_part_to_the_others():
    outlook = busy_outlook()
    free = target_plan(outlook, 10, MONTH)
    tight = target_plan(outlook, 10, MONTH, capacity=np.array([free.listed[0] / 2, 100.0]))
    assert tight.verdict == "feasible"
    assert tight.listed[0] <= free.listed[0] / 2 + 1e-9
    assert tight.listed[1] > free.listed[1]
    assert target_plan(outlook, 10, MONTH, capacity=np.array([0.0, 0.0])).verdict == "infeasible_capacity"


def test_too_late_names_the_first_month_that_can_still_be_met():
    outlook = busy_outlook()
    soon = Month(AS_OF - 24, AS_OF + 5)
    later = tuple(Month(AS_OF + 6 + 30 * i, AS_OF + 35 + 30 * i) for i in range(12))
    plan = target_plan(outlook, 40, soon, earliest=later)
    assert plan.verdict == "infeasible_time"
    assert plan.landing < 0.05
    assert plan.earliest is None
    possible = target_plan(outlook, plan.achieved + 3, soon, earliest=later)
    assert possible.verdict == "infeasible_time"
    assert possible.earliest in later
    first = target_plan(outlook, plan.achieved + 3, possible.earliest)
    assert first.verdict in {"feasible", "already_covered"}


def test_a_month_that_is_over_has_no_plan_but_an_answer():
    outlook = busy_outlook()
    past = Month(AS_OF - 60, AS_OF - 31)
    came = target_plan(outlook, 0, past).achieved
    assert target_plan(outlook, came, past).verdict == "already_covered"
    missed = target_plan(outlook, came + 1, past)
    assert missed.verdict == "infeasible_time"
    assert missed.weekly.weeks == ()
    assert allocate(outlook, missed, MONTH).target.sum() == came + 1


@pytest.mark.parametrize(
    "stories",
    [[], [[("listed", 390)]] * 40, [[("listed", 100), ("lost", 120)]] * 40],
    ids=["empty", "all open", "all lost"],
)
def test_too_little_data_says_so_and_still_shows_a_table(stories):
    entries = EntryTable.of([f"e{i}" for i in range(len(stories))], [0] * len(stories))
    outlook = outlook_of(events_of(stories), entries, PartnerTable.of(["p"], ["legacy"], [0]), DAY0 + 400, LEAN)
    month = Month(DAY0 + 401, DAY0 + 430)
    plan = target_plan(outlook, 20, month)
    assert plan.verdict == "not_enough_data"
    assert plan.immature
    assert (plan.mean, plan.safe) == (None, None)
    rows = static_table(outlook, 20, month)
    assert rows[DEAL].whole == 20
    assert [row.needed for row in rows[:DEAL]] == [None] * 4
    assert all(row.low is None or row.low >= 20 for row in rows)
    shared = allocate(outlook, plan, Month(DAY0 + 431, DAY0 + 460))
    assert shared.target.sum() == 20
    assert np.isfinite(shared.next_month.new).all()


def test_no_partner_at_all_is_no_crash():
    nobody = outlook_of(EventTable.of([], [], []), EntryTable.of([], []), PartnerTable.of([], [], []), DAY0 + 400, LEAN)
    plan = target_plan(nobody, 20, Month(DAY0 + 401, DAY0 + 430))
    assert plan.verdict == "not_enough_data"
    assert allocate(nobody, plan, Month(DAY0 + 431, DAY0 + 460)).target.sum() == 0


def test_an_impossible_number_of_deals_is_refused():
    with pytest.raises(ValueError, match="-1 deals"):
        target_plan(busy_outlook(), -1, MONTH)


def test_weeks_are_monday_to_sunday_but_for_both_ends():
    thursday, end = day_number(np.datetime64("2026-11-25")), day_number(np.datetime64("2026-12-15"))
    weeks = weeks_until(thursday, end)
    assert [week.days for week in weeks] == [4, 7, 7, 2]
    assert weeks[0].start == thursday + 1
    assert weeks[-1].end == end
    assert weeks_until(end, end) == ()


def test_weekly_goals_sum_to_the_total_and_earlier_milestones_come_first():
    plan = target_plan(busy_outlook(), 10, MONTH)
    weekly = plan.weekly
    expected = weekly.in_flight + weekly.new
    for k in range(DEAL + 1):
        assert weekly.total(k) >= np.ceil(expected[k].sum() - 1e-9)
    for k in range(DEAL):
        reached, following = (np.cumsum(weekly.goals[j].sum(axis=0)) for j in (k, k + 1))
        assert (reached >= following - np.cumsum(weekly.in_flight[k + 1].sum(axis=0)) - 1e-6).all()
    latest = weekly.latest
    assert list(latest) == sorted(latest), "a later milestone may wait longer"
    assert latest[DEAL] == len(weekly.weeks) - 1
    assert latest[LISTED] < latest[DEAL]


def test_the_latest_useful_week_is_the_last_worth_half_of_the_best():
    """METHODS 3f, 5: the last week w with g(w) >= g(best) / 2, g the share of its entries that is a deal in the month."""
    outlook = busy_outlook()
    plan = target_plan(outlook, 10, MONTH)
    starts = np.array([week.start for week in plan.weekly.weeks])
    for k in range(DEAL):
        worth = sum(
            plan.listed[t] * np.prod([curve.rate for curve in row[k:]]) * landing_of(onward(row)[k], MONTH, starts)
            for t, row in enumerate(outlook.curves[:2])
        )
        useful = [w for w, of_week in enumerate(worth) if of_week >= worth.max() / 2]
        assert plan.weekly.latest[k] == useful[-1]
        assert min(worth) < worth.max() / 2 or k, "not every week is"


def test_weekly_expectations_are_those_of_the_plan():
    """What the weeks say of deals in the month is what the plan promises."""
    plan = target_plan(busy_outlook(), 10, MONTH)
    inside = [i for i, week in enumerate(plan.weekly.weeks) if week.start >= MONTH.start]
    assert plan.weekly.weeks[inside[0]].start == MONTH.start or plan.weekly.weeks[inside[0] - 1].end >= MONTH.start
    deals = (plan.weekly.in_flight + plan.weekly.new)[DEAL].sum(axis=0)
    partly = plan.weekly.weeks[inside[0] - 1]
    share = max(0, partly.end - MONTH.start + 1) / partly.days
    assert plan.safe is not None
    assert deals[inside].sum() + share * deals[inside[0] - 1] == pytest.approx(plan.safe.expected, rel=0.03)


shapes = st.tuples(st.integers(1, 3), st.integers(1, 6))


@quick
@given(shapes, st.integers(0, 2**32 - 1))
def test_whole_goals_never_lose_a_part(shape, seed):
    rng = np.random.default_rng(seed)
    in_flight, new = rng.random((5, *shape)) * 3, rng.random((5, *shape)) * 5
    in_flight[LISTED] = 0
    goals = whole_goals(in_flight, new)
    assert (goals >= 0).all()
    for k in range(DEAL + 1):
        assert goals[k].sum() >= int(np.ceil((in_flight + new)[k].sum() - 1e-9))
    for k in range(DEAL):
        reached, following = (np.cumsum(goals[j].sum(axis=0)) for j in (k, k + 1))
        assert (reached >= following - np.cumsum(in_flight[k + 1].sum(axis=0)) - 1e-6).all()


def test_what_is_under_way_asks_for_nothing_before_it():
    """METHODS 3f, 6: N_k >= N_(k+1) less those under way that come to k + 1, and no more than that."""
    in_flight, new = np.zeros((5, 1, 2)), np.zeros((5, 1, 2))
    in_flight[DEAL, 0], new[DEAL - 1, 0] = [3.0, 2.0], [0.0, 0.3]
    assert whole_goals(in_flight, new).sum(axis=(1, 2)).tolist() == [0, 0, 0, 1, 5]


def test_partners_parts_sum_to_the_target_and_follow_what_they_can_bring():
    outlook = busy_outlook()
    plan = target_plan(outlook, 10, MONTH)
    shared = allocate(outlook, plan, AFTER)
    assert shared.target.sum() == 10
    assert shared.entries.sum() == plan.weekly.total(LISTED)
    likely = shared.in_flight + shared.new
    assert np.abs(shared.target - 10 * likely / likely.sum()).max() < 1
    order = shared.next_month.order
    coming = (shared.next_month.in_flight + shared.next_month.new)[order]
    assert (np.diff(coming) <= 1e-9).all()
    assert shared.next_month.waiting.sum() == len(outlook.under_way)


def test_what_a_partner_is_expected_to_bring_is_told_day_by_day_of_its_share_of_the_new_entries():
    """Its type's entries by pace, listed alike on each day left, each a deal by the days that are left and the partner's own rates."""
    outlook = busy_outlook()
    plan = target_plan(outlook, 10, MONTH)
    shared = allocate(outlook, plan, AFTER)
    rates, weekly, kind = outlook.rates.rate.prod(axis=1), outlook.arriving.weekly, outlook.partners.type
    goals = plan.weekly.goals[LISTED].sum(axis=1)
    for i, t in enumerate(kind):
        whole = onward(outlook.curves[t])[LISTED]
        lands = {
            month: sum(landing_of(whole, month, np.array([day]))[0] for day in range(AS_OF + 1, month.end + 1))
            for month in (MONTH, AFTER)
        }
        share = weekly[i] / weekly[kind == t].sum()
        assert shared.new[i] == pytest.approx(plan.listed[t] / 7 * share * lands[MONTH] * rates[i])
        assert shared.next_month.new[i] == pytest.approx(weekly[i] / 7 * lands[AFTER] * rates[i])
        assert abs(shared.entries[i] - goals[t] * share) < 1
        mine = outlook.under_way.partner == i
        by_milestone = np.bincount(outlook.under_way.milestone[mine], minlength=DEAL)
        assert shared.next_month.waiting[i].tolist() == by_milestone.tolist()
        assert shared.next_month.in_flight[i] == pytest.approx(
            chances_in(outlook, AFTER, outlook.under_way)[mine].sum()
        )
        assert shared.in_flight[i] == pytest.approx(chances_in(outlook, MONTH, outlook.under_way)[mine].sum())


def test_deals_that_nothing_is_expected_to_bring_are_shared_by_pace_among_those_asked():
    """In a month that is over: by the pace of late, and alike where there is none, but never to a partner that was not asked."""
    outlook = busy_outlook()
    over = Month(AS_OF - 60, AS_OF - 31)
    scope = np.array([True, False, True, True])
    for weekly in (np.array([3.0, 9.0, 1.0, 0.0]), np.zeros(4)):
        arriving = replace(outlook.arriving, shape=weekly, scale=np.ones(4))
        paced = replace(outlook, arriving=arriving)
        plan = target_plan(paced, 1000, over, scope=scope)
        left = allocate(paced, plan, MONTH, scope).target - plan.achieved_by
        share = np.where(scope, weekly, 0) if weekly.any() else scope
        assert left.sum() == 1000 - plan.achieved_by.sum()
        assert np.abs(left - left.sum() * share / share.sum()).max() < 1


def test_a_months_goals_do_not_move_while_it_is_worked_on():
    """They are those of the day before it; nothing that happens in the month changes them, and before it they are of the day that is looked at."""
    rng = np.random.default_rng(8)
    events, entries, _ = tables(*played(rng, rng.integers(AS_OF - 500, AS_OF, 900)), AS_OF)
    partners = PartnerTable.of(["p0", "p1", "p2"], TYPES, [0, 1, 0])
    owner = EntryTable.of(entries.ids, rng.integers(0, 3, 900))
    month, after = Month(AS_OF - 20, AS_OF + 9), Month(AS_OF + 10, AS_OF + 40)
    told = {
        as_of: month_goals(
            canonical_paths(events, owner, partners, as_of), partners, 12, month, after, assumptions=LEAN
        )
        for as_of in (month.start - 1, month.start + 3, AS_OF)
    }
    before, *within = (allocation for _, allocation in told.values())
    assert before.target.sum() == 12
    for later in within:
        assert later.target.tolist() == before.target.tolist()
        np.testing.assert_array_equal(later.new, before.new)
    assert {plan.as_of for plan, _ in told.values()} == {month.start - 1}
    early = canonical_paths(events, owner, partners, month.start - 8)
    assert month_goals(early, partners, 12, month, after, assumptions=LEAN)[0].as_of == month.start - 8


def test_a_partner_whose_contract_has_ended_is_asked_for_no_new_entries():
    outlook = busy_outlook()
    gone = np.full(len(outlook.partners), NO_DAY, np.int32)
    gone[0] = outlook.as_of - 10
    for ended in (gone, np.full(len(gone), outlook.as_of - 10, np.int32)):
        partners = replace(outlook.partners, ended_day=ended)
        left = replace(outlook, partners=partners, arriving=arrivals(outlook.paths, partners))
        plan = target_plan(left, 10, MONTH)
        shared = allocate(left, plan, AFTER)
        assert shared.target.sum() == 10
        assert shared.entries.sum() == plan.weekly.total(LISTED)
        assert np.isfinite(shared.new).all()
        assert (shared.next_month.new[ended != NO_DAY] == 0).all()
        if ended is gone:
            assert (shared.entries[0], shared.new[0]) == (0, 0)
            assert (shared.entries[1:] > 0).any()


def test_whom_to_work_on_is_told_by_what_ten_more_entries_bring_and_where_most_deals_stand():
    outlook = busy_outlook()
    found = allocate(outlook, target_plan(outlook, 10, MONTH), AFTER).next_month
    coming = chances_in(outlook, AFTER, outlook.under_way)
    days = np.arange(AS_OF + 1, AS_OF + 8)
    for i, kind in enumerate(outlook.partners.type):
        share = landing_of(onward(outlook.curves[kind])[LISTED], AFTER, days).mean()
        assert found.gain[i] == pytest.approx(10 * share * outlook.rates.rate[i].prod())
        mine = outlook.under_way.partner == i
        by = [coming[mine & (outlook.under_way.milestone == k)].sum() for k in range(DEAL)]
        assert found.focus[i] == np.argmax(by)


def test_a_scope_asks_its_partners_alone():
    outlook = busy_outlook()
    scope = np.array([True, False, False, False])
    plan = target_plan(outlook, 4, MONTH, scope=scope)
    shared = allocate(outlook, plan, AFTER, scope)
    assert shared.target.tolist() == [4, 0, 0, 0]
    assert plan.pace[1] == 0
    assert plan.in_flight < target_plan(outlook, 4, MONTH).in_flight
    assert (shared.next_month.new[1:] == 0).all()


def test_a_months_milestones_are_at_least_what_its_deals_take_in_the_long_run():
    """The month is too short for new entries, so that none are asked for its own deals; those of the months after it want them all the same."""
    outlook = busy_outlook()
    short = Month(AS_OF + 1, AS_OF + 10)
    plan = target_plan(outlook, 30, short, earliest=(AFTER,))
    assert plan.verdict == "infeasible_time"
    assert plan.weekly.goals[LISTED].sum() == 0
    by_type = by_plan(plan, TYPES)
    for t, kind in enumerate(TYPES):
        numbers = by_type[kind]
        rates = [curve.rate for curve in outlook.curves[t]]
        needs = [0, 0, 0, 0, 0] if numbers[DEAL] == 0 else [*map(np.ceil, static_needs(numbers[DEAL], rates)[:DEAL])]
        assert all(numbers[k] >= needs[k] for k in range(DEAL))
        assert numbers[LISTED] == needs[LISTED]
    assert by_type["all"] == [sum(by_type[kind][k] for kind in TYPES) for k in range(DEAL + 1)]
    assert by_type["all"][DEAL] == 30


def test_where_nothing_is_planned_the_numbers_are_nothing_without_a_sign():
    """With many types numpy takes the greater of 0 and -0 eight at a time, and may take the second."""
    plan = target_plan(busy_outlook(), 30, MONTH)
    none = np.zeros((DEAL + 1, 16, len(plan.weekly.weeks)))
    weekly = replace(plan.weekly, goals=none.astype(np.int64), in_flight=none, new=none)
    found = by_plan(
        replace(plan, weekly=weekly, pace=np.zeros(16), rates=np.tile(plan.rates, (8, 1))),
        [f"type {i}" for i in range(16)],
    )
    assert all(not np.signbit(numbers).any() for numbers in found.values())


def test_the_static_table_knows_by_when():
    outlook = busy_outlook()
    rows = static_table(outlook, 20, MONTH)
    by = [row.by for row in rows]
    assert by == sorted(by)
    assert by[DEAL] == MONTH.end
    for row in rows[:DEAL]:
        assert row.low <= row.whole <= row.high
        days = onward(outlook.curves[-1])[row.milestone]  # cumulated delay to the deal
        assert days[MONTH.end - row.by] >= 0.5 * days[-1] > days[MONTH.end - row.by - 1], "by the median lead time"
    assert static_table(outlook, 20, MONTH, partner_type=0)[LISTED].whole != rows[LISTED].whole


def rated(outlook, *rates):
    """The outlook with these conversions of each type, and no unrecorded milestones."""
    rows = [
        tuple(replace(c, rate=r) for c, r in zip(row, of, strict=True))
        for row, of in zip(outlook.curves, rates, strict=False)
    ]
    return replace(outlook, curves=(*rows, outlook.curves[-1]))


def test_the_static_table_of_a_mix_by_hand():
    """Three of four new entries of legacy: .75 x .5 + .25 x .4 = .475 are requested, .275, .19375 and .1053125 come further; 20 deals over that."""
    outlook = rated(busy_outlook(), (0.5, 0.6, 0.75, 0.55), (0.4, 0.5, 0.5, 0.5))
    rows = static_table_of_mix(outlook, 20, MONTH, np.array([0.75, 0.25]), [(0.0,) * 5] * 2)
    assert [round(row.needed, 3) for row in rows] == [189.911, 90.208, 52.226, 36.795, 20.0]
    assert [row.whole for row in rows] == [190, 91, 53, 37, 20]
    assert [round(row.rate, 5) for row in rows[:DEAL]] == [0.475, 0.57895, 0.70455, 0.54355]
    assert all(row.low <= row.whole <= row.high for row in rows)
    by = [row.by for row in rows]
    assert by == sorted(by)
    assert by[DEAL] == MONTH.end


@pytest.mark.parametrize("only", [0, 1])
def test_the_static_table_of_a_mix_of_one_type_is_that_types(only):
    outlook = busy_outlook()
    mixed = static_table_of_mix(outlook, 20, MONTH, np.eye(2)[only], [(0.0,) * 5] * 2)
    alone = static_table(outlook, 20, MONTH, partner_type=only)
    assert [(r.milestone, r.whole, r.low, r.high, r.by) for r in mixed] == [
        (r.milestone, r.whole, r.low, r.high, r.by) for r in alone
    ]
    assert [r.needed for r in mixed] == pytest.approx([r.needed for r in alone])


def test_new_entries_are_as_somebody_has_said_of_the_types_that_are_there_or_else_as_of_late():
    pace, there = np.array([3.0, 1.0, 4.0]), np.array([True, True, False])
    for said, expected in (
        (None, ([0.375, 0.125, 0.5], False)),
        (np.array([30.0, 10.0, 60.0]), ([0.75, 0.25, 0.0], True)),
        (np.array([0.0, 0.0, 1.0]), ([0.375, 0.125, 0.5], False)),
    ):
        shares, as_said = shares_of(pace, said, there)
        assert (shares.tolist(), as_said) == expected
    nothing, as_said = shares_of(np.zeros(3), None, there)
    assert (nothing.tolist(), as_said) == ([0, 0, 0], False)


def test_a_plan_follows_the_mix_that_is_said_and_so_do_the_partners_parts():
    """Weights of any scale: 30 and 10 are three of four."""
    outlook = busy_outlook()
    free = np.full(2, np.inf)
    usual, said = (target_plan(outlook, 60, MONTH, capacity=free, mix=mix) for mix in (None, np.array([30.0, 10.0])))
    assert (usual.mix_said, said.mix_said) == (False, True)
    assert usual.mix == pytest.approx(usual.pace / usual.pace.sum())
    assert said.mix.tolist() == [0.75, 0.25]
    assert said.pace.tolist() == usual.pace.tolist(), "what was listed of late is told as it was"
    assert said.listed[0] == pytest.approx(3 * said.listed[1])
    case = (said.deals - said.achieved - said.in_flight) / said.mean.entries
    through = [float(np.prod([c.rate for c in row])) for row in outlook.curves[:2]]
    days = MONTH.end - outlook.as_of
    landed = landing_in(outlook.curves[:2], outlook.as_of, MONTH, outlook.as_of + 1, MONTH.end) / days
    assert case == pytest.approx(0.75 * landed[0] * through[0] + 0.25 * landed[1] * through[1], rel=0.02), (
        "B of METHODS 3f"
    )
    parts = allocate(outlook, said, AFTER)
    of_type = np.bincount(outlook.partners.type, weights=parts.entries)
    assert of_type.tolist() == said.weekly.goals[LISTED].sum(axis=1).tolist()
    assert of_type[0] == pytest.approx(3 * of_type[1], rel=0.02)
    assert parts.target.sum() == 60


def test_a_type_without_weight_or_partners_is_left_out_and_asked_alone_it_goes_by_its_pace():
    outlook = busy_outlook()
    only = np.array([1.0, 0.0])
    assert target_plan(outlook, 60, MONTH, mix=only).listed[1] == 0
    second = outlook.partners.type == 1
    alone = target_plan(outlook, 60, MONTH, scope=second, mix=only)
    assert alone.mix_said is False
    assert alone.mix.tolist() == [0.0, 1.0]
    both = target_plan(outlook, 60, MONTH, scope=second, mix=np.array([3.0, 1.0]))
    assert (both.mix_said, both.mix.tolist()) == (True, [0.0, 1.0])


def test_the_static_range_is_that_of_four_in_five():
    """Of the last step alone it is the deals over the quantiles of its rate."""
    outlook = busy_outlook()
    last = static_table(outlook, 1000, MONTH)[DEAL - 1]
    wide, narrow = (1000 / beta.ppf(share, *rate_spread(outlook.curves[-1][-1])) for share in (0.9, 0.1))
    assert last.low == pytest.approx(wide, rel=0.02)
    assert last.high == pytest.approx(narrow, rel=0.02)


def test_the_static_range_holds_what_is_needed_also_where_every_entry_converted():
    n = 40
    rows = [(entry, milestone, -60) for entry in range(n) for milestone in range(DEAL + 1)]
    entry, milestone, day = (np.array(column) for column in zip(*rows, strict=True))
    table = PartnerTable.of(["p"], ["legacy"], [0])
    outlook = outlook_of(
        EventTable.of(entry, milestone, day + AS_OF),
        EntryTable.of(list(map(str, range(n))), [0] * n),
        table,
        AS_OF,
        LEAN,
    )
    for row in static_table(outlook, 5, MONTH):
        assert row.whole == 5
        assert row.low <= row.whole <= row.high


def test_the_static_range_is_told_of_conversions_that_somebody_was_watched_for_and_of_no_others():
    table = PartnerTable.of(["p"], ["legacy"], [0])

    def rows(*events):
        entry, milestone, day = (
            (np.array(column, dtype=int) for column in zip(*events, strict=True)) if events else (np.empty(0, int),) * 3
        )
        given = EventTable.of(entry, milestone, day + AS_OF)
        entries = EntryTable.of([str(i) for i in range(len(set(entry.tolist())))], [0] * len(set(entry.tolist())))
        return static_table(outlook_of(given, entries, table, AS_OF, LEAN), 5, MONTH)

    assert [(row.low, row.high) for row in rows()] == [(None, None)] * DEAL + [(5, 5)]
    some = rows(*((entry, milestone, -60) for entry in range(30) for milestone in range(DEAL - 1)))
    assert [row.low is None for row in some] == [True] * (DEAL - 1) + [True, False]
    tried = rows(*((entry, milestone, -60) for entry in range(30) for milestone in range(DEAL)))
    assert all(row.low is not None for row in tried)
    assert [row.whole for row in tried] == [None] * DEAL + [5]
    assert [row.needed for row in tried] == [None] * DEAL + [5.0]
    assert [row.rate for row in tried] == pytest.approx([1, 1, 1, None, None]), (
        "nobody was ever seen to go the last step"
    )
    assert [row.by for row in tried] == [None] * DEAL + [MONTH.end]


def test_the_table_of_a_mix_of_which_no_type_has_ever_brought_a_deal_says_what_is_known():
    rows = [(entry, milestone, AS_OF - 60) for entry in range(60) for milestone in range(DEAL)]
    partners = PartnerTable.of(["p", "q"], TYPES, [0, 1])
    entries = EntryTable.of([str(i) for i in range(60)], [i % 2 for i in range(60)])
    outlook = outlook_of(EventTable.of(*zip(*rows, strict=True)), entries, partners, AS_OF, LEAN)
    mixed = static_table_of_mix(outlook, 5, MONTH, np.array([0.25, 0.75]), [(0.0,) * 5] * 2)
    assert [(row.needed, row.whole, row.by) for row in mixed] == [(None, None, None)] * DEAL + [(5.0, 5, MONTH.end)]
    assert [row.rate for row in mixed] == pytest.approx([1, 1, 1, None, None])


def test_plans_are_the_same_bytes_again():
    one, two = (target_plan(busy_outlook(), 10, MONTH) for _ in range(2))
    assert (one.mean, one.safe) == (two.mean, two.safe)
    assert one.weekly.goals.tobytes() == two.weekly.goals.tobytes()
    assert one.verdict in VERDICTS
