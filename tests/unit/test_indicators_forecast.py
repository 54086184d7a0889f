"""Forecasts: the formula against a walk through every day, published figures, and stated answers at the edges."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from indicators.arrivals import arrivals
from indicators.assumptions import DEFAULTS, Assumptions
from indicators.calibration import NOT_ENOUGH_DATA, calibration
from indicators.conversion import point_conversions
from indicators.counting import drawn_counts, poisson_binomial, shared_out
from indicators.curves import type_curves, within_after
from indicators.entry_forecast import BEYOND_SUPPORT, CLOSED, NO_DATA, OK
from indicators.inputs import DEAL, NO_DAY, WON, EntryTable, EventTable, PartnerTable
from indicators.open_entries import every_nth, open_entries, rewound
from indicators.paths import canonical_paths
from indicators.quick_curves import quick_curves
from indicators.subjects import Funnel
from indicators.summary import summarise
from tests.unit.reference.histories import played, tables
from tests.unit.reference.worlds import DAY0, events_of

quick = settings(max_examples=60, deadline=None)
LEAN = Assumptions(replicates=60, draws=400)
AS_OF = DAY0 + 900


def world(seed=0, n=600, lists=None):
    rng = np.random.default_rng(seed)
    listed = rng.integers(DAY0, AS_OF, n) if lists is None else lists
    return tables(*played(rng, listed), AS_OF)


def results_of(stories, as_of=AS_OF, **options):
    entries = EntryTable.of([f"e{i}" for i in range(len(stories))], [0] * len(stories))
    return summarise(
        events_of(stories), entries, PartnerTable.of(["p"], ["legacy"], [0]), as_of, **{"assumptions": LEAN, **options}
    )


def test_r11_poisson_binomial():
    assert poisson_binomial([0.1, 0.2, 0.2]) == pytest.approx([0.576, 0.352, 0.068, 0.004])


@quick
@given(st.lists(st.floats(0, 1), max_size=30))
def test_counts_of_unlike_chances_agree_with_the_oracle(chances):
    pmf = poisson_binomial(chances)
    assert len(pmf) == len(chances) + 1
    assert pmf.sum() == pytest.approx(1)
    assert (np.arange(len(pmf)) * pmf).sum() == pytest.approx(sum(chances))
    if chances:
        np.testing.assert_allclose(pmf, stats.poisson_binom.pmf(np.arange(len(pmf)), chances), atol=1e-9)


def test_more_than_sixty_three_chances_are_no_matter():
    assert poisson_binomial(np.full(200, 0.3))[60] == pytest.approx(stats.binom.pmf(60, 200, 0.3))


def test_impossible_chances_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        poisson_binomial([0.5, 1.5])


def test_drawn_counts_have_the_mean_and_spread_of_the_sum():
    q = np.random.default_rng(2).random(40) * 0.4
    drawn = drawn_counts(np.random.default_rng(3), np.full(40_000, q.sum()), np.full(40_000, (q**2).sum()))
    assert drawn.mean() == pytest.approx(q.sum(), abs=0.05)
    assert drawn.var() == pytest.approx((q * (1 - q)).sum(), rel=0.04)
    assert drawn_counts(np.random.default_rng(3), np.zeros(3), np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "q", [[0.9, 0.95, 0.99, 0.5], [0.999, 0.2], [0.7, 0.1, 0.1], [0.5, 0.4, 0.3, 0.1], [0.02] * 5, [1.0, 1.0, 0.4]]
)
def test_drawn_counts_of_few_unlike_chances_have_their_mean_and_spread_too(q):
    """Where the trials of the like binomial are not a whole number, also where the lower one is too few for the mean."""
    q = np.array(q)
    drawn = drawn_counts(np.random.default_rng(4), np.full(60_000, q.sum()), np.full(60_000, (q**2).sum()))
    assert drawn.mean() == pytest.approx(q.sum(), abs=0.015)
    assert drawn.var() == pytest.approx((q * (1 - q)).sum(), abs=0.012)
    assert drawn.max() <= len(q)


@quick
@given(st.integers(0, 300), st.lists(st.floats(0, 50), min_size=1, max_size=12))
def test_parts_sum_to_the_total_and_are_within_one_of_their_share(total, weights):
    parts = shared_out(total, weights)
    assert (parts >= 0).all()
    if sum(weights) > 0:
        assert parts.sum() == total
        assert (np.abs(parts - total * np.array(weights) / sum(weights)) < 1 + 1e-6).all()


def test_the_way_of_two_steps_is_the_sum_over_its_days():
    rng = np.random.default_rng(1)
    delay, following = np.cumsum(rng.dirichlet(np.ones(31))), np.cumsum(rng.dirichlet(np.ones(31)))
    table = within_after(delay, following)
    for c, h in ((0, 0), (0, 5), (7, 12), (29, 30)):
        by_hand = sum((delay[c + u] - delay[c + u - 1]) * following[h - u] for u in range(1, h + 1) if c + u <= 30)
        assert table[c, h] == pytest.approx(by_hand, abs=1e-12)
    np.testing.assert_allclose(within_after(delay, following, only=(5, 12)), table[:, [5, 12]], atol=1e-12)


def test_one_step_from_the_deal_is_the_conditional_curve():
    """P = p (F(c+h) - F(c)) / (p (1 - F(c)) + (1 - p)(1 - G(c))), read off the prospects' own parts."""
    events, entries, partners = world()
    made = summarise(events, entries, partners, AS_OF, assumptions=LEAN).prospects
    under, rates = made.outlook.under_way, made.outlook.rates.rate
    at = int(np.flatnonzero((under.milestone == 3) & (under.age < 60))[0])
    curve, c, p = made.outlook.curves[0][3], int(under.age[at]), float(rates[0, 3])
    goes_on, does_not = p * (1 - curve.delay[c]), (1 - p) * (1 - curve.loss[c])
    size = float(made.outlook.rates.size[0, 3])
    p = (p * size - goes_on / (goes_on + does_not)) / (size - 1)  # the partner's rate without the entry itself
    below = p * (1 - curve.delay[c]) + (1 - p) * (1 - curve.loss[c])
    expected = p * (curve.delay[c + 30] - curve.delay[c]) / below
    assert made.entries.within[under.entry[at], 0] == pytest.approx(expected)


