"""Which recorded milestone comes next, where some go unrecorded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.assumptions import Assumptions
from indicators.conversion import point_conversions
from indicators.curves import TypeCurves, type_curves
from indicators.forecast import way_tables
from indicators.inputs import DEAL, EntryTable, EventTable, PartnerTable
from indicators.jumps import jump_tables, with_jumps
from indicators.paths import canonical_paths
from indicators.subjects import Funnel
from tests.unit.reference.histories import played, tables
from tests.unit.reference.worlds import DAY0, events_of

AS_OF = DAY0 + 900
LEAN = Assumptions(replicates=20, draws=60)


def curves_of(stories: list[list[tuple[str, int]]]) -> tuple[TypeCurves, ...]:
    entries = EntryTable.of([str(i) for i in range(len(stories))], [0] * len(stories))
    partners = PartnerTable.of(["p"], ["legacy"], [0])
    return by_steps_and_jumps(events_of(stories), entries, partners)[1]


def by_steps_and_jumps(
    events: EventTable, entries: EntryTable, partners: PartnerTable
) -> tuple[tuple[TypeCurves, ...], tuple[TypeCurves, ...]]:
    funnel = Funnel(canonical_paths(events, entries, partners, AS_OF))
    curves = type_curves(point_conversions(funnel, partners.types, LEAN), partners.types, LEAN)
    return curves, with_jumps(curves, funnel, LEAN)


def unrecorded(events: EventTable, chance: float, seed: int) -> EventTable:
    """Some of the milestones between the first and the deal left out of the records."""
    left_out = (
        (events.milestone > 0) & (events.milestone < DEAL) & (np.random.default_rng(seed).random(len(events)) < chance)
    )
    kept = ~left_out
    return EventTable.of(events.entry[kept], events.milestone[kept], events.day[kept])


def world(n: int, seed: int = 0) -> tuple[EventTable, EntryTable, PartnerTable]:
    rng = np.random.default_rng(seed)
    return tables(*played(rng, rng.integers(DAY0, AS_OF, n)), AS_OF)


def test_where_everything_is_recorded_nothing_changes():
    steps, jumps = by_steps_and_jumps(*world(300))
    assert jumps is steps


def test_by_hand():
    """Of ten, four are requested on day 5, two agreed on day 10 with nothing in between, one lost on day 12; three wait on."""
    stories = [
        *[[("listed", 800), ("requested", 805)]] * 4,
        *[[("listed", 800), ("agreed", 810)]] * 2,
        [("listed", 800), ("lost", 812)],
        *[[("listed", 800)]] * 3,
    ]
    following = curves_of(stories)[0][0].following
    assert following is not None
    assert following[1, [4, 5, 180]] == pytest.approx([0.0, 0.4, 0.4])
    assert following[2, [9, 10, 180]] == pytest.approx([0.0, 0.2, 0.2])
    assert following[5, [11, 12]] == pytest.approx([0.0, 0.1])
    assert following[[0, 3, 4]].sum() == 0


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.integers(300, 800))
def test_tables_by_what_is_recorded_next_are_those_step_by_step_where_nothing_is_left_out(seed: int, n: int) -> None:
    """With everything recorded the next recorded milestone is the next one: the two ways are one."""
    events, entries, partners = world(n, seed)
    last = (
        AS_OF - DAY0
    )  # one entry more, in which a milestone is missing, so that jumps are told; all others' weight is what remains
    more = EventTable.of(
        np.r_[events.entry, n, n],
        np.r_[events.milestone, 0, 2],
        np.r_[events.day, DAY0 + last - 800, DAY0 + last - 790],
    )
    wider = EntryTable.of([*entries.ids, "z"], np.r_[entries.partner, 0])
    window = Assumptions(replicates=20, draws=60, window=700)
    funnel = Funnel(canonical_paths(more, wider, partners, AS_OF))
    steps = type_curves(point_conversions(funnel, partners.types, window), partners.types, window)
    jumps = with_jumps(steps, funnel, window)
    assert jumps[0][0].following is not None
    for to in (2, DEAL):
        for one, other in zip(way_tables(steps, to), jumps, strict=True):
            found = jump_tables(other, to, None)
            for mine, theirs in zip(found.tables, one.tables, strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-9)
            np.testing.assert_allclose(found.converters, one.converters, atol=1e-9)
            np.testing.assert_allclose(found.others, one.others, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 300), st.floats(0.01, 0.9))
def test_chances_stay_chances(seed: int, n: int, chance: float) -> None:
    """Shares by what comes next rise and sum to at most one; from any age and for any rate a chance lies between nothing and certainty."""
    events, entries, partners = world(n, seed)
    _, jumps = by_steps_and_jumps(unrecorded(events, chance, seed), entries, partners)
    for row, way in zip(jumps, way_tables(jumps), strict=True):
        for k, curve in enumerate(row):
            if curve.following is None:
                continue
            assert (np.diff(curve.following, axis=1) >= -1e-12).all()
            assert curve.following[:, -1].sum() <= 1 + 1e-9
            assert np.isfinite(way.tables[k]).all()
            assert (way.tables[k] >= 0).all()
            both = curve.rate * way.converters[k] + (1 - curve.rate) * way.others[k]
            told = np.prod([c.rate for c in row[k:]]) * way.tables[k]
            assert (told <= both[:, None] + 1e-9).all()


def test_one_horizon_asked_for_is_the_one_of_the_whole_table():
    events, entries, partners = world(400)
    _, jumps = by_steps_and_jumps(unrecorded(events, 0.2, 1), entries, partners)
    for row in jumps:
        whole, some = jump_tables(row, DEAL, None), jump_tables(row, DEAL, (30,))
        for one, other in zip(whole.tables, some.tables, strict=True):
            np.testing.assert_allclose(other[:, 0], one[:, 30], atol=1e-12)
