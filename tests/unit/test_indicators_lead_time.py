"""Lead times in business days: the same estimator over the business days of the same spans (METHODS 3c)."""

from dataclasses import replace

import numpy as np
import pytest

from indicators.assumptions import DEFAULTS
from indicators.business_days import WEEKDAYS, BusinessDays
from indicators.lead_curves import lead_curves
from indicators.lead_time import lead_times
from tests.unit.reference.worlds import DAY0, paths_of

SOON = DAY0 + 400
MONDAY, FRIDAY = 101, 98  # days after DAY0, a Friday


def lead_of(*stories, calendar=WEEKDAYS, as_of=SOON, **changed):
    paths = paths_of(*stories, as_of=as_of)
    return lead_times(paths, ["legacy"], replace(DEFAULTS, **changed), calendar)[0]


def took(days, n=1, listed=100):
    return [[("listed", listed), ("requested", listed + days)]] * n


def test_business_days_have_quantiles_of_their_own():
    """Ten go from Monday to Friday, twelve from Friday to Wednesday: fewer days, but more of them worked."""
    stories = [*took(4, 10, MONDAY), *took(5, 12, FRIDAY)]
    lead = lead_of(*stories)
    assert (lead.median, lead.p80, lead.business_median, lead.business_p80) == (5, 5, 3, 4)
    closed = lead_of(*stories, calendar=BusinessDays.of([DAY0 + MONDAY]))  # the Monday of both
    assert (closed.median, closed.business_median, closed.business_p80) == (5, 2, 3)


def test_business_days_are_read_up_to_the_last_on_which_ten_are_watched():
    """Against the business days that numpy counts: nobody is censored, so that quantiles are those of the sorted spans."""
    days = np.arange(10, 91)
    lead = lead_of(*[story for d in days.tolist() for story in took(d)])
    listed = np.datetime64(DAY0 + 100, "D")
    spans = np.sort(np.busday_count(listed, listed + days))
    told = spans[spans <= spans[-10]]
    assert len(told) < len(spans)
    assert [lead.business_median, lead.business_p80] == [told[int(np.ceil(q * len(told))) - 1] for q in (0.5, 0.8)]


@pytest.mark.parametrize(("late", "p80"), [(180, 128), (181, 3)])
def test_what_converts_after_the_calendar_horizon_is_no_lead_time_in_business_days_either(late, p80):
    """From a Friday 180 days on lie 128 business days, and 181 days on hardly more: less than a horizon of 180."""
    lead = lead_of(*took(5, 20, FRIDAY), *took(late, 20, FRIDAY))
    assert (lead.p80, lead.business_p80) == (late if late == 180 else 5, p80)


def test_where_business_days_leave_too_few_to_watch_only_calendar_days_are_told():
    """Five convert from Monday to Saturday; five listed on a Saturday have waited a day longer, but a business day less."""
    lead = lead_of(*took(5, 5, MONDAY), *[[("listed", 393)]] * 5, as_of=SOON - 1, min_conversions=5)
    assert np.datetime64(DAY0 + 393, "D").item().strftime("%A") == "Saturday"
    assert (lead.status, lead.median, lead.business_median, lead.business_p80) == ("ok", 5, None, None)


def test_the_lead_time_curve_has_a_point_where_it_rises_and_begins_with_day_0():
    """Of thirty that convert ten did by day 5, twenty by day 8, all by day 21; as many are lost late, so that each day is watched."""
    lost = [[("listed", 100), ("lost", 200)]] * 30
    stories = [*took(5, 10), *took(8, 10), *took(21, 10), *lost]
    curve = lead_curves(paths_of(*stories, as_of=SOON), ["legacy"])
    expected = ((0, 0.0), (5, 0.333333), (8, 0.666667), (21, 1.0))
    assert curve["legacy"]["listed>requested"] == curve["all"]["listed>requested"] == expected
    assert curve["legacy"]["requested>agreed"] == ()
    at_once = lead_curves(paths_of(*took(0, 10), *took(8, 10), *lost, as_of=SOON), ["legacy"])
    assert at_once["legacy"]["listed>requested"] == ((0, 0.5), (8, 1.0))
    for n, points in ((9, ()), (10, ((0, 0.0), (5, 1.0)))):
        few = lead_curves(paths_of(*took(5, n), *lost, as_of=SOON), ["legacy"])
        assert few["legacy"]["listed>requested"] == points
