"""What must hold of rates, forecasts and targets whatever the events are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.allocation import allocate
from indicators.assumptions import Assumptions
from indicators.inputs import DEAL, LISTED, LOST, EntryTable, EventTable, PartnerTable
from indicators.month import Month
from indicators.prospects import Prospects
from indicators.summary import summarise
from indicators.target_plan import VERDICTS
from indicators.targets import target_plan
from tests.unit.reference.histories import played, tables
from tests.unit.reference.worlds import DAY0

costly = settings(max_examples=15, deadline=None)
QUICK = Assumptions(replicates=30, draws=200, plan_draws=50)
N, AS_OF = 12, DAY0 + 300
PARTNERS = PartnerTable.of(["p0", "p1", "p2"], ["legacy", "growth1"], [0, 1, 0])
ENTRIES = EntryTable.of([f"e{i}" for i in range(N)], np.arange(N) % 3)
THIS, NEXT = Month(AS_OF - 9, AS_OF + 20), Month(AS_OF + 21, AS_OF + 50)
events = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(LISTED, LOST), st.integers(0, 320), st.integers(0, 1)), max_size=60
)


def table(rows):
    entry, milestone, day, source = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [], [])
    return EventTable.of(entry, milestone, np.array(day, np.int64) + DAY0, source=source)


def made_of(rows) -> Prospects:
    return summarise(table(rows), ENTRIES, PARTNERS, AS_OF, assumptions=QUICK).prospects


@costly
@given(events, st.integers(0, 12))
def test_any_events_give_stated_forecasts_and_targets(rows, deals):
    """Chances are shares, parts sum to totals, nothing is NaN, every verdict is one of five."""
    made = made_of(rows)
    rates = made.outlook.rates
    for share in (rates.rate, rates.low, rates.high, rates.weight, made.entries.within, made.entries.eventual):
        assert np.isfinite(share).all()
        assert ((share >= 0) & (share <= 1)).all()
    assert (np.diff(np.c_[made.entries.within, made.entries.eventual], axis=1) >= -1e-12).all()
    assert np.isfinite(made.partners.expected).all()
    np.testing.assert_allclose(made.partners.total, made.partners.expected.sum(axis=0))
    np.testing.assert_allclose(made.partners.in_flight.sum(axis=0), made.entries.within.sum(axis=0), atol=1e-12)
    assert (made.partners.low <= made.partners.high).all()
    plan = target_plan(made.outlook, deals, THIS, earliest=(NEXT,))
    assert plan.verdict in VERDICTS
    assert np.isfinite(plan.weekly.new).all()
    for k in range(DEAL + 1):
        assert plan.weekly.total(k) >= np.ceil((plan.weekly.in_flight + plan.weekly.new)[k].sum() - 1e-9)
    shared = allocate(made.outlook, plan, NEXT)
    assert shared.target.sum() == max(deals, plan.achieved)
    assert shared.entries.sum() == plan.weekly.total(LISTED)


@costly
@given(events, st.randoms(use_true_random=False))
def test_order_and_replay_change_no_byte_of_a_forecast(rows, random):
    one, two = (made_of(r) for r in (rows, random.sample(rows + rows, 2 * len(rows))))
    for name in ("state", "within", "eventual", "p50", "p80"):
        assert getattr(one.entries, name).tobytes() == getattr(two.entries, name).tobytes()
    for name in ("in_flight", "new", "low", "high", "total_low", "total_high"):
        assert getattr(one.partners, name).tobytes() == getattr(two.partners, name).tobytes()
    assert one.calibration == two.calibration
    assert one.drifts == two.drifts


def test_partners_of_another_type_change_no_byte_of_a_types_forecast():
    """Where a type speaks for itself, a newcomer of another one with a hundred entries changes nothing of its rates and chances."""
    rng = np.random.default_rng(8)
    as_of = DAY0 + 700
    listed = rng.integers(DAY0, as_of, 900)
    found, entries, _ = tables(*played(rng, listed), as_of)
    owner = np.arange(900) % 6
    kinds = np.arange(6) % 2
    before = (found, EntryTable.of(entries.ids, owner), PartnerTable.of([f"p{i}" for i in range(6)], ["a", "b"], kinds))
    more, others, _ = tables(*played(rng, rng.integers(DAY0, as_of, 100)), as_of)
    after = (
        EventTable.of(
            np.r_[found.entry, more.entry + 900], np.r_[found.milestone, more.milestone], np.r_[found.day, more.day]
        ),
        EntryTable.of([*entries.ids, *(f"n{i}" for i in others.ids)], np.r_[owner, np.full(100, 6)]),
        PartnerTable.of([f"p{i}" for i in range(7)], ["a", "b"], [*kinds, 1]),
    )
    one, two = (summarise(*given, as_of, assumptions=QUICK).prospects for given in (before, after))
    mine = np.flatnonzero(kinds == 0)
    assert one.outlook.rates.rate[mine].tobytes() == two.outlook.rates.rate[mine].tobytes()
    for name in ("in_flight", "new", "low", "high"):
        assert getattr(one.partners, name)[mine].tobytes() == getattr(two.partners, name)[mine].tobytes()
    rows = np.flatnonzero(kinds[owner] == 0)
    assert one.entries.within[rows].tobytes() == two.entries.within[rows].tobytes()
