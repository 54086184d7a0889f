"""What a partner's entries are likely to do, for draws of its rates: entry by entry, and by sums."""

from dataclasses import replace

import numpy as np

from indicators.chances_by_rate import ChancesByRate, Gathered
from indicators.happenings import FEW, exact_shares
from indicators.partner_forecast import partner_forecast
from tests.unit.test_indicators_targets import busy_outlook

HORIZONS = (30, 60, 90)


def of_partners(outlook, powers=4):
    """(partner, its entries, drawn rates) of everybody, with the tables of the forecast."""
    rng = np.random.default_rng(4)
    for t, way in enumerate(outlook.ways[:-1]):
        by_rate = ChancesByRate(way, [table[:, list(HORIZONS)] for table in way.tables], powers)
        members = np.flatnonzero(outlook.partners.type == t)
        for i, mine in zip(members, by_rate.of(outlook.under_way, members), strict=True):
            yield i, mine, rng.beta(4, 5, (50, 4))


def test_sums_of_powers_are_those_of_the_chances_one_by_one():
    outlook = busy_outlook()
    seen = 0
    for i, mine, p in of_partners(outlook):
        each, sums = mine.each(p), mine.sums(p)
        assert len(mine) == len(each) <= (outlook.under_way.partner == i).sum()
        for power, column in enumerate(sums, start=1):
            # between two rates both are straight lines, of the chance and of its power
            np.testing.assert_allclose(column, (each**power).sum(axis=0), atol=2e-3 * max(len(each), 1))
        np.testing.assert_allclose(sums[0], each.sum(axis=0), atol=1e-9)
        assert (np.diff(each, axis=1) >= -1e-12).all(), "what is a deal within 30 days is one within 60"
        seen += len(each)
    assert seen > 100


def test_of_few_every_chance_is_kept_and_of_many_the_sums():
    outlook = busy_outlook()
    kept, entries = Gathered(50), 0
    for _, mine, p in of_partners(outlook):
        kept.add(mine, p)
        entries += len(mine)
        one = kept.happenings
        assert (one.each is not None) == (entries <= FEW)
        if one.each is not None:
            assert len(one.each) == entries
            np.testing.assert_allclose(one.each.sum(axis=0), one.mean, atol=1e-9)
    assert entries > FEW


def test_intervals_of_partners_with_few_entries_are_those_of_the_exact_count():
    outlook = busy_outlook(partners=30)
    silent = replace(outlook, arriving=replace(outlook.arriving, scale=outlook.arriving.scale * 0))
    found = partner_forecast(replace(silent, draws=2000))
    a, b = outlook.rates.spread(outlook.partners.type)
    looked_at = 0
    for i, mine, _ in of_partners(outlook):
        if len(mine) > 12:
            continue
        each = mine.each(np.random.default_rng(i).beta(a[i], b[i], (4000, 4)))
        for at in range(len(HORIZONS)):
            at_most = np.cumsum(exact_shares(each[:, at], len(each) + 1).mean(axis=0))
            low, high = found.low[i, at], found.high[i, at]
            assert at_most[low] >= 0.1 - 0.03, "a tenth, and what 2,000 draws are off"
            assert low == 0 or at_most[low - 1] <= 0.1 + 0.03
            assert at_most[high] >= 0.9 - 0.03
            assert high == 0 or at_most[high - 1] <= 0.9 + 0.03
            looked_at += len(each) > 0
        assert (np.diff(found.low[i]) >= 0).all()
        assert (np.diff(found.high[i]) >= 0).all()
    assert looked_at > 20