def test_an_entry_that_came_before_the_partners_window_is_not_taken_out_of_a_rate_it_is_no_part_of():
    """Its partner has no attempt in the window: the rate is the type's mean, of which this entry tells nothing."""
    old, late = executed(*range(1, 181, 3), on=600), executed(*range(1, 21), on=850)
    stories = [*old, *late, [("listed", 780), ("requested", 780), ("agreed", 780), ("executed", 780)]]
    entries = EntryTable.of([f"e{i}" for i in range(81)], [i % 4 for i in range(80)] + [4])
    partners = PartnerTable.of([f"p{i}" for i in range(5)], ["legacy"], [0] * 5)
    lean = replace(LEAN, partner_window=100)
    made = summarise(events_of(stories), entries, partners, AS_OF, assumptions=lean).prospects
    rates, curve = made.outlook.rates, made.outlook.curves[0][3]
    assert (rates.attempts[4, 3], rates.rate[4, 3]) == (0, pytest.approx(rates.priors[0][3].mean))
    p, c = float(rates.rate[4, 3]), 120
    below = p * (1 - curve.delay[c]) + (1 - p) * (1 - curve.loss[c])
    assert curve.delay[c + 30] - curve.delay[c] > 0.1
    assert made.entries.within[80, 0] == pytest.approx(p * (curve.delay[c + 30] - curve.delay[c]) / below)


def executed(*days, on=700):
    return [[("listed", on), ("requested", on), ("agreed", on), ("executed", on), ("deal", on + d)] for d in days]


def test_the_days_of_a_deal_are_the_quantiles_of_what_is_still_to_come_of_its_delays():
    """Deals came after 1 to 21 days, alike: of the eleven days left to who has waited 10, the sixth passes half and the ninth 80 %."""
    waits = [[("listed", 850), ("requested", 850), ("agreed", 850), ("executed", 900 - age)] for age in (0, 10, 18)]
    made = results_of([*executed(*range(1, 22)) * 9, *waits]).prospects.entries
    assert (made.p50[-3:] - AS_OF).tolist() == [11, 6, 2]
    assert (made.p80[-3:] - AS_OF).tolist() == [17, 9, 3]


