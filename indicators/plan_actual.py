"""Plan against actual, and where the gap comes from (METHODS 3j).

The gap in deals is shared out over volume and each conversion by the logarithmic mean Divisia index: the effect of a factor is
L(D1, D0) ln(x1 / x0), with L(a, b) = (a - b) / ln(a / b) and L(a, a) = a. It needs no order of the factors and sums exactly (Ang 2004).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from indicators.business_days import BusinessDays
from indicators.cadence import working_days
from indicators.inputs import DEAL, LISTED, NO_DAY, Ints
from indicators.landings import Landing
from indicators.month import Week
from indicators.paths import PathTable

NEARLY_NONE = 1e-9  # stands for zero, whose logarithm there is not
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Attribution:
    """The gap in deals by cause: `volume` (`listed`), then each of the four conversions. `zeros`: a factor was 0 and was replaced."""

    volume: float
    conversions: tuple[float, ...]
    total: float
    zeros: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One milestone in one month, of a type or `all`.

    planned          for the whole month
    planned_to_date  its part up to the as-of day, by business days
    actual           reached up to the as-of day
    gap              actual - planned to date
    landing          expected at the month's end: actual, of what is under way, and of what is still to be listed; None where no forecast is at hand
    chance_of_target that the month ends at the plan or above; None likewise, but for what is certain already
    effect           this milestone's part in the gap in deals; of `listed` its volume, of the others the conversion into them
    landing_low, landing_high        80 % interval of the landing
    landing_in_flight, landing_new   what the landing expects of entries under way, and of entries still to be listed
    """

    type: str
    milestone: int
    planned: float
    planned_to_date: float
    actual: int
    gap: float
    landing: float | None = None
    chance_of_target: float | None = None
    effect: float | None = None
    landing_low: int | None = None
    landing_high: int | None = None
    landing_in_flight: float | None = None
    landing_new: float | None = None


def lmdi(planned: Sequence[float], actual: Sequence[float]) -> Attribution:
    """Effects of each factor on the product of all: first the volume, then conversions. ValueError for negative factors or unequal numbers."""
    if len(planned) != len(actual) or not planned:
        raise ValueError(
            f"{len(planned)} planned and {len(actual)} actual factors were given, expected as many, one or more"
        )
    if min(*planned, *actual, 0.0) < 0:
        raise ValueError("a factor is negative, expected counts and rates of 0 or more")
    zeros = any(x <= 0 for x in (*planned, *actual))
    x0, x1 = ([float(x) if x > 0 else NEARLY_NONE for x in given] for given in (planned, actual))
    d0, d1 = math.prod(x0), math.prod(x1)
    weight = log_mean(d1, d0)
    effects = tuple(weight * math.log(b / a) for a, b in zip(x0, x1, strict=True))
    return Attribution(effects[0], effects[1:], d1 - d0, zeros)


def log_mean(a: float, b: float) -> float:
    """The logarithmic mean of two positive numbers."""
    ratio = a / b
    if abs(ratio - 1) < 1e-7:
        return (a + b) / 2  # where the two formulas agree to the last digit that matters
    return (a - b) / math.log(ratio)


def share_elapsed(first: int, last: int, as_of: int, calendar: BusinessDays) -> float:
    """How much of a month's business days are over on the evening of `as_of`: from 0 before it to 1 after it."""
    if as_of < first:
        return 0.0
    if as_of >= last:
        return 1.0
    whole = working_days(first, last + 1, calendar)
    return working_days(first, as_of + 1, calendar) / whole if whole else (as_of + 1 - first) / (last + 1 - first)


def reached_between(paths: PathTable, first: int, last: int, partner_type: int | None = None) -> Ints:
    """Attempts that came to `listed` .. `deal` from day `first` to `last`, both included, [5]."""
    rows = np.ones(len(paths), np.bool_) if partner_type is None else paths.type == partner_type
    day = paths.reached[rows]
    inside = (day != NO_DAY) & (day >= first) & (day <= min(last, paths.as_of))
    return np.asarray(inside[:, LISTED : DEAL + 1].sum(axis=0), np.int64)


def reached_by_week(paths: PathTable, weeks: Sequence[Week], types: int) -> Ints:
    """Attempts that came to `listed` .. `deal` in each week, which follow one another, up to the as-of day: [5, types, weeks]."""
    found = np.zeros((DEAL + 1, types, len(weeks)), np.int64)
    if not weeks:
        return found
    starts = np.array([week.start for week in weeks], np.int64)
    for k in range(LISTED, DEAL + 1):
        day = paths.reached[:, k].astype(np.int64)
        came = (day != NO_DAY) & (day >= weeks[0].start) & (day <= min(weeks[-1].end, paths.as_of))
        cell = paths.type[came] * len(weeks) + np.searchsorted(starts, day[came], side="right") - 1
        found[k] = np.bincount(cell, minlength=types * len(weeks)).reshape(types, len(weeks))
    return found


