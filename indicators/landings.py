"""Where a month would end, milestone by milestone, and the chance that each is reached as often as planned (METHODS 3j).

What is counted at the month's end is what was reached already, those under way that come to the milestone in what is left of the month, and
entries still to be listed at the partners' pace of late (METHODS 3e). The first is known; of the others the distribution is averaged over
draws of the partners' rates and paces, the same that forecasts are told by.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from indicators.chance_of_count import Count
from indicators.chances_by_rate import ChancesByRate, Gathered
from indicators.counting import per_group
from indicators.curves import onward
from indicators.drawn_rates import drawn_rates
from indicators.forecast import WayTables, chances, way_tables
from indicators.happenings import Happenings, together
from indicators.inputs import DEAL, LISTED, Flags, Floats, Ints
from indicators.month import of_scope
from indicators.open_entries import OpenEntries
from indicators.outlook import Outlook
from indicators.weekly import not_yet_at, running


@dataclass(frozen=True, slots=True)
class Landing:
    """Of the five milestones, for one partner type or all of them. None where the steps on the way were not watched long enough,
    or where there is no partner.

    reached    expected at the month's end in all
    in_flight  of these, expected of entries that are under way; of `listed` none
    new        of these, expected of entries still to be listed
    low, high  80 % interval of `reached`
    chance     that the milestone is reached as often as planned; None also where nothing is planned
    """

    reached: tuple[float | None, ...]
    in_flight: tuple[float | None, ...]
    new: tuple[float | None, ...]
    low: tuple[int | None, ...]
    high: tuple[int | None, ...]
    chance: tuple[float | None, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Coming:
    """What comes to each milestone from the day after the as-of day up to a last one, [5, types] each.

    in_flight, new   expected of entries under way; of entries still to be listed
    under_way        by draw, what those under way may do
    poisson          [.., draws] means of the counts of new ones
    known            every step on the way was watched long enough to speak of it
    """

    in_flight: Floats
    new: Floats
    under_way: tuple[tuple[Happenings, ...], ...]
    poisson: Floats
    known: Flags

    def speaks(self, milestone: int, types: Sequence[int]) -> bool:
        """Whether there is anything to say of these types together; of none there is not."""
        of = list(types)
        return bool(of) and bool(self.known[milestone, of].all())

    def count(self, milestone: int, types: Sequence[int]) -> Count:
        """How many come to the milestone, of these types together."""
        of = list(types)
        return Count(together([self.under_way[milestone][t] for t in of]), self.poisson[milestone, of].sum(axis=0))


def coming(outlook: Outlook, last: int, scope: Flags | None = None) -> Coming:
    """What comes up to day `last` from the partners in scope [partners], all where None; nothing where that day is over."""
    chosen = np.ones(len(outlook.partners), bool) if scope is None else np.asarray(scope, bool)
    days, kinds = max(last - outlook.as_of, 0), len(outlook.partners.types)
    draws = min(outlook.assumptions.plan_draws, outlook.draws)
    each, by_draw = (DEAL + 1, kinds), (DEAL + 1, kinds, draws)
    in_flight, new, poisson, known = np.zeros(each), np.zeros(each), np.zeros(by_draw), _known(outlook, kinds)
    gathered = [[Gathered(draws) for _ in range(kinds)] for _ in range(DEAL + 1)]
    if days == 0:
        return _coming(in_flight, new, gathered, poisson, known)
    under_way = of_scope(outlook.under_way, chosen)
    ways: dict[int, tuple[WayTables, ...]] = {}
    before: dict[int, OpenEntries] = {}
    for j in range(LISTED + 1, DEAL + 1):
        ways[j] = outlook.ways if j == DEAL else way_tables(outlook.curves, j, only=[days])
        before[j] = under_way.only(not_yet_at(outlook, under_way, j))
        expected = chances(before[j], ways[j], outlook.rates, [days], to=j)[:, 0]
        in_flight[j] = per_group(before[j].type, expected, kinds)
    kind, a_day = outlook.partners.type, np.array([_per_daily_entry(outlook, t, days) for t in range(kinds)])
    for t in range(kinds):
        members = np.flatnonzero((kind == t) & chosen)
        if not members.size:
            known[:, t] = True  # nobody is there of whom to expect anything
            continue
        through = np.cumprod(np.c_[np.ones(len(members)), outlook.rates.rate[members]], axis=1)
        new[:, t] = (outlook.arriving.weekly[members] / 7.0) @ through * a_day[t]
        by_rate = {j: ChancesByRate(of_type[t], of_type[t].reaches([days])) for j, of_type in ways.items()}
        for drawn in drawn_rates(outlook, members, draws):
            whose = zip(drawn.members, drawn.generators, strict=True)
            pace = [rng.gamma(outlook.arriving.shape[i], outlook.arriving.scale[i], draws) / 7.0 for i, rng in whose]
            there = np.array(pace)
            poisson[LISTED, t] += there.sum(axis=0) * a_day[t, LISTED]
            for j, chances_of in by_rate.items():
                there *= drawn.p[:, j - 1]
                poisson[j, t] += there.sum(axis=0) * a_day[t, j]
                gathered[j][t].add(chances_of, list(chances_of.of(before[j], drawn.members)), drawn.p)
    return _coming(in_flight, new, gathered, poisson, known)


def _coming(
    in_flight: Floats, new: Floats, gathered: Sequence[Sequence[Gathered]], poisson: Floats, known: Flags
) -> Coming:
    return Coming(in_flight, new, tuple(tuple(one.happenings for one in row) for row in gathered), poisson, known)


def landings(
    ahead: Coming, actual: Ints, planned: Sequence[Sequence[float | None]], whole: Sequence[float | None]
) -> tuple[Landing, ...]:
    """One for each partner type, and last that of all together.

    `actual` [5, types]: reached in the month so far; `planned` [types][5] and `whole` [5]: what is to be reached, None where nothing is said.
    """
    of_types = [_landing(ahead, [t], actual[:, [t]], row) for t, row in enumerate(planned)]
    return *of_types, _landing(ahead, list(range(len(planned))), actual, whole)


def settled(actual: Sequence[int], planned: Sequence[float | None]) -> Landing:
    """Of a month that is over: what was reached, and whether that is as much as planned."""
    met = tuple(None if plan is None else float(n >= math.ceil(plan)) for n, plan in zip(actual, planned, strict=True))
    nothing, counts = (0.0,) * len(met), tuple(int(n) for n in actual)
    return Landing(tuple(float(n) for n in counts), nothing, nothing, counts, counts, met)


def chance_of_more(ahead: Coming, milestone: int, wanted: int, types: Sequence[int] | None = None) -> float | None:
    """The chance that at least `wanted` more come to the milestone, of these types or all; None where too little is known to say."""
    if wanted <= 0:
        return 1.0
    of = list(range(ahead.new.shape[1])) if types is None else list(types)
    if not ahead.speaks(milestone, of):
        return None
    return ahead.count(milestone, of).chance(wanted)


def _landing(ahead: Coming, types: list[int], actual: Ints, planned: Sequence[float | None]) -> Landing:
    rows: list[tuple[Any, ...]] = []
    for k, plan in enumerate(planned):
        so_far = int(actual[k].sum())
        lacking = None if plan is None else math.ceil(plan) - so_far
        if not ahead.speaks(k, types):
            rows.append((None, None, None, None, None, 1.0 if lacking is not None and lacking <= 0 else None))
            continue
        in_flight, new = float(ahead.in_flight[k, types].sum()), float(ahead.new[k, types].sum())
        count = ahead.count(k, types)
        low, high = count.middle()
        chance = None if lacking is None else count.chance(lacking)
        rows.append((so_far + in_flight + new, in_flight, new, so_far + low, so_far + high, chance))
    reached, in_flights, news, lows, highs, chance_of_each = zip(*rows, strict=True)
    return Landing(reached, in_flights, news, lows, highs, chance_of_each)


def _per_daily_entry(outlook: Outlook, kind: int, days: int) -> Floats:
    """[5]: of entries listed one a day from tomorrow on, how many would come to each milestone, were every step always taken."""
    row = outlook.curves[kind]
    return np.array([float(days), *(float(running(onward(row, j)[LISTED], [days])[0]) for j in range(1, DEAL + 1))])


def _known(outlook: Outlook, kinds: int) -> Flags:
    steps = np.array([[c.mature and c.known for c in row] for row in outlook.curves[:kinds]], bool).reshape(kinds, DEAL)
    return np.asarray(np.c_[np.ones(kinds, bool), np.logical_and.accumulate(steps, axis=1)].T, np.bool_)
