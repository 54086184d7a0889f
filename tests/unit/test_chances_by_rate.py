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
            yield i, mine, rng.beta(4, 5, (4, 50))


def test_sums_of_powers_are_those_of_the_chances_one_by_one():
    outlook = busy_outlook()
    seen = 0
    for i, mine, p in of_partners(outlook):
        each, (sums,) = mine.each(p), mine.by_rate.sums([mine], p[None])
        assert len(mine) == len(each) <= (outlook.under_way.partner == i).sum()
        for power, column in enumerate(sums, start=1):
            # between two rates both are straight lines, of the chance and of its power
            np.testing.assert_allclose(column, (each**power).sum(axis=0), atol=2e-3 * max(len(each), 1))
        assert (np.diff(each, axis=1) >= -1e-12).all(), "what is a deal within 30 days is one within 60"
        seen += len(each)
    assert seen > 100


def test_of_few_every_chance_is_kept_and_of_many_the_sums():
    outlook = busy_outlook()
    kept, entries = Gathered(50), 0
    for _, mine, p in of_partners(outlook):
        kept.add(mine.by_rate, [mine], p[None])
        entries += len(mine)
        one = kept.happenings
        assert (one.each is not None) == (entries <= FEW)
        if one.each is not None:
            assert len(one.each) == entries
            np.testing.assert_allclose(one.each.sum(axis=0), one.mean, atol=2e-3 * max(entries, 1))
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
        each = mine.each(np.random.default_rng(i).beta(a[i, :, None], b[i, :, None], (4, 4000)))
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


def test_drawn_one_by_one_entries_come_as_often_as_their_chances_say():
    """At each draw of the rates: so often on average, with the variance of a sum of independent entries."""
    outlook = busy_outlook(partners=12)
    rng, looked_at = np.random.default_rng(5), 0
    for i, mine, _ in of_partners(outlook):
        if not len(mine):
            continue
        rates = np.repeat(rng.beta(4, 5, (4, 1)), 20_000, axis=1)
        each, counts = mine.each(rates[:, :1])[:, :, 0], mine.drawn(rng, rates)
        assert counts.shape == (len(HORIZONS), 20_000)
        expected, variance = each.sum(axis=0), (each * (1 - each)).sum(axis=0)
        off = 5 * np.sqrt(np.maximum(variance, 1e-9) / 20_000)
        assert (np.abs(counts.mean(axis=1) - expected) <= off + 1e-6).all(), i
        np.testing.assert_allclose(counts.var(axis=1), variance, rtol=0.1, atol=1e-3)
        assert (np.diff(counts, axis=0) >= 0).all(), "what is a deal within 30 days is one within 60"
        looked_at += 1
    assert looked_at > 5


def test_more_entries_than_a_byte_counts_are_all_drawn():
    outlook = busy_outlook()
    _, mine, _ = max(of_partners(outlook), key=lambda found: len(found[1]))
    many = replace(mine, counts=[counts * 200 for counts in mine.counts])
    rates = np.repeat(np.full((4, 1), 0.9), 300, axis=1)
    each, counts = many.each(rates[:, :1])[:, :, 0], many.drawn(np.random.default_rng(6), rates)
    assert each.sum(axis=0).max() > 300
    np.testing.assert_allclose(counts.mean(axis=1), each.sum(axis=0), rtol=0.05)


def test_rates_of_nothing_and_of_all_are_drawn_without_a_warning():
    """At the ends a beta distribution may give 0 and 1 themselves."""
    outlook = busy_outlook()
    seen = 0
    for _, mine, _ in of_partners(outlook):
        counts = mine.drawn(np.random.default_rng(7), np.repeat([[0.0, 1.0]], 4, axis=0))
        chances = mine.each(np.repeat([[0.0, 1.0]], 4, axis=0))
        assert (counts[:, 0] == 0).all()
        certain, possible = (chances[:, :, 1] >= 1).sum(axis=0), (chances[:, :, 1] > 0).sum(axis=0)
        assert (certain <= counts[:, 1]).all()
        assert (counts[:, 1] <= possible).all()
        seen += len(mine)
    assert seen > 50


def test_partners_summed_together_are_those_summed_alone():
    outlook = busy_outlook()
    of_type = {}
    for _, mine, p in of_partners(outlook):
        of_type.setdefault(id(mine.by_rate), []).append((mine, p))
    for found in of_type.values():
        by_rate, p = found[0][0].by_rate, np.stack([rates for _, rates in found])
        together = by_rate.sums([mine for mine, _ in found], p)
        for at, (mine, rates) in enumerate(found):
            assert together[at].tobytes() == by_rate.sums([mine], rates[None])[0].tobytes()
