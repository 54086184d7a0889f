"""Deals to expect from each partner and in all within 30, 60 and 90 days, new entries included, with 80 % intervals (METHODS 3e).

Expected: the chances of the entries under way, and the entries still to be listed (a weekly rate) times the share of them that gets
there in time. Interval: draws of the partner's rates and weekly rate, and of the counts they lead to; seeded by partner, so that a
partner's interval does not depend on the others. The total's interval sums the partners' draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.bootstrap import generator
from indicators.counting import drawn_counts, per_group
from indicators.curves import TypeCurves, onward
from indicators.forecast import WayTables, chances
from indicators.inputs import LISTED, Flags, Floats, Ints
from indicators.open_entries import OpenEntries
from indicators.outlook import Outlook
from indicators.subjects import STEPS

_NODES = 101  # rates at which sums over a partner's entries are worked out; between them they are straight lines
_BUDGET = 2_000_000  # draws of all partners together
_BLOCK = 64


@dataclass(frozen=True, eq=False, slots=True)
class PartnerForecast:
    """Deals, [partners, horizons] each; the totals [horizons].

    ahead       the horizons in days
    in_flight   expected from entries under way
    new         expected from entries still to be listed
    low, high   80 % interval of all of them, whole deals
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
    per_entry = chances(outlook.under_way, ways, rates.rate, ahead)
    of = outlook.under_way.partner
    in_flight = np.column_stack([per_group(of, column, n) for column in per_entry.T])
    known = np.array([way.known for way in ways], bool)[kind]
    a_day = landing(outlook.curves, ahead)[kind] / 7.0
    new = (arriving.weekly * rates.rate.prod(axis=1))[:, None] * a_day * known[:, None]
    draws = int(np.clip(_BUDGET // max(n, 1), 200, assumptions.draws))
    low, high = np.zeros((n, len(ahead)), np.int64), np.zeros((n, len(ahead)), np.int64)
    totals = np.zeros((draws, len(ahead)), np.int64)
    a, b = rates.spread(kind)
    for t, way in enumerate(ways[: len(partners.types)]):
        if not way.known:
            continue
        members = np.flatnonzero(kind == t)
        reaches = [table[:, [min(h, len(table) - 1) for h in ahead]] for table in way.tables]
        for at in range(0, len(members), _BLOCK):
            block = members[at : at + _BLOCK]
            sums = sums_by_rate(outlook.under_way, block, way, reaches)
            for place, i in enumerate(block):
                drawn = _draws_of(
                    generator(assumptions.seed, str(outlook.as_of), partners.ids[i]), draws, a[i], b[i],
                    (float(arriving.shape[i]), float(arriving.scale[i])), a_day[i], [s[:, place] for s in sums],
                )  # fmt: skip
                ordered = np.sort(drawn, axis=0)
                low[i], high[i] = ordered[int(0.1 * (draws - 1))], ordered[int(np.ceil(0.9 * (draws - 1)))]
                totals += drawn
    ordered = np.sort(totals, axis=0)
    return PartnerForecast(
        ahead=ahead,
        in_flight=in_flight,
        new=new,
        low=low,
        high=high,
        total=(in_flight + new).sum(axis=0),
        total_low=ordered[int(0.1 * (draws - 1))],
        total_high=ordered[int(np.ceil(0.9 * (draws - 1)))],
        known=known,
    )


def sums_by_rate(open_now: OpenEntries, block: Ints, way: WayTables, reaches: Sequence[Floats]) -> list[Floats]:
    """For each milestone [2 * m, partners, nodes]: sums of chances, then of squared chances, if later steps were always taken.

    `reaches` holds for each milestone the columns [days, m] of its table that are asked for; the nodes are rates from 0 to 1.
    """
    nodes = np.linspace(0.0, 1.0, _NODES)
    days = way.converters.shape[1]
    place_of = np.full(int(max(open_now.partner.max(initial=0), block.max(initial=0))) + 1, -1)
    place_of[block] = np.arange(len(block))
    place = place_of[open_now.partner]
    young = (place >= 0) & (open_now.age < days - 1)
    found = []
    for k, reach in enumerate(reaches):
        mine = young & (open_now.milestone == k)
        cells = np.bincount(place[mine] * days + open_now.age[mine], minlength=len(block) * days).reshape(
            len(block), days
        )
        ages = np.flatnonzero(cells.any(axis=0))
        p = nodes[None, :]
        both = p * way.converters[k, ages][:, None] + (1 - p) * way.others[k, ages][:, None]
        share = np.divide(np.broadcast_to(p, both.shape), both, out=np.zeros_like(both), where=both > 0)
        width = reach.shape[1]
        sums = np.zeros((2 * width, len(block), _NODES))
        counts = cells[:, ages].astype(np.float64)
        for j in range(width):
            chance = np.minimum(share * reach[ages, j][:, None], 1.0)
            sums[j] = counts @ chance
            sums[width + j] = counts @ chance**2
        found.append(sums)
    return found


def moments_of_draws(p: Floats, sums: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Sum of chances and of squared chances [draws, m] of one partner's entries, for drawn rates `p` [draws, 4].

    `sums` is what `sums_by_rate` gives, for this partner: [2 * m, nodes] for each milestone.
    """
    width = sums[0].shape[0] // 2
    mean, second = np.zeros((len(p), width)), np.zeros((len(p), width))
    for k, by_rate in enumerate(sums):
        if not by_rate[:width].any():
            continue
        rest = p[:, k + 1 :].prod(axis=1)[:, None]
        at = p[:, k] * (_NODES - 1)
        left = np.minimum(at.astype(np.int64), _NODES - 2)
        slope = at - left
        values = (by_rate[:, left] * (1 - slope) + by_rate[:, left + 1] * slope).T
        mean += rest * values[:, :width]
        second += rest**2 * values[:, width:]
    return mean, second


def _draws_of(
    rng: np.random.Generator,
    draws: int,
    a: Floats,
    b: Floats,
    weekly: tuple[float, float],
    a_day: Floats,
    sums: list[Floats],
) -> Ints:
    """[draws, horizons] numbers of deals of one partner."""
    p = rng.beta(a, b, (draws, len(STEPS)))
    under_way = drawn_counts(rng, *moments_of_draws(p, sums))
    rate = rng.gamma(weekly[0], weekly[1], draws) * p.prod(axis=1)
    coming = rng.poisson(rate[:, None] * a_day[None, :])
    return np.asarray(under_way + coming, np.int64)
