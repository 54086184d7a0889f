"""What must hold whatever the events are."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.assumptions import Assumptions
from indicators.conversion import conversions, correct_skips, rate_interval
from indicators.incidence import aalen_johansen, quantile_days
from indicators.inputs import DEAL, LISTED, LOST, NO_DAY, EntryTable, EventTable, PartnerTable
from indicators.intervals import clopper_pearson, wilson
from indicators.lead_time import lead_times
from indicators.paths import PathTable, canonical_paths
from indicators.summary import summarise
from tests.unit.reference.worlds import DAY0

quick, costly = settings(max_examples=60, deadline=None), settings(max_examples=20, deadline=None)
QUICK = Assumptions(replicates=60)
N_ENTRIES, N_PARTNERS = 8, 3
AS_OF = DAY0 + 300
events = st.lists(
    st.tuples(st.integers(0, N_ENTRIES - 1), st.integers(LISTED, LOST), st.integers(0, 320), st.integers(0, 1)),
    max_size=40,
)
samples = st.lists(st.tuples(st.integers(0, 250), st.integers(0, 2)), min_size=1, max_size=60)


def table(rows):
    entry, milestone, day, source = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [], [])
    return EventTable.of(entry, milestone, np.array(day, np.int64) + DAY0, source=source)


ENTRIES = EntryTable.of([f"e{i}" for i in range(N_ENTRIES)], np.arange(N_ENTRIES) % N_PARTNERS)
PARTNERS = PartnerTable.of(["p0", "p1", "p2"], ["legacy", "growth1"], [0, 1, 0])


def same(one: PathTable, other: PathTable) -> bool:
    return all(
        np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(PathTable) if f.name != "issues"
    )


@quick
@given(events, st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert same(*(canonical_paths(table(r), ENTRIES, PARTNERS, AS_OF) for r in (rows, shuffled)))


@quick
@given(events)
def test_replaying_events_changes_nothing(rows):
    assert same(*(canonical_paths(table(r), ENTRIES, PARTNERS, AS_OF) for r in (rows, rows + rows)))


@quick
@given(events)
def test_a_second_record_that_tells_the_same_changes_nothing(rows):
    alone = [(*row[:3], 0) for row in rows]
    both = [*alone, *((*row[:3], 1) for row in rows)]
    assert same(*(canonical_paths(table(r), ENTRIES, PARTNERS, AS_OF) for r in (alone, both)))


@quick
@given(events)
def test_paths_are_consistent(rows):
    paths = canonical_paths(table(rows), ENTRIES, PARTNERS, AS_OF)
    reached = np.where(paths.reached == NO_DAY, 99999, paths.reached)
    assert (np.diff(reached, axis=1) >= 0).all(), "a later milestone never comes before an earlier one"
    assert ((paths.lost == NO_DAY)[:, None] | (paths.reached <= paths.lost[:, None])).all(), (
        "nothing is reached after the loss"
    )
    assert not (paths.inferred & (paths.reached == NO_DAY)).any()
    assert (paths.since <= AS_OF).all()
    assert ((paths.current == LOST) == (paths.lost != NO_DAY)).all()
    assert (paths.since >= np.where(paths.reached[:, LISTED] == NO_DAY, 0, paths.reached[:, LISTED])).all()
    has = paths.last >= 0
    assert (paths.entry[paths.last[has]] == np.flatnonzero(has)).all()


@quick
@given(events, st.integers(0, 320))
def test_what_was_reached_by_a_day_depends_on_events_up_to_it_only(rows, day):
    seen = [row for row in rows if row[2] <= day]
    assert same(*(canonical_paths(table(r), ENTRIES, PARTNERS, DAY0 + day) for r in (rows, seen)))


@quick
@given(samples)
def test_the_three_shares_sum_to_one(sample):
    curve = aalen_johansen(*map(list, zip(*sample, strict=True)))
    np.testing.assert_allclose(curve.f1 + curve.f2 + curve.s, 1, atol=1e-12)
    for share in (curve.f1, curve.f2, curve.s):
        assert share.min() >= -1e-12
        assert share.max() <= 1 + 1e-12
    assert (np.diff(curve.f1) >= 0).all()
    assert min(curve.variance(day) for day in range(len(curve.f1))) >= 0


@quick
@given(samples)
def test_the_interval_holds_the_rate(sample):
    curve = aalen_johansen(*map(list, zip(*sample, strict=True)))
    interval = rate_interval(curve)
    assert 0 <= interval.low <= curve.f1[-1] + 1e-9
    assert curve.f1[-1] - 1e-9 <= interval.high <= 1


@quick
@given(samples)
def test_quantiles_are_ordered_and_never_negative(sample):
    curve = aalen_johansen(*map(list, zip(*sample, strict=True)))
    if curve.conversions:
        median, p80, p95 = (quantile_days(curve.f1, q, 180) for q in (0.5, 0.8, 0.95))
        assert 0 <= median <= p80 <= p95 <= 180


@quick
@given(samples, st.integers(2, 4))
def test_the_same_sample_several_times_narrows_the_interval_only(sample, times):
    durations, endings = map(list, zip(*sample, strict=True))
    once, more = (aalen_johansen(durations * k, endings * k) for k in (1, times))
    np.testing.assert_allclose(once.f1, more.f1, atol=1e-9)
    for day in (0, 7, None):
        assert once.variance(day) == pytest.approx(more.variance(day) * times, abs=1e-9)


@quick
@given(st.integers(0, 200), st.integers(0, 200))
def test_intervals_of_counts_hold_the_share(successes, failures):
    n = successes + failures
    for interval in (wilson(successes, n), clopper_pearson(successes, n)):
        assert 0 <= interval.low <= interval.high <= 1
        if n:
            assert interval.low - 1e-12 <= successes / n <= interval.high + 1e-12


@quick
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.lists(st.floats(0, 0.9), min_size=3, max_size=3))
def test_corrected_rates_are_rates(rates, skipped):
    assert all(0 <= value <= 1 + 1e-12 for value in correct_skips(rates, [0, *skipped, 0]))


@costly
@given(events)
def test_any_events_give_stated_results(rows):
    """Rates in [0, 1], parts that sum to totals, no NaN and no crash."""
    results = summarise(table(rows), ENTRIES, PARTNERS, AS_OF, assumptions=QUICK)
    for row in results.conversions:
        assert row.converted + row.lost + row.open == row.n
        assert (row.rate is None) == (row.n == 0)
        if row.rate is not None:
            assert 0 <= row.interval.low <= row.interval.high <= 1
            assert 0 <= row.rate <= 1
    parts = [sum(r.n for r in results.conversions if r.type == t and r.window is None) for t in (*results.types, "all")]
    assert parts[0] + parts[1] == parts[2]
    assert np.isfinite(results.entries.stalled.chance).all()
    assert sum(p.stalled_entries for p in results.partners) == results.entries.stalled.is_stalled.sum()
    recent = sum(np.array(p.recent) for p in results.partners)
    assert (recent <= np.array(results.milestones)).all()


@costly
@given(events, st.lists(st.tuples(st.integers(LISTED, LOST), st.integers(0, 300)), max_size=15))
def test_partners_of_another_type_change_nothing_of_this_type(rows, others):
    """A newcomer of growth1 with its entries leaves every number of legacy as it was, to the last byte."""
    entries = EntryTable.of([*ENTRIES.ids, "new"], [*ENTRIES.partner.tolist(), N_PARTNERS])
    partners = PartnerTable.of([*PARTNERS.ids, "p3"], PARTNERS.types, [*PARTNERS.type.tolist(), 1])
    more = table([*rows, *((N_ENTRIES, m, d, 0) for m, d in others)])
    before = canonical_paths(table(rows), ENTRIES, PARTNERS, AS_OF)
    after = canonical_paths(more, entries, partners, AS_OF)
    for compute in (conversions, lead_times):
        one, two = ([r for r in compute(p, PARTNERS.types, QUICK) if r.type == "legacy"] for p in (before, after))
        assert [shown(r) for r in one] == [shown(r) for r in two]


def shown(row):
    return [getattr(row, f.name) for f in fields(row) if f.name != "curve"]


@quick
@given(st.integers(1, 30))
def test_deals_of_a_month_are_counted_once(n):
    rows = [(i % N_ENTRIES, DEAL, 250 + i % 5, i % 2) for i in range(n)]
    paths = canonical_paths(table(rows), ENTRIES, PARTNERS, AS_OF)
    assert (paths.reached[:, DEAL] != NO_DAY).sum() == min(n, N_ENTRIES)
