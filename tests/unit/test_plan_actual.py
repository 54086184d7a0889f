"""The gap between plan and actual, and its causes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.business_days import WEEKDAYS, BusinessDays
from indicators.inputs import EntryTable, EventTable, PartnerTable
from indicators.landings import Landing
from indicators.month import Week
from indicators.paths import canonical_paths
from indicators.plan_actual import (
    cause,
    factors,
    gap_by_cause,
    lines,
    lmdi,
    log_mean,
    of_all,
    reached_between,
    reached_by_week,
    share_elapsed,
    timing,
)

POSITIVE = st.floats(0.01, 1000, allow_nan=False)


def test_the_printed_example_comes_out():
    """R16."""
    found = lmdi((100, 0.5, 0.6, 0.75, 0.55), (90, 0.55, 0.5, 0.75, 0.6))
    assert found.volume == pytest.approx(-1.2375, abs=5e-5)
    assert found.conversions == pytest.approx((1.1195, -2.1414, 0.0, 1.0220), abs=5e-5)
    assert found.total == pytest.approx(-1.2375, abs=1e-9)
    assert not found.zeros


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=6))
def test_effects_sum_to_the_gap_and_their_order_does_not_matter(pairs):
    planned, actual = zip(*pairs, strict=True)
    one = lmdi(planned, actual)
    assert one.volume + sum(one.conversions) == pytest.approx(one.total, rel=1e-6, abs=1e-6)
    turned = lmdi(planned[::-1], actual[::-1])
    assert (turned.volume, *turned.conversions)[::-1] == pytest.approx(
        (one.volume, *one.conversions), rel=1e-9, abs=1e-9
    )


def test_where_as_many_deals_came_as_planned_effects_offset_each_other_by_the_mean_of_the_two():
    """L(a, a) = a: twice the volume at half the conversion is 5 ln 2 up and 5 ln 2 down."""
    found = lmdi((10, 0.5), (20, 0.25))
    assert (found.volume, found.conversions[0]) == pytest.approx((5 * np.log(2), -5 * np.log(2)))
    assert (log_mean(7, 7), log_mean(3, 1)) == pytest.approx((7, 2 / np.log(3)))


def test_the_gap_of_all_types_is_the_sum_of_the_types_effects():
    """Fewer from the type that converts well, more from the other: volume and nothing else, though all together convert less."""
    good, poor = ((100, 50, 40, 30, 20), (50, 25, 20, 15, 10)), ((100, 20, 10, 5, 2), (200, 40, 20, 10, 4))
    causes = [gap_by_cause(*counts) for counts in (good, poor)]
    pooled = gap_by_cause(*(np.add(a, b).tolist() for a, b in zip(good, poor, strict=True)))
    found = of_all(pooled, causes)
    assert found is not None
    assert found.conversions == pytest.approx((0, 0, 0, 0), abs=1e-9)
    assert found.volume == pytest.approx(found.total) == pytest.approx(-8)
    assert pooled.volume > 0, "of the sums alone it would read as more volume and poor conversion"
    assert of_all(pooled, [causes[0], None]) is pooled, "types that do not make up the whole are no parts of it"
    assert of_all(None, causes) is None


def test_zeros_are_replaced_and_flagged():
    found = lmdi((10, 0.5), (0, 0.5))
    assert found.zeros
    assert found.volume == pytest.approx(-5, abs=1e-6)
    with pytest.raises(ValueError, match="negative"):
        lmdi((1.0,), (-1.0,))
    with pytest.raises(ValueError, match="as many"):
        lmdi((1.0,), (1.0, 2.0))


def test_a_month_elapses_by_business_days():
    first, last = 20362, 20392  # October 2025: 23 working days
    assert share_elapsed(first, last, first - 1, WEEKDAYS) == 0.0
    assert share_elapsed(first, last, last, WEEKDAYS) == 1.0
    assert share_elapsed(first, last, first, WEEKDAYS) == pytest.approx(1 / 23)
    assert share_elapsed(first, last, first + 4, WEEKDAYS) == pytest.approx(3 / 23)  # a Sunday adds nothing
    assert share_elapsed(first, last, first, BusinessDays.of(range(first, last + 1))) == pytest.approx(1 / 31)


def test_only_what_was_reached_in_the_month_and_by_the_day_counts():
    rows = [(0, 0, 20361), (0, 4, 20370), (1, 0, 20362), (2, 0, 20392), (3, 0, 20393)]
    partners = PartnerTable.of(["p", "q"], ["a", "b"], [0, 1])
    paths = canonical_paths(
        EventTable.of(*zip(*rows, strict=True)), EntryTable.of(list("wxyz"), [0, 0, 1, 1]), partners, 20400
    )
    assert reached_between(paths, 20362, 20392).tolist() == [2, 1, 1, 1, 1]
    assert reached_between(paths, 20362, 20392, 1).tolist() == [1, 0, 0, 0, 0]


def test_what_was_reached_is_told_by_week_and_type_from_the_first_day_to_the_last_and_up_to_the_as_of_day():
    """Two weeks from a Monday on, the second of which is under way; `deal` implies all that comes before it."""
    first = 20367  # Monday, 2025-10-06
    weeks = (Week(first, first + 6), Week(first + 7, first + 13))
    days = [(0, 0, -1), (1, 0, 0), (2, 0, 6), (3, 0, 7), (4, 4, 9), (5, 0, 13)]
    owner = [0, 0, 0, 1, 1, 1]
    rows = EventTable.of(*zip(*((entry, code, first + day) for entry, code, day in days), strict=True))
    partners = PartnerTable.of(["p", "q"], ["a", "b"], [0, 1])
    paths = canonical_paths(rows, EntryTable.of(list("uvwxyz"), owner), partners, first + 12)
    found = reached_by_week(paths, weeks, 2)
    assert found[0].tolist() == [[2, 0], [0, 2]]
    assert found[4].tolist() == [[0, 0], [0, 1]]
    whole = canonical_paths(rows, EntryTable.of(list("uvwxyz"), owner), partners, first + 40)
    assert reached_by_week(whole, weeks, 2)[0].tolist() == [[2, 0], [0, 3]]
    assert (
        reached_by_week(whole, weeks, 2).sum(axis=(1, 2)).tolist()
        == reached_between(whole, weeks[0].start, weeks[1].end).tolist()
    )
    assert reached_by_week(whole, (), 2).shape == (5, 2, 0)


def test_each_milestones_line_tells_its_part_of_the_gap_in_deals():
    ends = Landing(
        (95, 52, 27, 20, 11.5), (0, 1.5, 1, 0.5, 0.5), (5, 0.5, 1, 0.5, 0), (93, 50, 26, 19, 11), (98, 55, 29, 22, 13),
        (0.01, 0.7, 0.2, 0.1, 0.3),
    )  # fmt: skip
    found = lines("all", (100, 50, 30, 22.5, 12.375), (90, 50, 25, 19, 11), 1.0, landing=ends)
    assert sum(line.effect for line in found) == pytest.approx(found[4].gap, abs=1e-9)
    assert [line.landing for line in found] == [95, 52, 27, 20, 11.5]
    assert [line.chance_of_target for line in found] == [0.01, 0.7, 0.2, 0.1, 0.3]
    assert (found[4].landing_low, found[4].landing_high) == (11, 13)
    assert (found[0].landing_in_flight, found[0].landing_new) == (0, 5)
    assert found[0].gap == -10


def test_a_plan_without_anything_reached_yet_has_a_gap_and_no_nan():
    found = lines("all", (0, 0, 0, 0, 0), (0, 0, 0, 0, 0), 0.0)
    assert [line.effect for line in found] == [None] * 5
    assert all(np.isfinite(line.gap) for line in lines("all", (10, 5, 3, 2, 1), (0, 0, 0, 0, 0), 0.5))


def test_timing_is_what_is_under_way_beyond_what_the_plan_leaves():
    assert timing(20, 0.5, 12.0) == pytest.approx(12 - 10)
    assert timing(20, 0.5, None) is None


def test_milestones_that_nobody_can_plan_have_no_line_and_no_part_of_the_gap():
    (deals,) = lines("all", [None, None, None, None, 40.0], (9, 5, 3, 2, 1), 0.5)
    assert (deals.milestone, deals.planned, deals.gap, deals.effect) == (4, 40.0, -19.0, None)
    assert cause([None, None, None, None, 40.0], (9, 5, 3, 2, 1), 0.5) is None


COUNTS = st.lists(st.integers(0, 200), min_size=5, max_size=5)


@given(COUNTS, COUNTS)
def test_parts_of_the_gap_sum_to_it_whatever_was_reached_and_stay_within_reason(planned, actual):
    """Also where deals came of entries of other months, so that milestones before them are 0."""
    found = gap_by_cause(planned, actual)
    effects = (found.volume, *found.conversions)
    assert sum(effects) == pytest.approx(actual[-1] - planned[-1], abs=1e-4)
    assert found.zeros == (0 in planned or 0 in actual)
    most = max(planned[-1], actual[-1])
    assert max(map(abs, effects)) <= 25 * most + 1e-3, "no part is as good as infinite"


def test_deals_of_a_month_in_which_nobody_was_listed_are_no_gap_of_all_deals():
    found = gap_by_cause((5, 3, 2, 1.5, 1), (0, 3, 2, 2, 2))
    assert found.volume + sum(found.conversions) == pytest.approx(1)
    assert -4 < found.volume < 0 < found.conversions[0] < 5
    assert found.conversions[1] == pytest.approx(0)


def test_the_step_at_which_all_stopped_bears_the_gap_alone():
    found = gap_by_cause((10, 5, 3, 2, 1), (10, 0, 0, 0, 0))
    assert found.volume == pytest.approx(0, abs=1e-6)
    assert found.conversions == pytest.approx((-1, 0, 0, 0), abs=1e-6)
    assert gap_by_cause((10, 5, 3, 2, 1), (0, 0, 0, 0, 0)).volume == pytest.approx(-1, abs=1e-6)


def test_of_a_milestone_reached_very_often_and_no_deal_no_part_is_left_over():
    """A ratio below the number that stands for 0 is taken as it is."""
    found = gap_by_cause((5, 5, 0, 1_000_000, 0), (0, 0, 0, 0, 0))
    assert (found.volume, *found.conversions, found.total) == pytest.approx((0,) * 6, abs=1e-7)


def test_factors_multiply_back_to_the_deals():
    assert np.prod(factors((90, 45, 30, 20, 11))) == pytest.approx(11)
    assert np.prod(factors((0, 45, 0, 20, 11))) == pytest.approx(11)
    assert factors((0, 45, 0, 20, 11)) == pytest.approx((0.5, 90, 0.5 / 45, 40, 11 / 20)), "a 0 before more is one half"
    assert factors((0, 0, 0, 0, 0)) == (1e-9, None, None, None, None)
