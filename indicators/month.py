"""A month, its weeks, and what of those under way or still to come would be a deal in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.bootstrap import generator
from indicators.chances_by_rate import ChancesByRate, Gathered
from indicators.curves import StepCurve, TypeCurves, onward
from indicators.drawn_rates import drawn_rates
from indicators.forecast import chances
from indicators.happenings import Happenings
from indicators.inputs import DEAL, LISTED, NO_DAY, Flags, Floats, Ints
from indicators.open_entries import OpenEntries
from indicators.outlook import Outlook

_MONDAY = 4  # day number 4 is 1970-01-05


@dataclass(frozen=True, slots=True)
class Month:
    """Day numbers of the first and the last day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Week:
    """Day numbers, both included; Monday to Sunday, but for the first, which begins after the as-of day, and the last."""

    start: int
    end: int

    @property
    def days(self) -> int:
        return self.end - self.start + 1


def weeks_until(as_of: int, end: int) -> tuple[Week, ...]:
    """The weeks from the day after `as_of` up to `end`; none where that is over."""
    found, start = [], as_of + 1
    while start <= end:
        last = min(start + 6 - (start - _MONDAY) % 7, end)
        found.append(Week(start, last))
        start = last + 1
    return tuple(found)


def deals_in(outlook: Outlook, month: Month, scope: Flags) -> Ints:
    """Deals [partners] from the first of the month to the as-of day, of the partners in scope."""
    day = outlook.paths.reached[:, DEAL]
    came = (day != NO_DAY) & (day >= month.start) & (day <= month.end)
    counts = np.bincount(outlook.paths.partner[came], minlength=len(outlook.partners)).astype(np.int64)
    return np.asarray(np.where(scope, counts, 0), np.int64)


def of_scope(under_way: OpenEntries, scope: Flags) -> OpenEntries:
    """The entries of the partners in scope."""
    return under_way.only(scope[under_way.partner])


def _offsets(outlook: Outlook, month: Month) -> tuple[int, int]:
    return max(month.start - 1 - outlook.as_of, 0), max(month.end - outlook.as_of, 0)


def chances_in(outlook: Outlook, month: Month, under_way: OpenEntries) -> Floats:
    """For each entry under way [n] the chance that it becomes a deal in what is left of the month."""
    found = chances(under_way, outlook.ways, outlook.rates, _offsets(outlook, month))
    return np.asarray(np.maximum(found[:, 1] - found[:, 0], 0.0), np.float64)


def landing_in(curves: Sequence[TypeCurves], as_of: int, month: Month, start: int, end: int) -> Floats:
    """[types]: were every step always taken, how many of entries listed one a day from `start` to `end` would be deals in the month."""
    day = np.arange(max(start, as_of + 1), end + 1)
    return np.array([float(landing_of(onward(row)[LISTED], month, day).sum()) for row in curves])


def landing_of(whole: Floats, month: Month, day: Ints) -> Floats:
    """The share of entries listed on each `day` [n] that is a deal in the month, for the cumulated delay `whole` of the way there."""
    last = len(whole) - 1
    until = month.end - day
    before = np.maximum(month.start, day) - day - 1
    late = np.where(until >= 0, whole[np.clip(until, 0, last)], 0.0)
    early = np.where(before >= 0, whole[np.clip(before, 0, last)], 0.0)
    return np.asarray(np.maximum(late - early, 0.0), np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class Draws:
    """What might be true, by draws: of the entries under way, and [draws, types] the whole way's rate of new entries."""

    under_way: Happenings
    through: Floats


def draws_for(outlook: Outlook, month: Month, under_way: OpenEntries, scope: Flags) -> Draws:
    """Draws of the partners' rates for what is under way, and of the types' rates for what is new; the same for every plan."""
    n, kind = outlook.assumptions.plan_draws, outlook.partners.type
    early, late = _offsets(outlook, month)
    found = Gathered(n)
    busy = np.zeros(len(outlook.partners), bool)
    busy[under_way.partner] = True
    for t, way in enumerate(outlook.ways[: len(outlook.partners.types)]):
        reaches = [by_end - before for by_end, before in zip(way.reaches([late]), way.reaches([early]), strict=True)]
        members = np.flatnonzero((kind == t) & busy & scope)
        if not members.size:
            continue
        by_rate = ChancesByRate(way, reaches)
        for drawn in drawn_rates(outlook, members, n):
            found.add(by_rate, list(by_rate.of(under_way, drawn.members)), drawn.p)
    names = (*outlook.partners.types, "all")
    through = np.ones((n, len(outlook.curves)))
    for t, row in enumerate(outlook.curves):
        rng = generator(outlook.assumptions.seed, str(outlook.as_of), names[t], "rates")
        for curve in row:
            through[:, t] *= rng.beta(*rate_spread(curve), n)
    return Draws(found.happenings, through)


def rate_spread(curve: StepCurve) -> tuple[float, float]:
    """The beta distribution with the rate's mean and standard error; where nothing, or everything, converted, half of one is added to
    either side.
    """
    p = curve.rate
    if not 0 < p < 1 or curve.se <= 0:
        n = max(curve.n, 0)
        return p * n + 0.5, (1 - p) * n + 0.5
    size = max(p * (1 - p) / curve.se**2 - 1, 1.0)
    return p * size, (1 - p) * size
