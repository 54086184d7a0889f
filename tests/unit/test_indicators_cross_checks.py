"""Numbers beside the published ones: companies rather than attempts, skipped milestones dated as early as can be, converters alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.cross_checks import at_the_earliest, cross_checks, entries_as_paths
from indicators.inputs import AGREED, DEAL, EXECUTED, LISTED, LOST, NO_DAY, REQUESTED
from indicators.lead_time import lead_times
from indicators.subjects import Funnel
from tests.unit.reference.worlds import DAY0, paths_of
from tests.unit.test_indicators_properties import AS_OF, ENTRIES, PARTNERS, canonical_paths, table

AGAIN = [("listed", 0), ("lost", 10), ("listed", 50), ("deal", 90)]
GONE = [("listed", 0), ("lost", 10)]


def check(paths, step="listed>deal", kind="legacy"):
    return next(c for c in cross_checks(Funnel(paths), ["legacy"]) if (c.type, c.step) == (kind, step))


def test_a_company_lost_once_and_won_over_later_counts_once_as_converted():
    paths = paths_of(AGAIN, GONE, GONE, as_of=DAY0 + 350)
    found = check(paths)
    assert (found.ever_n, found.ever_converted, found.ever_rate) == (3, 1, pytest.approx(1 / 3))
    assert found.ever_interval.low < 1 / 3 < found.ever_interval.high
    assert check(paths, "listed>requested").ever_rate is None, "only the whole way is asked for companies"


def test_a_company_that_is_under_way_again_is_not_lost():
    whole = entries_as_paths(paths_of(AGAIN[:3], GONE, as_of=DAY0 + 60))
    assert whole.lost.tolist() == [NO_DAY, DAY0 + 10]
    assert whole.reached[:, LISTED].tolist() == [DAY0, DAY0]


def test_a_skipped_milestone_is_dated_with_the_one_before_it():
    paths = paths_of([("listed", 0), ("agreed", 20), ("deal", 40)])
    early = at_the_earliest(paths)
    assert (early.reached[0] - DAY0).tolist() == [0, 0, 20, 20, 40]
    assert (paths.reached[0] - DAY0).tolist() == [0, 20, 20, 40, 40]


def test_a_deal_of_which_only_its_winning_is_known_came_at_the_earliest_with_what_came_before():
    paths = paths_of(*[[("listed", 0), ("executed", 20), ("won", 60)]] * 12)
    assert (at_the_earliest(paths).reached[0] - DAY0).tolist() == [0, 0, 0, 20, 20]
    assert (paths.reached[0] - DAY0).tolist() == [0, 20, 20, 20, 60]
    assert check(paths).earliest_median == 20


def test_the_earliest_days_bound_the_lead_time_from_below():
    skipped, recorded = (
        [[("listed", 0), ("agreed", 20)]] * 12,
        [[("listed", 0), ("requested", 15), ("agreed", 20)]] * 12,
    )
    found = check(paths_of(*skipped, *recorded), "listed>requested")
    assert found.earliest_median == 0
    published = next(r for r in lead_times(paths_of(*recorded, *recorded), ["legacy"]) if r.step == "listed>requested")
    assert published.median == 15
    whole = check(paths_of(*recorded, *recorded), "listed>requested")
    assert (whole.earliest_rate, whole.earliest_median) == (None, None), "nothing was skipped"


def test_converters_alone_read_too_short_while_cohorts_are_young():
    old = [[("listed", 0), ("requested", 40)]] * 12
    young = [[("listed", 100 + i), ("requested", 103 + i)] for i in range(14)] + [
        [("listed", 100 + i)] for i in range(40)
    ]
    paths = paths_of(*old, *young, as_of=DAY0 + 116)
    assert check(paths, "listed>requested").converters_median == 3
    assert check(paths_of([("listed", 0)]), "listed>requested").converters_median is None


EVENTS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(LISTED, LOST), st.integers(0, 320), st.integers(0, 1)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_whatever_happened_companies_are_as_many_as_have_been_listed_and_days_stay_in_order(rows):
    paths = canonical_paths(table(rows), ENTRIES, PARTNERS, AS_OF)
    whole = entries_as_paths(paths)
    assert len(whole) == len(np.unique(paths.entry))
    assert (whole.reached[:, DEAL] != NO_DAY).sum() == len(np.unique(paths.entry[paths.reached[:, DEAL] != NO_DAY]))
    early = at_the_earliest(paths)
    known = paths.reached[:, LISTED] != NO_DAY
    for k in (REQUESTED, AGREED, EXECUTED, DEAL):
        both = known & (paths.reached[:, k] != NO_DAY)
        assert (early.reached[both, k] >= early.reached[both, k - 1]).all()
        assert (early.reached[both, k] <= paths.reached[both, k]).all()
    for found in cross_checks(Funnel(paths), PARTNERS.types):
        for rate in (found.ever_rate, found.earliest_rate):
            assert rate is None or 0 <= rate <= 1