def test_who_has_waited_longer_than_anybody_who_came_to_an_end_has_no_chance_and_no_day():
    """Neither those that converted nor those that were lost have waited so long: a stated zero, not a division by it."""
    lost = [[("listed", 700), ("requested", 700), ("agreed", 700), ("executed", 700), ("lost", 710)]] * 10
    made = results_of([*executed(*[5] * 30), *lost, [*executed(1, on=850)[0][:-1]]]).prospects.entries
    assert (made.state[-1], made.eventual[-1], made.within[-1].tolist()) == (OK, 0, [0, 0, 0])
    assert made.p50[-1] == made.p80[-1] == NO_DAY


def test_chances_grow_with_time_and_dates_are_in_order():
    made = summarise(*world(), AS_OF, assumptions=LEAN).prospects.entries
    ok = made.state == OK
    assert ok.sum() > 50
    assert (np.diff(np.c_[made.within, made.eventual], axis=1) >= -1e-12).all()
    dated = made.p50 != NO_DAY
    assert (dated <= ok).all()
    assert (made.eventual[dated] >= 0.05).all()
    assert ((made.p50[dated] > AS_OF) & (made.p80[dated] >= made.p50[dated])).all()
    assert (made.eventual[made.state == CLOSED] == 0).all()


def test_partners_and_their_entries_agree():
    made = summarise(*world(), AS_OF, assumptions=LEAN).prospects
    np.testing.assert_allclose(made.partners.in_flight.sum(axis=0), made.entries.within.sum(axis=0), rtol=1e-12)
    assert ((made.partners.low <= made.partners.expected) & (made.partners.expected <= made.partners.high)).all()
    assert (np.diff(made.partners.total) > 0).all()


def test_no_interval_of_more_days_lies_lower():
    """However few the draws, and of how many or few entries under way: deals of 60 days are as many as of 30, or more."""
    events, entries, _ = world(n=2400)
    owner = np.arange(2400) % 60
    partners = PartnerTable.of([f"p{i}" for i in range(60)], ["legacy"], [0] * 60)
    few = replace(LEAN, draws=40)
    made = summarise(events, EntryTable.of(entries.ids, owner), partners, AS_OF, assumptions=few).prospects.partners
    assert made.new.max() > 0.05
    assert (np.diff(made.low, axis=1) >= 0).all()
    assert (np.diff(made.high, axis=1) >= 0).all()


def test_new_entries_count_towards_the_forecast():
    """A steady stream lists an entry a day; in 90 days it brings deals that are not under way yet."""
    made = summarise(*world(lists=np.arange(DAY0, AS_OF)), AS_OF, assumptions=LEAN).prospects
    assert made.outlook.arriving.weekly[0] == pytest.approx(7, rel=0.05)
    assert made.partners.new[0, 2] > 3 > made.partners.new[0, 0]


def test_a_partner_joined_last_week_is_not_held_slow():
    """Fourteen entries in its first two weeks are seven a week, not one."""
    stories = [[("listed", 890)]] * 14
    entries = EntryTable.of([f"e{i}" for i in range(14)], [0] * 14)
    partners = PartnerTable.of(["p", "q"], ["legacy"], [0, 0], joined_day=[AS_OF - 14, AS_OF - 400])
    coming = arrivals(canonical_paths(events_of(stories), entries, partners, AS_OF), partners)
    assert coming.weeks.tolist() == [2, 13]
    assert coming.weekly[0] > 3 > coming.weekly[1]


def test_nothing_new_is_expected_of_a_partner_whose_contract_has_ended():
    """What is under way with it goes on; nor does it slow the partners that stay."""
    stories = [[("listed", 880 + i % 15)] for i in range(28)]
    entries = EntryTable.of([f"e{i}" for i in range(28)], [i % 2 for i in range(28)])

    def coming(*ended):
        partners = PartnerTable.of(["p", "q", "r"], ["legacy"], [0] * 3, ended_day=[*ended])
        return arrivals(canonical_paths(events_of(stories), entries, partners, AS_OF), partners)

    two = PartnerTable.of(["p", "q"], ["legacy"], [0, 0])
    alone = arrivals(canonical_paths(events_of(stories), entries, two, AS_OF), two)
    gone, today, stays = (coming(NO_DAY, NO_DAY, day).weekly for day in (AS_OF - 400, AS_OF, AS_OF + 1))
    assert gone[2] == today[2] == 0 < stays[2]
    assert gone[:2].tolist() == alone.weekly.tolist()
    assert stays[0] < gone[0]
    events, listed, partners = world()
    left = replace(partners, ended_day=np.array([AS_OF - 1], np.int32))
    open_ones, none = (
        summarise(events, listed, p, AS_OF, assumptions=LEAN).prospects.partners for p in (partners, left)
    )
    assert (none.in_flight == open_ones.in_flight).all()
    assert (open_ones.new > 0).all()
    assert (none.new == 0).all()
    assert (none.high <= open_ones.high).all()


