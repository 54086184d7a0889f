"""Histories that begin later than their records are found by themselves, and never where everything is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from indicators.assumptions import DEFAULTS
from indicators.histories import LateHistory, _tail, late_histories, starts_of
from indicators.inputs import AGREED, DEAL, LISTED, LOST, NO_DAY, REQUESTED, EntryTable, EventTable, PartnerTable
from indicators.paths import canonical_paths
from indicators.subjects import Funnel, subjects_of
from indicators.summary import summarise
from tests.unit.reference.short_histories import cut, found
from tests.unit.reference.worlds import DAY0, generate

CHANGED, MADE = 0, 1
LEAN = replace(DEFAULTS, replicates=50, draws=100)


def table(rows, histories=("crm.Entry",)):
    """(entry, milestone, day, told) of events."""
    entry, milestone, day, told = zip(*rows, strict=True)
    return EventTable.of(entry, milestone, [DAY0 + d for d in day], told=told, histories=histories)


def flow(n, since, *, further=lambda i: False):
    """An entry a day that moves on after ten days; of those whose day has come before `since` the newest milestone stands at the making."""
    rows = []
    for i in range(n):
        rows.append((i, LISTED, i, MADE))
        seen = [(REQUESTED, i + 10), (AGREED, i + 25)]
        past = [milestone for milestone, day in seen if day < since]
        if past or further(i):
            rows.append((i, past[-1] if past else REQUESTED, i, MADE))
        rows += [(i, milestone, day, CHANGED) for milestone, day in seen if day >= since]
    return table(rows)


def test_a_history_that_begins_later_than_its_records_is_found_by_its_tenth_change():
    """From day 100 on changes come twice a day: the tenth on day 104, and of 105 entries begun by then 90 had moved before day 100."""
    (late,) = late_histories(flow(200, 100), 200, DAY0 + 400)
    assert late == LateHistory("crm.Entry", DAY0 + 105, 105, 90, 95, 0)


@pytest.mark.parametrize("every", [1, 2, 5, 1000])
def test_where_everything_is_known_nobody_is_left_out_however_many_records_are_made_further_on(every):
    """A company that makes every second record at `requested` does so before the first changes as after."""
    events = flow(200, 0, further=lambda i: i % every == 0)
    assert late_histories(events, 200, DAY0 + 400) == ()
    assert starts_of(events, 200, ()) == NO_DAY


def test_a_few_changes_of_a_trial_make_no_history():
    tried = [(entry, REQUESTED, 3, CHANGED) for entry in (200, 201, 202)] + [
        (e, LISTED, 1, MADE) for e in (200, 201, 202)
    ]
    events = flow(200, 100)
    rows = list(zip(events.entry, events.milestone, events.day - DAY0, events.told, strict=True))
    (late,) = late_histories(table([*rows, *tried]), 203, DAY0 + 400)
    assert 100 <= late.start - DAY0 <= 105


@pytest.mark.parametrize(
    ("before", "since", "changes", "late"),
    [
        ((20, 200), (0, 200), 10, True),
        ((19, 200), (0, 200), 10, False),  # less than a tenth apart
        ((80, 400), (40, 400), 11, True),
        ((79, 400), (40, 400), 11, False),
        ((9, 20), (0, 20), 10, True),
        ((8, 20), (0, 20), 10, False),  # by chance in 1.6 of 1,000
        ((20, 200), (0, 200), 9, False),
    ],
)
def test_a_history_begins_late_from_ten_changes_a_tenth_and_one_in_a_thousand_on(before, since, changes, late):
    """So many of those begun on day 0, and on day 60, stood further when first heard of; changes came a day from day 41 on, the eleventh on day 70."""
    rows, n = [], 0
    for day, (further, of) in ((0, before), (60, since)):
        for i in range(of):
            rows += [(n, LISTED, day, MADE), *([(n, REQUESTED, day, MADE)] if i < further else [])]
            n += 1
    rows += [(before[1] - 1 - i, REQUESTED, 41 + i, CHANGED) for i in range(min(changes, 10))]
    rows += [(n - 1, REQUESTED, 70, CHANGED)] if changes > 10 else []
    found = late_histories(table(rows), n, DAY0 + 400)
    expected = LateHistory("crm.Entry", DAY0 + 51, before[1], before[0], since[1], since[0])
    assert found == ((expected,) if late else ())


def test_too_few_changes_since_tell_nothing_yet():
    assert late_histories(flow(200, 221), 200, DAY0 + 400) == ()


def test_a_day_is_judged_by_what_had_happened_by_then():
    events = flow(200, 100)
    up_to = events.day <= DAY0 + 130
    then = EventTable.of(
        events.entry[up_to],
        events.milestone[up_to],
        events.day[up_to],
        told=events.told[up_to],
        histories=("crm.Entry",),
    )
    assert late_histories(events, 200, DAY0 + 130) == late_histories(then, 200, DAY0 + 130) != ()


@given(st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(chance):
    events = flow(60, 40)
    order = chance.sample(range(len(events)), len(events))
    mixed = EventTable.of(
        events.entry[order],
        events.milestone[order],
        events.day[order],
        told=events.told[order],
        histories=events.histories,
    )
    assert late_histories(mixed, 60, DAY0 + 99) == late_histories(events, 60, DAY0 + 99)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_the_tail_is_the_hypergeometric_one(drawn, others, data):
    of = drawn + others
    marked = data.draw(st.integers(0, of))
    k = data.draw(st.integers(max(0, drawn + marked - of), min(drawn, marked)))
    assert math.isclose(_tail(k, drawn, marked, of), hypergeom.sf(k - 1, of, marked, drawn), rel_tol=1e-9)


def test_each_object_has_a_history_of_its_own_and_dates_of_other_records_say_nothing_of_it():
    """A deal's day, by the deal's own record, is known of old entries too: it makes no history of the entry's."""
    events = flow(200, 100)
    rows = [
        (e, m, d, t + 2)
        for e, m, d, t in zip(events.entry, events.milestone, events.day - DAY0, events.told, strict=True)
    ]
    deals = [(i, DEAL, i + 30, CHANGED) for i in range(200)]
    (late,) = late_histories(table([*deals, *rows], ("crm.Deal", "crm.Entry")), 200, DAY0 + 400)
    assert (late.history, late.start) == ("crm.Entry", DAY0 + 105)


