"""Partner rates: published figures, edge cases, and what open entries must not do to them."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize

from indicators.beta_binomial import fit_beta_binomial, moments
from indicators.business_days import BusinessDays
from indicators.conversion import point_conversions
from indicators.curves import type_curves
from indicators.drift import drifts
from indicators.inputs import FIRST_DAY, LAST_DAY, EntryTable, PartnerTable, day_number
from indicators.multiple import holm
from indicators.partner_rates import partner_rates
from indicators.paths import canonical_paths
from indicators.subjects import Funnel
from tests.unit.reference.worlds import DAY0, events_of, paths_of

# Rat tumours (Tarone 1982; BDA3, chapter 5): rats with a tumour, and rats, in 70 earlier groups and the current one
TUMOURS = [int(n) for n in ["0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "1", "1", "1", "1", "1", "1", "1", "1", "2", "2", "2", "2", "2", "2", "2", "2", "2", "1", "5", "2", "5", "3", "2", "7", "7", "3", "3", "2", "9", "10", "4", "4", "4", "4", "4", "4", "4", "10", "4", "4", "4", "5", "11", "12", "5", "5", "6", "5", "6", "6", "6", "6", "16", "15", "15", "9", "4"]]  # fmt: skip
RATS = [int(n) for n in ["20", "20", "20", "20", "20", "20", "20", "19", "19", "19", "19", "18", "18", "17", "20", "20", "20", "20", "19", "19", "18", "18", "25", "24", "23", "20", "20", "20", "20", "20", "20", "10", "49", "19", "46", "27", "17", "49", "47", "20", "20", "13", "48", "50", "20", "20", "20", "20", "20", "20", "20", "48", "19", "19", "19", "22", "46", "49", "20", "20", "23", "19", "22", "20", "20", "20", "52", "46", "47", "24", "14"]]  # fmt: skip


def test_r9_rat_tumours():
    y, n = np.array(TUMOURS, float), np.array(RATS, float)
    assert (len(y), y.sum(), n.sum()) == (71, 267, 1739)
    shares = y[:70] / n[:70]
    assert (round(shares.mean(), 3), round(shares.std(ddof=1), 3)) == (0.136, 0.103)
    assert tuple(round(v, 3) for v in np.ravel(moments(shares, np.zeros(70, int), 1))) == pytest.approx(
        (1.356, 8.615), abs=0.001
    )
    for groups, printed in ((70, (2.305, 14.080)), (71, (2.342, 14.115))):
        a, b = fit_beta_binomial(y[:groups], n[:groups], prior=False)
        assert (a, b) == pytest.approx(printed, abs=0.002)


@pytest.mark.parametrize("alike", [False, True])
def test_the_spread_of_partners_is_the_most_likely_one_under_its_weak_prior(alike):
    """Found by another library's beta-binomial and a general search. Where partners are all alike, k would grow for ever without the prior."""
    rng = np.random.default_rng(6)
    n = rng.integers(5, 60, 40).astype(float)
    y = np.round(n * 0.4) if alike else rng.binomial(n.astype(int), rng.beta(4, 6, 40)).astype(float)

    def uphill(at):
        m, k = 1 / (1 + np.exp(-at[0])), np.exp(at[1])
        told = stats.betabinom.logpmf(y, n.astype(int), m * k, (1 - m) * k).sum()
        return -(told + 0.5 * (np.log(m) + np.log1p(-m)) - 0.5 * ((at[1] - np.log(12)) / 1.5) ** 2)

    best = minimize(uphill, [0.0, 2.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10}).x
    m, k = 1 / (1 + np.exp(-best[0])), min(np.exp(best[1]), 500.0)
    a, b = fit_beta_binomial(y, n)
    assert (a / (a + b), a + b) == (pytest.approx(m, abs=1e-4), pytest.approx(k, rel=1e-3))
    assert (a + b > 100) == alike
    assert sum(fit_beta_binomial(y, n, prior=False)) > (1e6 if alike else 1)


def test_r10_means_lean_on_the_prior():
    a, b = fit_beta_binomial(np.array(TUMOURS, float), np.array(RATS, float), prior=False)
    means = [round((a + y) / (a + b + n), 4) for y, n in ((0, 20), (4, 14), (16, 52))]
    assert means == [0.0642, 0.2082, 0.2679]


