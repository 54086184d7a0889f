"""Deals to expect from each partner and in all within 30, 60 and 90 days, new entries included, with 80 % intervals (METHODS 3e).

Expected: the chances of the entries under way, and the entries still to be listed (a weekly rate) times the share of them that gets
there in time. Interval: draws of the partner's rates and weekly rate, and of the counts they lead to; seeded by partner, so that a
partner's interval does not depend on the others. The total's interval sums the partners' draws.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from indicators.bootstrap import generator
from indicators.chances_by_rate import ChancesByRate, OfPartner
from indicators.counting import drawn_counts, per_group
from indicators.curves import TypeCurves, onward
from indicators.drawn_rates import drawn_steps
from indicators.forecast import chances
from indicators.inputs import LISTED, Flags, Floats, Ints
from indicators.outlook import Outlook

_THREADS = 4
_FEW = 64  # entries of a partner that are drawn one by one, which takes no longer than drawing their sum


@dataclass(frozen=True, eq=False, slots=True)
class PartnerForecast:
    """Deals, [partners, horizons] each; the totals [horizons].

    ahead       the horizons in days, the shortest first
    in_flight   expected from entries under way
    new         expected from entries still to be listed
    low, high   80 % interval of all of them, whole deals
    type_low, type_high   [types, horizons] the same of the sum over a type's partners
    known       [partners]: there are curves to speak from; elsewhere all is 0 and says nothing
    """

    ahead: tuple[int, ...]
    in_flight: Floats
    new: Floats
    low: Ints
    high: Ints
    total: Floats
    total_low: Ints
    total_high: Ints
    type_low: Ints
    type_high: Ints
    known: Flags

    @property
    def expected(self) -> Floats:
        """In flight and new together."""
        return self.in_flight + self.new


def landing(curves: Sequence[TypeCurves], days: Sequence[int]) -> Floats:
    """[types, horizons]: were every step always taken, how many of one entry a day would be deals within the days. Times the rates."""
    rows = []
    for row in curves:
        whole = onward(row)[LISTED]
        # an entry of day u has h - u days left: the sum over u = 1 .. h
        summed = np.cumsum(whole)
        rows.append([float(summed[min(h, len(summed)) - 1]) + max(0, h - len(summed)) * float(whole[-1]) for h in days])
    return np.array(rows).reshape(-1, len(days))


def partner_forecast(outlook: Outlook) -> PartnerForecast:
    """The forecast of every partner."""
    partners, rates, arriving, ways = outlook.partners, outlook.rates, outlook.arriving, outlook.ways
    assumptions = outlook.assumptions
    n, ahead, kind = len(partners), assumptions.ahead, partners.type
    per_entry = chances(outlook.under_way, ways, rates, ahead)
    of = outlook.under_way.partner
    in_flight = np.column_stack([per_group(of, column, n) for column in per_entry.T])
    known = np.array([way.known for way in ways], bool)[kind]
    a_day = landing(outlook.curves, ahead)[kind] / 7.0
    new = (arriving.weekly * rates.rate.prod(axis=1))[:, None] * a_day * known[:, None]
    draws = outlook.draws
    low, high = np.zeros((n, len(ahead)), np.int64), np.zeros((n, len(ahead)), np.int64)
    totals = np.zeros((len(partners.types), draws, len(ahead)), np.int64)
    a, b = rates.spread(kind)

    def drawn_of(by_rate: ChancesByRate, members: Ints) -> Ints:
        """The draws of some partners, each with a generator of its own, and their sum."""
        all_of_them = np.zeros((draws, len(ahead)), np.int64)
        for i, mine in zip(members, by_rate.of(outlook.under_way, members), strict=True):
            drawn = _draws_of(
                generator(assumptions.seed, str(outlook.as_of), partners.ids[i]), draws, a[i], b[i],
                (float(arriving.shape[i]), float(arriving.scale[i])), a_day[i], mine,
            )  # fmt: skip
            low[i], high[i] = _middle(drawn)
            all_of_them += drawn
        return all_of_them

    processors = min(os.cpu_count() or 1, _THREADS)  # numpy draws without holding up other threads
    with ThreadPoolExecutor(processors) as pool:
        for t, way in enumerate(ways[: len(partners.types)]):
            members = np.flatnonzero(kind == t)
            if not way.known or not members.size:
                continue
            by_rate = ChancesByRate(way, way.reaches(ahead), powers=2)
            for drawn in pool.map(partial(drawn_of, by_rate), np.array_split(members, processors)):
                totals[t] += drawn
    total_low, total_high = _middle(totals.sum(axis=0))
    of_types = [_middle(drawn) for drawn in totals]
    return PartnerForecast(
        ahead=ahead,
        in_flight=in_flight,
        new=new,
        low=low,
        high=high,
        total=(in_flight + new).sum(axis=0),
        total_low=total_low,
        total_high=total_high,
        type_low=np.array([pair[0] for pair in of_types], np.int64).reshape(-1, len(ahead)),
        type_high=np.array([pair[1] for pair in of_types], np.int64).reshape(-1, len(ahead)),
        known=known,
    )


def _middle(drawn: Ints) -> tuple[Ints, Ints]:
    """The ends [horizons] of the middle 80 % of draws [draws, horizons].

    Deals of more days are as many or more, so that ends that chance put out of order are put back, which brings them no further from the true
    ones (Chernozhukov, Fernandez-Val and Galichon 2010).
    """
    ordered = np.sort(drawn, axis=0)
    last = len(ordered) - 1
    return np.sort(ordered[int(0.1 * last)]), np.sort(ordered[int(np.ceil(0.9 * last))])


def _draws_of(
    rng: np.random.Generator,
    draws: int,
    a: Floats,
    b: Floats,
    weekly: tuple[float, float],
    a_day: Floats,
    mine: OfPartner,
) -> Ints:
    """[draws, horizons] numbers of deals of one partner. An entry that is a deal within 30 days is one within 60."""
    p = drawn_steps(rng, a, b, draws)
    if len(mine) <= _FEW:
        under_way = mine.drawn(rng, p)
    else:
        (mean, second), *_ = mine.by_rate.sums([mine], p[None])
        under_way = drawn_counts(rng, mean, second)
    rate = rng.gamma(weekly[0], weekly[1], draws) * p.prod(axis=0)
    coming = rng.poisson(rate * a_day[:, None])
    return np.asarray((under_way + coming).T, np.int64)