def test_intervals_are_the_same_bytes_again_and_do_not_depend_on_other_partners():
    events, entries, partners = world()
    first, again = (summarise(events, entries, partners, AS_OF, assumptions=LEAN).prospects.partners for _ in range(2))
    assert first.low.tobytes() == again.low.tobytes()
    other = summarise(events, entries, partners, AS_OF, assumptions=replace(LEAN, seed="x")).prospects.partners
    assert (first.in_flight == other.in_flight).all()


def test_the_gate_opens_for_honest_data_and_closes_when_the_world_changes():
    events, entries, partners = world(n=1500)
    made = summarise(events, entries, partners, AS_OF, assumptions=LEAN).prospects
    assert made.status == "ok"
    origins = made.calibration.origins
    assert [AS_OF - origin.day for origin in origins] == [180, 150, 120, 90, 60, 30]
    assert made.calibration.expected == pytest.approx(sum(origin.expected for origin in origins))
    assert made.calibration.limit == pytest.approx(2 * np.sqrt(sum(origin.variance for origin in origins)))
    for origin in origins:  # a sum of q (1 - q)
        assert 0 < origin.variance < origin.expected < origin.n
        assert origin.expected - origin.variance >= origin.expected**2 / origin.n - 1e-9
    assert made.calibration.expected == pytest.approx(made.calibration.came, abs=made.calibration.limit)
    stopped = (events.milestone < 3) | (events.day < AS_OF - 180)  # nothing is executed any more
    halted = EventTable.of(events.entry[stopped], events.milestone[stopped], events.day[stopped])
    assert summarise(halted, entries, partners, AS_OF, assumptions=LEAN).prospects.status == "miscalibrated"


def test_more_deals_than_were_foretold_are_as_much_of_a_miss_as_fewer():
    """All that had been executed 180 days ago became a deal within the month, which nothing had foretold."""
    events, entries, partners = world(n=1500)
    then = AS_OF - 180
    before = canonical_paths(events, entries, partners, then)
    stands = before.entry[(before.current == 3) & (before.lost == NO_DAY)]
    kept = events.day <= then
    surge = EventTable.of(
        np.r_[events.entry[kept], stands],
        np.r_[events.milestone[kept], np.full(len(stands), 4)],
        np.r_[events.day[kept], np.full(len(stands), then + 20)],
    )
    found = calibration(canonical_paths(surge, entries, partners, then + 30), partners, replace(LEAN, checks=1))
    assert len(found.origins) == 1
    assert (found.status, found.came) == ("miscalibrated", len(stands))
    assert found.came - found.expected > found.limit > 0


@pytest.mark.parametrize(("n", "checked"), [(19, 0), (20, 6)])
def test_a_past_day_is_checked_where_every_step_had_converted_twenty_times(n, checked):
    stories = [*executed(*[5] * n, on=400), [("listed", 650)]]
    entries = EntryTable.of([f"e{i}" for i in range(len(stories))], [0] * len(stories))
    partners = PartnerTable.of(["p"], ["legacy"], [0])
    found = calibration(canonical_paths(events_of(stories), entries, partners, AS_OF), partners, LEAN)
    assert len(found.origins) == checked
    if not checked:
        assert (found.status, found.expected, found.came, found.limit) == ("unchecked", 0, 0, 0)