def test_r15_business_days_around_golden_week():
    """2026-04-28 up to 2026-05-11, with 4/29 and 5/3 to 5/6 off: 5 days."""
    days = [np.datetime64(d) for d in ("2026-04-29", "2026-05-03", "2026-05-04", "2026-05-05", "2026-05-06")]
    start, end = np.datetime64("2026-04-28"), np.datetime64("2026-05-11")
    assert np.busday_count(start, end, holidays=days) == 5
    calendar = BusinessDays.of(day_number(d) for d in days)
    assert calendar.between(day_number(start), day_number(end)) == 5
    assert calendar.between(day_number(end), day_number(end)) == 0


def test_business_days_are_those_of_numpy():
    rng = np.random.default_rng(4)
    start = rng.integers(day_number(np.datetime64("2000-01-01")), 25_000, 300)
    end = start + rng.integers(0, 500, 300)
    off = rng.integers(11_000, 25_000, 200)
    as_dates = [column.astype("datetime64[D]") for column in (start, end, off)]
    expected = np.busday_count(as_dates[0], as_dates[1], holidays=as_dates[2])
    np.testing.assert_array_equal(BusinessDays.of(off.tolist()).between(start, end), expected)


def test_days_off_count_from_the_first_day_of_2000_to_the_last_that_is_told_and_others_are_ignored():
    """1 January 2000 is a Saturday, 6 June 2149 a Friday; beyond both nobody works, as nothing is dated there."""
    assert [np.datetime64(d, "D").item().strftime("%a") for d in (FIRST_DAY, LAST_DAY)] == ["Sat", "Fri"]
    calendar = BusinessDays.of([FIRST_DAY - 5, FIRST_DAY + 2, LAST_DAY, LAST_DAY + 5])
    ends = (
        (FIRST_DAY, FIRST_DAY + 7),
        (LAST_DAY - 6, LAST_DAY + 1),
        (FIRST_DAY - 90, FIRST_DAY + 3),
        (LAST_DAY, LAST_DAY + 90),
    )
    start, end = np.array(ends).T
    assert calendar.between(start, end).tolist() == [4, 4, 0, 0]
    assert BusinessDays.of().between(start, end).tolist() == [5, 5, 1, 1]
    assert calendar.between(FIRST_DAY, LAST_DAY + 1) == BusinessDays.of().between(FIRST_DAY, LAST_DAY + 1) - 2
    first = BusinessDays.of([FIRST_DAY + 2, FIRST_DAY])
    assert first.between(FIRST_DAY, FIRST_DAY + 7) == 4


def test_r14_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


def rates_of(stories_by_partner, *, types=("legacy",), kind=None, as_of=DAY0 + 400):
    return rates_by(stories_by_partner, types, kind, as_of)[0]


def rates_by(stories_by_partner, types, kind, as_of):
    """Rates, and the curves that they go by."""
    stories = [story for partner in stories_by_partner for story in partner]
    owner = [i for i, partner in enumerate(stories_by_partner) for _ in partner]
    kinds = kind or [0] * len(stories_by_partner)
    partners = PartnerTable.of([f"p{i}" for i in range(len(stories_by_partner))], types, kinds)
    entries = EntryTable.of([f"e{i}" for i in range(len(stories))], owner)
    funnel = Funnel(canonical_paths(events_of(stories), entries, partners, as_of))
    curves = type_curves(point_conversions(funnel, types), types)
    return partner_rates(funnel, partners, curves), curves


GOOD = [("listed", 100), ("requested", 110)]
BAD = [("listed", 100), ("lost", 130)]
OPEN = [("listed", 398)]


def test_a_partner_with_little_data_leans_on_its_type_and_one_with_much_does_not():
    halves = [[GOOD] * 10 + [BAD] * 10 for _ in range(5)]
    rates = rates_of([*halves, [GOOD], [GOOD] * 90 + [BAD] * 10, []])
    little, much, none = (float(rates.rate[i, 0]) for i in (5, 6, 7))
    middle = rates.priors[0][0].mean
    assert middle < little < middle + 0.1
    assert much == pytest.approx(0.9, abs=0.06)
    assert none == pytest.approx(middle)
    assert rates.weight[7, 0] == 0
    assert rates.weight[5, 0] < 0.2
    assert rates.weight[6, 0] > 0.7
    widths = rates.high[:, 0] - rates.low[:, 0]
    assert widths[6] < widths[5] < widths[7]
    assert ((rates.low <= rates.rate) & (rates.rate <= rates.high)).all()