def gap_by_cause(planned: Sequence[float], actual: Sequence[float]) -> Attribution:
    """The gap between two rows of counts, `listed` .. `deal`, by volume and by each ratio of counts; effects sum to the gap in the last count.

    What stood still has no part in it: of the counts of 0 at the end of a row the first bears the gap, the ratios of nothing to nothing after
    it are taken for the other row's. `zeros`: a count was 0, so that effects are no more than a hint.
    """
    one, other = factors(planned), factors(actual)
    return replace(lmdi(_whole(one, other), _whole(other, one)), zeros=any(count <= 0 for count in (*planned, *actual)))


def factors(counts: Sequence[float]) -> tuple[float | None, ...]:
    """Volume and the four ratios of counts, whose product is the last count.

    A 0 that is followed by more (deals of a month in which nobody was listed) stands as one half: with next to nothing in its place the two
    ratios beside it would be as good as infinite, and their effects with them. The first 0 of those at the end stands as 1e-9; the ratios
    after it, of nothing to nothing, are None.
    """
    last = max((k for k, count in enumerate(counts) if count > 0), default=-1)
    stands = [float(count) if count > 0 else HALF if k < last else NEARLY_NONE for k, count in enumerate(counts)]
    ratios = (b / a if k <= last else None for k, (a, b) in enumerate(itertools.pairwise(stands)))
    return stands[0], *ratios


def _whole(mine: Sequence[float | None], others: Sequence[float | None]) -> list[float]:
    return [next((x for x in pair if x is not None), 1.0) for pair in zip(mine, others, strict=True)]


def cause(planned: Sequence[float | None], actual: Sequence[int], elapsed: float) -> Attribution | None:
    """The gap to date by cause; None where a milestone has no plan, or nothing was to be reached and nothing was."""
    due = [p * elapsed for p in planned if p is not None]
    if len(due) < len(planned) or not (any(due) or any(actual)):
        return None
    return gap_by_cause(due, actual)


def of_all(whole: Attribution | None, types: Sequence[Attribution | None]) -> Attribution | None:
    """The gap of all types by cause: the sums of the types' own effects, where their gaps make up the whole one.

    The index is consistent so (Ang 2004): a shift from types that convert well to others is volume, and not poorer conversion. Otherwise `whole`.
    """
    found = [one for one in types if one is not None]
    if whole is None or not found or abs(sum(one.total for one in found) - whole.total) > 1e-6 * (1 + abs(whole.total)):
        return whole
    conversions = tuple(sum(effects) for effects in zip(*(one.conversions for one in found), strict=True))
    volume, zeros = sum(one.volume for one in found), any(one.zeros for one in found)
    return Attribution(volume, conversions, volume + sum(conversions), zeros)


def lines(
    type_name: str,
    planned: Sequence[float | None],
    actual: Sequence[int],
    elapsed: float,
    *,
    landing: Landing | None = None,
    split: Attribution | None = None,
) -> tuple[Line, ...]:
    """The milestones of one month and type that are planned; the last is `deal`. `elapsed` is what `share_elapsed` gives, `split` the gap by
    cause, where it is not that of these counts alone.
    """
    split = split or cause(planned, actual, elapsed)
    effects = None if split is None else (split.volume, *split.conversions)
    return tuple(
        Line(
            type_name,
            k,
            float(plan),
            plan * elapsed,
            int(actual[k]),
            int(actual[k]) - plan * elapsed,
            None if landing is None else landing.reached[k],
            None if landing is None else landing.chance[k],
            None if effects is None else effects[k],
            None if landing is None else landing.low[k],
            None if landing is None else landing.high[k],
            None if landing is None else landing.in_flight[k],
            None if landing is None else landing.new[k],
        )
        for k, plan in enumerate(planned)
        if plan is not None
    )


def timing(planned: float, elapsed: float, under_way: float | None) -> float | None:
    """Deals expected from what is under way beyond what the plan leaves for the rest of the month: a gap that time will close or widen.

    Told apart from conversion, since entries that are young look like poor ones. None without a forecast.
    """
    return None if under_way is None else under_way - planned * (1 - elapsed)