@pytest.mark.parametrize("n", [0, 20, 300, 3000])
def test_quick_curves_are_the_curves(n):
    """Counted in one go, and by type, window and ending one after another: the same, down to the last digit."""
    events, entries, _ = world(n=n)
    partners = PartnerTable.of(["p", "q", "r"], ["legacy", "growth1", "none"], [0, 1, 0])
    owner = EntryTable.of(entries.ids, np.arange(n) % 7 // 3)
    funnel = Funnel(canonical_paths(events, owner, partners, AS_OF))
    slow = type_curves(point_conversions(funnel, partners.types, LEAN), partners.types, LEAN)
    for mine, theirs in zip(quick_curves(funnel, partners.types, LEAN), slow, strict=True):
        for one, other in zip(mine, theirs, strict=True):
            assert (one.rate, one.se, one.n, one.conversions, one.mature, one.pooled) == (
                other.rate, other.se, other.n, other.conversions, other.mature, other.pooled,
            )  # fmt: skip
            np.testing.assert_array_equal(one.delay, other.delay)
            np.testing.assert_array_equal(one.loss, other.loss)


def test_of_very_many_entries_every_nth_is_checked(monkeypatch):
    """A third of the entries tells the same, with a third of the deals."""
    events, entries, partners = world(n=3000)
    paths = canonical_paths(events, entries, partners, AS_OF)
    whole = calibration(paths, partners, LEAN)
    monkeypatch.setattr("indicators.calibration.MOST", 1000)
    part = calibration(paths, partners, LEAN)
    assert part.status == whole.status == "ok"
    assert part.expected == pytest.approx(whole.expected / 3, rel=0.25)
    assert len(every_nth(paths, 3)) == pytest.approx(len(paths) / 3, abs=1)


def test_the_past_rewound_is_the_past_as_it_was():
    """Without steps back or reopened losses, what is known today tells of an earlier day what was known then."""
    whole, entries, partners = world()
    told = ~((whole.milestone == 2) & (whole.entry % 9 == 0))  # some agreements were never recorded
    events = EventTable.of(whole.entry[told], whole.milestone[told], whole.day[told])
    deals = np.flatnonzero(events.milestone == DEAL)[::2]
    with_wins = EventTable.of(
        np.r_[events.entry, events.entry[deals]],
        np.r_[events.milestone, np.full(len(deals), WON)],
        np.r_[events.day, events.day[deals] + 60],
    )
    now = rewound(canonical_paths(with_wins, entries, partners, AS_OF), AS_OF - 200)
    then = canonical_paths(with_wins, entries, partners, AS_OF - 200)
    assert 0 < (then.won != NO_DAY).sum() < (canonical_paths(with_wins, entries, partners, AS_OF).won != NO_DAY).sum()
    assert len(open_entries(now)) == len(open_entries(then)) > 0
    assert then.inferred.any()
    for name in ("entry", "partner", "reached", "lost", "won", "current", "since", "inferred"):
        np.testing.assert_array_equal(getattr(now, name), getattr(then, name), name)


@pytest.mark.parametrize(
    ("stories", "status"),
    [
        ([], NOT_ENOUGH_DATA),
        ([[("listed", 850)]] * 30, NOT_ENOUGH_DATA),
        ([[("listed", 700), ("lost", 720)]] * 30, NOT_ENOUGH_DATA),
        ([[("listed", 700), ("requested", 701), ("agreed", 702), ("executed", 703), ("deal", 704)]] * 30, "unchecked"),
    ],
)
def test_where_nothing_can_be_said_it_is_said(stories, status):
    made = results_of(stories).prospects
    assert made.status == status
    for array in (
        made.entries.within,
        made.entries.eventual,
        made.partners.in_flight,
        made.partners.new,
        made.partners.total,
    ):
        assert np.isfinite(array).all()
    if status == NOT_ENOUGH_DATA:
        assert not made.partners.known.any()
        assert set(made.entries.state.tolist()) <= {CLOSED, NO_DATA}


def test_an_entry_as_old_as_the_horizon_is_beyond_what_curves_speak_of():
    stories = [[("listed", 700), ("requested", 705), ("agreed", 710), ("executed", 715), ("deal", 720)]] * 30
    made = results_of([*stories, [("listed", 720)], [("listed", 721)]]).prospects.entries
    assert made.state[-2:].tolist() == [BEYOND_SUPPORT, OK]
    assert made.eventual[-2] == 0


def test_an_entry_that_was_a_deal_once_is_closed():
    stories = [[("listed", 700), ("deal", 720), ("agreed", 800)]]
    assert results_of(stories).prospects.entries.state.tolist() == [CLOSED]


def test_defaults_are_those_of_the_specification():
    assert (DEFAULTS.ahead, DEFAULTS.draws, DEFAULTS.checks, DEFAULTS.min_probability) == ((30, 60, 90), 2000, 6, 0.05)