def test_the_interval_of_a_rate_is_the_middle_80_per_cent_of_what_is_known_of_it():
    """Beta(a + y, b + n - y) by scipy where every entry came to an end; an open one informs as far as converters would have converted (METHODS 3d)."""
    halves = [[GOOD] * good + [BAD] * (20 - good) for good in (6, 8, 10, 12, 14)]
    rates, curves = rates_by([*halves, [GOOD] * 3 + [BAD] * 5 + [[("listed", 395)]] * 4], ("legacy",), None, DAY0 + 400)
    prior, n = rates.priors[0][0], 20
    for i, y in enumerate((6, 8, 10, 12, 14)):
        low, high = stats.beta.ppf([0.1, 0.9], prior.a + y, prior.b + n - y)
        assert (rates.low[i, 0], rates.high[i, 0]) == pytest.approx((low, high))
        assert rates.weight[i, 0] == pytest.approx(n / (n + prior.a + prior.b))
    a, b = rates.spread(np.zeros(6, int))  # what forecasts and plans draw from
    assert stats.beta.ppf(0.1, a[:, 0], b[:, 0]) == pytest.approx(rates.low[:, 0])
    assert stats.beta.ppf(0.9, a[:, 0], b[:, 0]) == pytest.approx(rates.high[:, 0])
    informed = 8 + 4 * curves[0][0].delay[5]
    assert rates.informed[5, 0] == pytest.approx(informed)
    assert (rates.attempts[5, 0], rates.converted[5, 0], rates.open[5, 0]) == (12, 3, 4)
    k, p = informed + prior.a + prior.b, rates.rate[5, 0]
    assert (rates.low[5, 0], rates.high[5, 0]) == pytest.approx(stats.beta.ppf([0.1, 0.9], p * k, (1 - p) * k))
    assert rates.weight[5, 0] == pytest.approx(informed / k)


def test_a_list_handed_in_yesterday_says_nothing_about_its_partner():
    """Counted as failures, thirty new entries would halve the partner's rate."""
    same = [[GOOD] * 10 + [BAD] * 10 for _ in range(4)]
    before = rates_of([*same, [GOOD] * 10 + [BAD] * 10])
    after = rates_of([*same, [GOOD] * 10 + [BAD] * 10 + [OPEN] * 30])
    assert after.rate[4, 0] == pytest.approx(before.rate[4, 0], abs=0.03)
    assert after.attempts[4, 0] == 50
    assert after.informed[4, 0] < 25


def test_an_old_open_entry_counts_as_almost_failed():
    same = [[GOOD] * 10 + [BAD] * 10 for _ in range(4)]
    old = [("listed", 330)]
    rates = rates_of([*same, [GOOD] * 10 + [BAD] * 10 + [old] * 30])
    assert rates.rate[4, 0] < 0.4


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 300), st.integers(0, 190)),
        min_size=2,
        max_size=6,
    ),
    st.integers(1, 60),
)
@example([(3, 3, 0, 0), (2, 4, 20_000, 1)], 35)
def test_every_rate_is_where_expectation_and_maximisation_rest(counts, loss):
    """p = (a + converted + sum of r) / (a + b + n) to 1e-7, also of a partner whose open list dwarfs all that it has done."""
    lost = [("listed", 100), ("lost", 100 + loss)]
    halves = [[GOOD] * 10 + [lost] * 10] * 3
    stories = [[GOOD] * good + [lost] * bad + [[("listed", 400 - age)]] * waiting for good, bad, waiting, age in counts]
    rates, curves = rates_by([*halves, *stories], ("legacy",), None, DAY0 + 400)
    prior, curve = rates.priors[0][0], curves[0][0]
    for i, (good, bad, waiting, age) in enumerate(counts, len(halves)):
        p = float(rates.rate[i, 0])
        goes_on, does_not = (p * (1 - curve.delay[min(age, 180)]), (1 - p) * (1 - curve.loss[min(age, 180)]))
        r = goes_on / (goes_on + does_not) if age < 180 and goes_on > 0 else 0.0
        a, b = (float(part[0]) for part in prior.of(np.array([good + bad + waiting])))
        assert p == pytest.approx((a + good + waiting * r) / (a + b + good + bad + waiting), abs=1e-7)


def test_a_small_type_borrows_from_all():
    many = [[GOOD] * 10 + [BAD] * 10 for _ in range(4)]
    rates = rates_of([*many, [GOOD, BAD]], types=("legacy", "growth1"), kind=[0, 0, 0, 0, 1])
    assert not rates.priors[0][0].pooled
    assert rates.priors[1][0].pooled


