"""Activation, concentration, share, time to the first deal, cadence and leaks: hand-made truths and identities."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.activation import (
    Concentration,
    activation,
    concentration,
    first_data_day,
    sourced_share,
    time_to_first_deal,
    won_entries,
    won_share,
)
from indicators.business_days import WEEKDAYS, BusinessDays
from indicators.cadence import Activities, capacity, compliance, leaks, meeting_due, working_days
from indicators.inputs import NO_DAY, EntryTable, EventTable, PartnerTable
from indicators.kaplan_meier import kaplan_meier
from indicators.paths import canonical_paths
from indicators.tiers import TierChange
from models.vocabulary import Tier
from tests.unit.test_indicators_reference import SIX_MP, SIX_MP_RELAPSED

MONDAY = 20360  # 2025-09-29


def world(deals, joined, types=(0, 0, 1), as_of=20400):
    """`deals`: (partner, day); one entry each, listed ten days before and requested five before."""
    rows = [(i, code, day - back) for i, (_, day) in enumerate(deals) for code, back in ((0, 10), (1, 5), (4, 0))]
    events = EventTable.of(*zip(*rows, strict=True)) if rows else EventTable.of([], [], [])
    entries = EntryTable.of([f"e{i}" for i in range(len(deals))], [p for p, _ in deals])
    partners = PartnerTable.of([f"p{i}" for i in range(len(joined))], ["a", "b"], list(types), joined_day=joined)
    return canonical_paths(events, entries, partners, as_of), partners


def by_type(rows):
    return {r.type: r for r in rows}


def test_activation_counts_partners_under_contract_for_a_month():
    deals = [(0, 20399), (0, 20390), (1, 20310), (2, 20395)]
    found = by_type(activation(*world(deals, [19000, NO_DAY, 20380])))
    a, b, every = found["a"], found["b"], found["all"]
    assert (a.base, a.active, a.deals) == (2, 1, 2)  # the second one's deal is 90 days old
    assert (b.base, b.active, b.newcomers) == (0, 0, 1)  # twenty days under contract
    assert b.activation is b.deals_per_active is None
    assert every.activation == 0.5
    assert every.deals_per_active == 2.0
    assert every.interval.low < 0.5 < every.interval.high


def test_a_partner_counts_up_to_the_last_day_of_its_contract():
    paths, partners = world([(0, 20399), (1, 20399)], [19000, 19000, 19000])
    for ended, base in ((NO_DAY, 3), (20399, 2), (20400, 3), (20500, 3)):
        found = by_type(activation(paths, replace(partners, ended_day=np.array([ended, NO_DAY, NO_DAY]))))
        assert (found["all"].base, found["all"].active, found["all"].newcomers) == (base, base - 1, 0)


def test_a_partner_is_in_the_base_from_its_thirtieth_day_on():
    for joined, base, newcomers in ((20370, 1, 0), (20371, 0, 1), (20400, 0, 1), (20401, 0, 0)):
        found = by_type(activation(*world([], [joined], (0,))))["all"]
        assert (found.base, found.newcomers) == (base, newcomers)


def test_the_window_is_the_90_days_that_end_with_the_as_of_day():
    for day, active in ((20400, 1), (20311, 1), (20310, 0)):
        assert by_type(activation(*world([(0, day)], [19000, 19000, 19000])))["all"].active == active


def test_engaged_partners_reached_any_milestone_after_the_list():
    rows = [(0, 0, 20390), (1, 0, 20390), (1, 1, 20395)]
    partners = PartnerTable.of(["p", "q"], ["a"], [0, 0], joined_day=[19000, 19000])
    paths = canonical_paths(EventTable.of(*zip(*rows, strict=True)), EntryTable.of(["x", "y"], [0, 1]), partners, 20400)
    every = by_type(activation(paths, partners))["all"]
    assert (every.active, every.engaged, every.engagement) == (0, 1, 0.5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(20200, 20400)), max_size=30),
    st.lists(st.sampled_from([NO_DAY, 19000, 20390, 21000]), min_size=3, max_size=3),
)
def test_deals_are_base_times_activation_times_deals_per_active_and_types_sum_to_all(deals, joined):
    found = activation(*world(deals, joined))
    for r in found:
        assert r.active <= r.engaged <= r.base or r.base == 0
        if r.active:
            assert r.base * r.activation * r.deals_per_active == pytest.approx(r.deals)
        else:
            assert r.deals == 0
    *types, every = found
    for name in ("base", "active", "engaged", "deals", "newcomers"):
        assert sum(getattr(t, name) for t in types) == getattr(every, name)


def test_concentration_is_the_share_of_the_top_five_and_the_sum_of_squares():
    paths, partners = world([(0, 20399)] * 3 + [(1, 20398)], [19000] * 3)
    found = concentration(paths, len(partners))
    assert (found.deals, found.partners, found.top_share) == (4, 2, 1.0)
    assert found.herfindahl == 10 / 16
    assert concentration(*(world([], [19000] * 3)[0], 3)) == Concentration(0, 0, None, None, None)
    year = [concentration(world([(0, day), (1, 20399)], [19000] * 3)[0], 3).deals for day in (20036, 20035)]
    assert year == [2, 1], "of the 365 days that end with the as-of day"
    six = world([(p, 20399) for p in range(6)] + [(0, 20398)], [19000] * 6, (0,) * 6)[0]
    assert concentration(six, 6).top_share == 6 / 7


def test_the_accounts_own_share_has_its_printed_interval():
    """44.1 % with n = 1,000 is 41.0-47.2 % (METHODS 3h, R13)."""
    found = sourced_share(441, 1000)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.410511, 0.471941), abs=1e-6)
    assert sourced_share(0, 0).status == "no_data"
    with pytest.raises(ValueError, match="expected"):
        sourced_share(5, 4)


def test_the_share_of_won_deals_is_none_where_no_rule_says_what_won_is_and_where_none_is_won_yet():
    assert (won_share(0, 0, 0).status, won_share(0, 0, 0).share) == ("no_condition", None)
    assert (won_share(0, 0, 7).status, won_share(0, 0, 7).share) == ("no_data", None)
    found = won_share(441, 1000, 4000)
    assert (found.status, found.share) == ("ok", 0.441)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.410511, 0.471941), abs=1e-6)


def test_entries_are_won_that_came_to_a_deal_within_the_year_and_were_won_by_the_day():
    rows = [
        (0, 4, 20390),
        (0, 5, 20400),
        (1, 4, 20390),
        (1, 5, 20401),
        (2, 4, 20390),
        (3, 4, 20035),
        (3, 5, 20399),
        (4, 4, 20036),
        (4, 5, 20036),
    ]
    partners = PartnerTable.of(["p"], ["a"], [0])
    entries = EntryTable.of(list("vwxyz"), [0] * 5)
    assert won_entries(canonical_paths(EventTable.of(*zip(*rows, strict=True)), entries, partners, 20400)) == 2


def test_time_to_the_first_deal_censors_those_without_one():
    deals = [(0, 20030), (0, 20300), (1, 20090)]
    found = by_type(time_to_first_deal(*world(deals, [20000, 20000, 20000], (0, 0, 0)), first_data=19990))["all"]
    assert (found.partners, found.events, found.median) == (3, 2, 90)
    assert found.within_90 == pytest.approx(2 / 3)
    early = by_type(time_to_first_deal(*world(deals, [20000, NO_DAY, 19000], (0, 0, 0)), first_data=19990))["all"]
    assert (early.partners, early.before_data) == (1, 1)
    assert by_type(time_to_first_deal(*world([], [20400] * 3), first_data=20400))["all"].median is None


def test_the_time_to_the_first_deal_has_the_published_median_and_the_curves_interval():
    """R1: remission under 6-MP as days from contract to deal, in partners of whom twelve have none yet."""
    joined = [20400 - t if not happened else 20300 for t, happened in zip(SIX_MP, SIX_MP_RELAPSED, strict=True)]
    deals = [(i, 20300 + t) for i, t in enumerate(SIX_MP) if SIX_MP_RELAPSED[i]]
    found = by_type(time_to_first_deal(*world(deals, joined, (0,) * 21), first_data=20000))["a"]
    assert (found.partners, found.events, found.median) == (21, 9, 23)
    assert (found.low, found.high) == kaplan_meier(SIX_MP, SIX_MP_RELAPSED).median_interval()
    assert found.low == 13
    assert found.within_90 is None, "nobody was watched for so long"


def test_a_deal_of_the_as_of_day_counts_and_a_contract_of_that_day_is_watched():
    found = by_type(time_to_first_deal(*world([(0, 20400)], [20310, 20400], (0, 0)), first_data=20000))["all"]
    assert (found.partners, found.events, found.within_90) == (2, 1, 1)
    later = by_type(time_to_first_deal(*world([(0, 20400)], [20309, 20309], (0, 0)), first_data=20000))["all"]
    assert (later.events, later.within_90) == (1, 0), "after 91 days"


def test_the_first_data_day_of_nothing_is_none():
    assert first_data_day(np.array([NO_DAY], np.int32)) == NO_DAY
    assert first_data_day(np.array([5, NO_DAY, 3], np.int32)) == 3


def change(partner, day, tier):
    return TierChange(partner, day, tier, None, "list_a")


def acted(*rows):
    partner, kind, day = zip(*rows, strict=True) if rows else ((), (), ())
    return Activities(np.array(partner, np.int64), kind, np.array(day, np.int64))


def test_tier_a_is_due_a_meeting_in_every_whole_week_it_held():
    changes = [change(0, MONDAY - 7, Tier.A)]
    done = acted((0, "regular_meeting", MONDAY - 5), (0, "regular_meeting", MONDAY + 3), (0, "dinner", MONDAY + 8))
    (a, *_) = compliance(changes, done, MONDAY + 20, WEEKDAYS, days=60)
    assert (a.tier, a.per, a.due, a.met) == (Tier.A, "week", 4, 2)  # Monday + 20 is a Sunday, so that week is over


def test_the_current_week_and_weeks_with_few_business_days_are_not_due():
    changes = [change(0, MONDAY, Tier.A)]
    assert compliance(changes, acted(), MONDAY + 5, WEEKDAYS)[0].due == 0
    off = np.arange(MONDAY, MONDAY + 3)  # two business days are left
    assert compliance(changes, acted(), MONDAY + 6, BusinessDays.of(off))[0].due == 0
    assert compliance(changes, acted(), MONDAY + 6, BusinessDays.of(off[:2]))[0].due == 1


def test_tier_b_is_due_a_meeting_and_a_touch_a_month_and_only_where_it_held_throughout():
    october = 20362  # 2025-10-01
    done = acted((0, "regular_meeting", october + 4), (1, "touch", october + 9))
    changes = [change(0, october, Tier.B), change(1, october + 1, Tier.B)]
    _, meeting, touch, _ = compliance(changes, done, october + 31, WEEKDAYS, days=60)
    assert (meeting.due, meeting.met, touch.due, touch.met) == (1, 1, 1, 0)


def test_a_month_is_over_on_its_last_evening_and_due_where_the_tier_held_to_its_end():
    october = 20362  # 2025-10-01
    leaves = [change(0, october, Tier.B), change(0, october + 30, Tier.C), change(1, october, Tier.B)]
    for as_of, due in ((october + 29, 0), (october + 30, 1), (october + 31, 1)):
        assert compliance(leaves, acted(), as_of, WEEKDAYS, days=60)[1].due == due
    weeks = [
        change(0, MONDAY, Tier.A),
        change(0, MONDAY + 6, Tier.B),
        change(1, MONDAY, Tier.A),
        change(1, MONDAY + 7, Tier.B),
    ]
    assert compliance(weeks, acted(), MONDAY + 20, WEEKDAYS)[0].due == 1, (
        "the one that left on the Sunday was not in A for the week"
    )


def test_a_meeting_on_the_first_of_the_month_is_this_months():
    october = 20362
    assert meeting_due(Tier.B, [october], october + 5, WEEKDAYS) == 20420  # Friday, 28 November
    assert meeting_due(Tier.B, [october - 1], october + 5, WEEKDAYS) == 20392


def test_tier_c_is_due_a_touch_or_a_meeting_a_month_and_tier_d_nothing():
    october = 20362  # 2025-10-01
    done = acted((0, "touch", october + 4), (1, "regular_meeting", october + 9), (2, "dinner", october + 9))
    changes = [*(change(partner, october, Tier.C) for partner in range(3)), change(3, october, Tier.D)]
    *_, contact = compliance(changes, done, october + 31, WEEKDAYS, days=60)
    assert (contact.tier, contact.due, contact.met) == (Tier.C, 3, 2)
    assert sum(duty.due for duty in compliance(changes, done, october + 31, WEEKDAYS, days=60)) == 3


def test_pushes_on_tier_d_are_leaks_and_webinars_are_no_pushes():
    changes = [change(0, MONDAY, Tier.D), change(0, MONDAY + 10, Tier.C), change(1, MONDAY, Tier.A)]
    done = acted(
        (0, "dinner", MONDAY + 9), (0, "dinner", MONDAY + 10), (0, "webinar", MONDAY + 2), (1, "touch", MONDAY + 2)
    )
    found = leaks(changes, done, MONDAY + 20)
    assert (found.pushes, found.on_d, found.partners, found.by_kind) == (3, 1, 1, (("dinner", 1),))
    assert leaks(changes, acted(), MONDAY).share is None
    first = acted((0, "touch", MONDAY - 1), (0, "touch", MONDAY))
    assert (leaks(changes, first, MONDAY + 20).pushes, leaks(changes, first, MONDAY + 20).on_d) == (2, 1)
    assert leaks(changes, first, MONDAY + 89).pushes == 1, "the day before is over 90 days old"
    assert leaks(changes, first, MONDAY - 1).pushes == 1, "what is planned is none yet"


def test_capacity_warns_over_ten_contacts_a_person_and_week():
    """A-tier of 40 partners is 40 regular meetings a week: ten for each of four people."""
    assert capacity([Tier.A] * 40, 4).status == "ok"
    over = capacity([Tier.A] * 40 + [Tier.B] * 4, 4)
    assert (over.per_week, over.per_person, over.status) == (41.0, 10.25, "over")
    assert capacity([Tier.A, Tier.B, Tier.C, Tier.D], 1).per_week == 1.5
    assert capacity([Tier.A], None).status == "unknown"


def test_the_next_regular_meeting_is_due_on_a_business_day_of_its_week_or_month():
    friday = MONDAY + 4
    assert meeting_due(Tier.A, [], MONDAY + 1, WEEKDAYS) == friday
    assert meeting_due(Tier.A, [MONDAY], MONDAY + 1, WEEKDAYS) == friday + 7
    assert meeting_due(Tier.A, [], MONDAY + 1, BusinessDays.of([friday])) == friday - 1
    assert meeting_due(Tier.B, [], MONDAY, WEEKDAYS) == MONDAY + 1  # 30 September
    assert meeting_due(Tier.B, [MONDAY], MONDAY, WEEKDAYS) == 20392  # 31 October
    new_year = BusinessDays.of(range(MONDAY + 7, MONDAY + 14))
    assert meeting_due(Tier.A, [MONDAY], MONDAY + 1, new_year) == friday + 14, "nobody works in the week between"
    assert meeting_due(Tier.A, [], MONDAY + 8, new_year) == friday + 14
    bridge = BusinessDays.of(range(MONDAY + 8, MONDAY + 12))
    assert meeting_due(Tier.A, [MONDAY], MONDAY + 1, bridge) == MONDAY + 7, "the only day that is worked on"
    assert meeting_due(Tier.A, [MONDAY - 1], MONDAY + 6, WEEKDAYS) == friday, "a Sunday's was of the week before"
    assert meeting_due(Tier.C, [], MONDAY, WEEKDAYS) == meeting_due(Tier.D, [], MONDAY, WEEKDAYS) == NO_DAY


def test_business_days_over_golden_week():
    """R15: 2026-04-28 .. 2026-05-11, end excluded, with 4/29 and 5/3 to 5/6 off."""
    day = {
        d: int(np.datetime64(d, "D").astype(np.int64)) for d in ("2026-04-28", "2026-04-29", "2026-05-03", "2026-05-11")
    }
    off = np.r_[day["2026-04-29"], day["2026-05-03"] + np.arange(4)]
    assert working_days(day["2026-04-28"], day["2026-05-11"], BusinessDays.of(off)) == 5
