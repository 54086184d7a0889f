"""The arithmetic behind targets: how many of each milestone a number of deals needs, and with what chance a plan gets there.

The plain way, as managers know it: N_k = D / (the product of the conversions from milestone k on). It knows neither time nor chance:
entries listed today do not become this month's deals, and a plan that gets there on average is a coin toss.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import pdtr

from indicators.chance_of_count import Count
from indicators.happenings import Happenings
from indicators.inputs import Floats

_MANY = 400  # deals still wanted: beyond, a likeness by three moments is as good as the exact sum


def static_needs(deals: float, rates: Sequence[float]) -> tuple[float, ...]:
    """How many of each milestone `deals` need, for the conversions between them; the last number is `deals`. ValueError for a rate of 0."""
    if any(not 0 < rate <= 1 for rate in rates):
        raise ValueError(f"conversions {list(rates)} were given, expected shares above 0 and up to 1")
    return tuple(deals / math.prod(rates[k:]) for k in range(len(rates) + 1))


def chance_to_reach(wanted: int, in_flight: Floats, new: Floats) -> float:
    """The chance of at least `wanted` deals, averaged over draws.

    in_flight  [draws, n + 1]   the chance of 0, 1, .. n deals from what is under way; one row serves all draws
    new        [draws]          the mean number of deals from new entries, which come like a Poisson count
    """
    if wanted <= 0:
        return 1.0
    width = min(in_flight.shape[1], wanted)
    left = wanted - 1 - np.arange(width)
    too_few = (in_flight[:, :width] * pdtr(left[None, :], np.maximum(new, 0.0)[:, None])).sum(axis=1)
    return float(np.clip(1.0 - too_few.mean(), 0.0, 1.0))


@dataclass(frozen=True, eq=False, slots=True)
class Chances:
    """The chance of enough deals for any number of new entries, from what is known of those under way; see `chances_of`."""

    wanted: int
    under_way: Happenings
    shares: Floats | None

    def reach(self, new: Floats) -> float:
        """The chance of the wanted deals, `new` [draws] being the means of deals from new entries."""
        if self.wanted <= 0:
            return 1.0
        if self.shares is None:
            return Count(self.under_way, new).chance(self.wanted)
        return chance_to_reach(self.wanted, self.shares, new)


def chances_of(wanted: int, under_way: Happenings) -> Chances:
    """By draws of what is under way; where very many deals are wanted, as `Count` has it."""
    return Chances(wanted, under_way, under_way.shares(wanted) if 0 < wanted <= _MANY else None)


def least(enough: Callable[[int], bool], most: int = 10_000_000) -> int | None:
    """The smallest whole number from 0 on with which there is enough; None where even `most` is not. `enough` never turns false again."""
    if enough(0):
        return 0
    high = 1
    while not enough(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
