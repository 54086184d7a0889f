"""Where a month ends by milestone, and the chance that each is reached as often as planned."""

from dataclasses import replace

import numpy as np
import pytest

from indicators.inputs import DEAL, LISTED, EntryTable, EventTable, PartnerTable
from indicators.landings import Coming, chance_of_more, coming, landings, settled
from indicators.month import Month
from indicators.plan_actual import reached_between
from indicators.targets import target_plan
from tests.unit.reference.histories import AS_OF, outlook_of
from tests.unit.test_indicators_targets import busy_outlook

MONTH = Month(AS_OF - 20, AS_OF + 10)
PLAN = (5.0,) * 5


def told(outlook, month=MONTH, *, planned=PLAN, scope=None):
    kinds = len(outlook.partners.types)
    actual = np.stack([reached_between(outlook.paths, month.start, month.end, at) for at in range(kinds)], axis=1)
    ahead = coming(outlook, month.end, scope)
    return landings(ahead, actual, [planned] * kinds, planned), ahead, actual


def test_what_is_expected_is_what_is_there_under_way_and_to_come():
    outlook = busy_outlook()
    found, ahead, actual = told(outlook)
    now = target_plan(outlook, 10, MONTH)
    assert ahead.in_flight[DEAL].sum() == pytest.approx(now.in_flight)
    assert found[-1].in_flight[LISTED] == 0, "nobody under way is listed again"
    assert found[-1].new[LISTED] == pytest.approx(outlook.arriving.weekly.sum() * 10 / 7)
    for k in range(DEAL + 1):
        assert found[-1].reached[k] == pytest.approx(actual[k].sum() + found[-1].in_flight[k] + found[-1].new[k])
        assert sum(one.reached[k] for one in found[:-1]) == pytest.approx(found[-1].reached[k]), "types sum to all"
        assert found[-1].low[k] <= found[-1].reached[k] <= found[-1].high[k]
    under_way = np.array([[one.mean.mean() for one in row] for row in ahead.under_way])
    means = (under_way + ahead.poisson.mean(axis=2)).sum(axis=1)
    assert means == pytest.approx((ahead.in_flight + ahead.new).sum(axis=1), rel=0.1), "draws spread round what is told"


def test_the_chance_falls_with_the_plan_and_rises_with_what_was_reached():
    outlook = busy_outlook()
    _, ahead, actual = told(outlook)
    for k in range(DEAL + 1):
        chances = [
            landings(ahead, actual, [[float(n)] * 5] * 2, [float(n)] * 5)[-1].chance[k]
            for n in (0, 2, 5, 6, 9, 12, 40, 200)
        ]
        assert chances == sorted(chances, reverse=True)
        assert (chances[0], chances[-1]) == (1, pytest.approx(0, abs=1e-6))
        more = actual.copy()
        more[k] += 3
        assert (
            landings(ahead, more, [PLAN] * 2, PLAN)[-1].chance[k]
            >= landings(ahead, actual, [PLAN] * 2, PLAN)[-1].chance[k]
        )
    assert landings(ahead, actual, [[None] * 5] * 2, [None] * 5)[-1].chance == (None,) * 5


def test_on_the_last_evening_a_plan_is_met_or_missed():
    outlook = busy_outlook()
    last = Month(AS_OF - 30, AS_OF)
    found, _, actual = told(outlook, last, planned=tuple(float(n) for n in (1, 10**4, 1, 10**4, 1)))
    assert found[-1].chance == (1, 0, 1, 0, 1)
    assert found[-1].reached == tuple(actual.sum(axis=1))
    assert found[-1].low == found[-1].high == found[-1].reached
    over = settled(actual.sum(axis=1).tolist(), (1, 10**4, 1, 10**4, None))
    assert over.chance == (1, 0, 1, 0, None)
    assert over.reached == found[-1].reached


def test_deals_that_come_of_what_is_under_way_alone_have_the_chance_that_targets_tell():
    """The same draws of the same rates: without anything new both say the same."""
    outlook = busy_outlook()
    outlook = replace(
        outlook, draws=outlook.assumptions.plan_draws * 2, assumptions=replace(outlook.assumptions, plan_draws=400)
    )
    silent = replace(outlook, arriving=replace(outlook.arriving, scale=outlook.arriving.scale * 0))
    plan = target_plan(outlook, 9, MONTH)
    assert plan.in_flight_only is not None
    assert 0.01 < plan.in_flight_only < 0.99
    ahead = coming(silent, MONTH.end)
    assert chance_of_more(ahead, DEAL, 9 - plan.achieved) == pytest.approx(plan.in_flight_only, abs=0.002)


def test_of_steps_that_were_not_watched_nothing_is_told_but_what_is_certain():
    outlook = busy_outlook()
    young = tuple((*row[:2], replace(row[2], mature=False), row[3]) for row in outlook.curves)
    outlook = replace(outlook, curves=young)
    found, _, actual = told(outlook)
    assert all(found[-1].reached[k] is not None for k in range(3))
    assert found[-1].reached[3:] == found[-1].low[3:] == (None, None)
    assert found[-1].chance[3:] == (1.0, 1.0), "as many are there already"
    assert landings(coming(outlook, MONTH.end), actual, [[9999.0] * 5] * 2, [9999.0] * 5)[-1].chance[3:] == (None, None)


def test_a_type_without_partners_hides_nothing_of_all():
    outlook = busy_outlook()
    types = (*outlook.partners.types, "nobody")
    young = tuple(replace(curve, mature=False) for curve in outlook.curves[0])
    more = replace(
        outlook, partners=replace(outlook.partners, types=types), curves=(*outlook.curves[:2], young, outlook.curves[2]),
        ways=(*outlook.ways[:2], outlook.ways[0], outlook.ways[2]),
    )  # fmt: skip
    found, _, _ = told(more)
    assert found[2].reached == (0.0,) * 5
    assert found[-1].reached == pytest.approx(told(outlook)[0][-1].reached)


def test_of_nobody_nothing_is_expected_that_could_be_told():
    nobody = outlook_of(EventTable.of([], [], []), EntryTable.of([], []), PartnerTable.of([], [], []), AS_OF)
    ahead = coming(nobody, MONTH.end)
    (found,) = landings(ahead, np.zeros((5, 0), np.int64), [], [None, 0.0, None, None, 40.0])
    assert found.reached == found.low == found.high == found.in_flight == found.new == (None,) * 5
    assert found.chance == (None, 1.0, None, None, None), "nothing is wanted of those requested"
    assert (chance_of_more(ahead, DEAL, 0), chance_of_more(ahead, DEAL, 1)) == (1.0, None)


def test_who_was_set_back_is_not_counted_there_again():
    outlook = busy_outlook()
    rows = np.flatnonzero(outlook.under_way.milestone == 2)
    assert len(rows)
    back = outlook.under_way.milestone.copy()
    back[rows] = 1
    after = replace(outlook, under_way=replace(outlook.under_way, milestone=back))
    assert coming(after, MONTH.end).in_flight[2].sum() == pytest.approx(coming(outlook, MONTH.end).in_flight[2].sum())


def test_partners_outside_the_scope_have_no_part():
    outlook = busy_outlook()
    parts = [coming(outlook, MONTH.end, outlook.partners.type == t) for t in range(2)]
    whole = coming(outlook, MONTH.end)
    assert sum(part.in_flight for part in parts) == pytest.approx(whole.in_flight)
    assert sum(part.poisson for part in parts) == pytest.approx(whole.poisson)
    assert isinstance(whole, Coming)