@pytest.mark.parametrize("stories", [[[]], [[OPEN] * 5], [[BAD] * 40], [[GOOD] * 40], [[GOOD]]])
def test_extremes_give_rates_between_nothing_and_all(stories):
    rates = rates_of(stories)
    for column in (rates.rate, rates.low, rates.high, rates.weight):
        assert np.isfinite(column).all()
        assert ((column >= 0) & (column <= 1)).all()
    assert rates.known[0] == any(GOOD in partner for partner in stories)
    if stories == [[BAD] * 40]:
        assert 0 < rates.rate[0, 0] < 0.05
    if stories == [[GOOD] * 40]:
        assert 0.95 < rates.rate[0, 0] < 1


def drift_of(paths):
    return drifts(Funnel(paths), ["legacy"])[0]


def test_a_change_of_late_is_seen_and_an_even_pace_is_not():
    def month(day, good, bad):
        return [[("listed", day), ("requested", day + 5)]] * good + [[("listed", day), ("lost", day + 5)]] * bad

    even = [story for day in range(10, 380, 10) for story in month(day, 3, 3)]
    assert drift_of(paths_of(*even, as_of=DAY0 + 400)).status == "no change seen"
    worse = [story for day in range(10, 380, 10) for story in month(day, *((5, 1) if day < 310 else (1, 5)))]
    row = drift_of(paths_of(*worse, as_of=DAY0 + 400))
    assert row.status == "changed"
    assert row.recent is not None
    assert row.before is not None
    assert row.recent < 0.4
    assert row.before > 0.7
    assert row.p is not None
    assert row.p < 0.001
    assert drift_of(paths_of(*even[:20], as_of=DAY0 + 400)).status == "few"
    assert drift_of(paths_of(as_of=DAY0 + 400)).status == "few"


@pytest.mark.parametrize(("ago", "recent"), [(89, 40), (90, 0)])
def test_the_newest_cohort_is_that_of_the_last_ninety_days(ago, recent):
    old, new = ([[("listed", day), ("requested", day + 3)]] * 40 for day in (200, 400 - ago))
    row = drift_of(paths_of(*old, *new, as_of=DAY0 + 400))
    assert (row.n_recent, row.n_before) == (recent, 80 - recent)


@pytest.mark.parametrize(("new", "status"), [(29, "few"), (30, "no change seen")])
def test_drift_is_asked_of_cohorts_of_thirty(new, status):
    old, late = ([[("listed", day), ("requested", day + 3)]] for day in (200, 340))
    assert drift_of(paths_of(*old * 40, *late * new, as_of=DAY0 + 400)).status == status


def test_drift_is_asked_where_both_cohorts_were_watched_for_thirty_days():
    """Of forty new entries thirty are old enough in the one world; in the other none is."""
    old = [[("listed", 200), ("requested", 203)]] * 40
    young = [[("listed", 380)]] * 10
    enough = drift_of(paths_of(*old, *[[("listed", 360)]] * 30, *young, as_of=DAY0 + 400))
    too_young = drift_of(paths_of(*old, *[[("listed", 371)]] * 40, as_of=DAY0 + 400))
    assert (enough.status, too_young.status, too_young.p) == ("changed", "few", None)
    assert (enough.before, enough.recent, enough.at) == (1, 0, 30)


def test_drift_is_a_z_test_of_two_cohorts_with_holms_correction_over_the_steps_that_can_be_asked():
    """Of 100 old entries 60 went on within 30 days, of 100 new ones 45; then 30 of 60 and 22 of 45; nobody is censored by then."""

    def cohort(day, n, further):
        requested = [("listed", day), ("requested", day + 10)]
        agreed = [*requested, ("agreed", day + 20)]
        return [
            *[agreed] * further,
            *[requested] * (n - further),
            *[[("listed", day), ("lost", day + 200)]] * (100 - n),
        ]

    rows = drifts(Funnel(paths_of(*cohort(20, 60, 30), *cohort(310, 45, 22), as_of=DAY0 + 380)), ["legacy"])[:4]
    raw = []
    for old, n_old, new, n_new in ((60, 100, 45, 100), (30, 60, 22, 45)):
        p, q = old / n_old, new / n_new
        spread = np.sqrt(p * (1 - p) / n_old + q * (1 - q) / n_new)
        raw.append(2 * stats.norm.sf(abs(p - q) / spread))
    assert [row.p is None for row in rows] == [False, False, True, True]
    assert [row.p for row in rows[:2]] == pytest.approx(holm(raw))
    assert raw[0] < 0.05 < holm(raw)[0]
    assert [row.status for row in rows] == ["no change seen", "no change seen", "few", "few"]
    assert (rows[0].before, rows[0].recent, rows[0].n_before, rows[0].n_recent) == (
        pytest.approx(0.6),
        pytest.approx(0.45),
        100,
        100,
    )