def paths(events, n, as_of=DAY0 + 400):
    entries = EntryTable.of([f"e{i}" for i in range(n)], [0] * n)
    partners = PartnerTable.of(["p"], ["legacy"], [0])
    starts = starts_of(events, n, late_histories(events, n, as_of))
    return canonical_paths(events, entries, partners, as_of, history_start=starts)


def test_steps_count_whoever_came_to_them_since_and_the_whole_way_whoever_began_since():
    """Of 200 entries 95 began since day 105. To `requested` came since then those of entries 95 to 199, whenever they began."""
    known = paths(flow(200, 100), 200)
    assert known.issues.before_history == 105
    assert len(subjects_of(known, (LISTED, DEAL))) == len(subjects_of(known, (LISTED, REQUESTED))) == 95
    step = subjects_of(known, (REQUESTED, AGREED))
    assert len(step) == 105
    assert set(step.duration.tolist()) == {15}
    assert Funnel(known).came(REQUESTED, None, None) == 105
    assert Funnel(known).skip_rates() == (0.0,) * 5


def test_a_loss_that_was_there_from_the_start_is_one_of_those():
    """Half of the entries were lost before the history begins: nobody knows when."""
    rows = [(i, LISTED, i, MADE) for i in range(200)]
    rows += [(i, LOST, i if i < 90 else i + 10, MADE if i < 90 else CHANGED) for i in range(0, 200, 2)]
    (late,) = late_histories(table(rows), 200, DAY0 + 400)
    assert (late.further_before, late.further_since) == (45, 0)


def test_a_summary_with_a_whole_history_is_the_same_bytes_and_with_a_short_one_says_so(tmp_path):
    world = generate(tmp_path, "clean", entries=1500)
    whole = cut(world, 0)
    one, two = (summarise(w.events, w.entries, w.partners, w.as_of, assumptions=LEAN) for w in (world, whole))
    assert repr(one.conversions) == repr(two.conversions)
    assert one.partners == two.partners
    assert one.pool.late == two.pool.late == ()
    short = cut(world, world.as_of - 200)
    late = summarise(short.events, short.entries, short.partners, world.as_of, assumptions=LEAN)
    assert [one.history for one in late.pool.late] == ["crm.Entry"]
    assert late.issues.before_history == late.pool.late[0].before
    assert np.isclose(late.pool.late[0].start, world.as_of - 200, atol=5)


def test_with_a_short_history_rates_and_medians_lie_nearer_to_the_truth(tmp_path):
    """Changes of the last 131 days alone (printed for more worlds by bench.recovery)."""
    offs = {False: [], True: []}
    inside = {False: [], True: []}
    for seed in (7, 8, 9):
        world = generate(tmp_path / str(seed), "clean", seed=seed)
        for judged, off in offs.items():
            one = found(cut(world, world.as_of - 131), judged=judged, assumptions=LEAN)
            off.append((np.sqrt(np.mean(np.square(one.rates))), np.sqrt(np.mean(np.square(one.medians)))))
            inside[judged] += one.inside
    (rates, medians), (rates_judged, medians_judged) = (np.mean(offs[judged], axis=0) for judged in (False, True))
    assert rates_judged < 0.75 * rates
    assert medians_judged < 0.5 * medians
    assert np.mean(inside[True]) > 0.9
    assert np.mean(inside[False]) < 0.7
