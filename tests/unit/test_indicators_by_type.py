"""All types' curves from one count against each type's own, and the pace of entries that rests on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.assumptions import Assumptions
from indicators.by_type import curves_by_type
from indicators.incidence import Incidence, aalen_johansen, quantile_days
from indicators.inputs import DEAL, EntryTable, EventTable, PartnerTable
from indicators.paths import canonical_paths
from indicators.stalled import paces
from indicators.subjects import STEPS, Funnel, Step
from tests.unit.reference.histories import played, tables
from tests.unit.reference.worlds import DAY0

AS_OF = DAY0 + 900
TYPES = ("growth1", "growth2", "legacy")
LEAN = Assumptions(min_subjects=12, own_curve=5)


def funnel_of(n: int, seed: int, unrecorded: float) -> Funnel:
    """Entries of three types, few of them of the last one, some of whose milestones are left out of the records."""
    rng = np.random.default_rng(seed)
    events, entries, _ = tables(*played(rng, rng.integers(DAY0, AS_OF, n)), AS_OF)
    kept = (events.milestone == 0) | (events.milestone >= DEAL) | (rng.random(len(events)) >= unrecorded)
    events = EventTable.of(events.entry[kept], events.milestone[kept], events.day[kept])
    whose = rng.choice(3, n, p=[0.6, 0.38, 0.02])
    return Funnel(
        canonical_paths(
            events, EntryTable.of(entries.ids, whose), PartnerTable.of(["a", "b", "c"], TYPES, [0, 1, 2]), AS_OF
        )
    )


def alone(funnel: Funnel, step: Step, kind: int | None, *, dated: bool) -> Incidence:
    subjects, _ = funnel.subjects(step, kind, LEAN.window, LEAN.min_subjects)
    subjects = subjects.only(subjects.dated) if dated else subjects
    return aalen_johansen(subjects.duration, subjects.ending, LEAN.horizon)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 400), st.sampled_from([0.0, 0.3]), st.booleans())
def test_each_curve_is_that_of_the_type_alone(seed: int, n: int, unrecorded: float, dated: bool) -> None:
    funnel = funnel_of(n, seed, unrecorded)
    for step in STEPS:
        curves, still_open = curves_by_type(funnel, step, len(TYPES), LEAN, dated=dated)
        for kind, curve, waiting in zip((0, 1, 2, None), curves, still_open.tolist(), strict=True):
            in_window, _ = funnel.subjects(step, kind, LEAN.window, 0)
            assert (curve is None) == (len(in_window) < LEAN.min_subjects)
            if curve is None:
                continue
            one = alone(funnel, step, kind, dated=dated)
            for column in ("at_risk", "converted", "ended", "f1", "f2", "s"):
                np.testing.assert_array_equal(getattr(curve, column), getattr(one, column))
            assert waiting == int(one.censored.sum() - late(funnel, step, kind, dated=dated))


def late(funnel: Funnel, step: Step, kind: int | None, *, dated: bool) -> int:
    """Those that came to an end, or went on, after the horizon: the curve counts them as open, but they are not."""
    subjects, _ = funnel.subjects(step, kind, LEAN.window, LEAN.min_subjects)
    subjects = subjects.only(subjects.dated) if dated else subjects
    return int(((subjects.duration > LEAN.horizon) & (subjects.ending != 0)).sum())


@pytest.mark.parametrize("unrecorded", [0.0, 0.3])
def test_the_pace_of_a_type_is_told_by_entries_whose_days_are_known_and_its_chances_by_all(unrecorded: float) -> None:
    funnel = funnel_of(1500, 4, unrecorded)
    told = paces(funnel, TYPES, LEAN)
    own = 0
    for k, step in enumerate(STEPS):
        for kind, row in enumerate(told):
            if row[k].pooled or row[k].assumed:
                continue
            whole, timed = (alone(funnel, step, kind, dated=dated) for dated in (False, True))
            by = min(LEAN.horizon, timed.readable_to(LEAN.min_at_risk))
            assert (row[k].p80, row[k].p95) == tuple(int(quantile_days(timed.f1, q, by)) for q in (0.8, 0.95))
            assert row[k].at_entry == float(whole.f1[-1])
            own += 1
    assert own >= 8
