"""The chance that at least so many come: those under way, each with a chance of its own, and new ones, like a Poisson count (METHODS 3j).

Averaged over draws of what is not known. Those under way are taken for a binomial of the same mean and variance (Ehm 1991): exact where their
chances are alike, off by 0.03 at most where none is more than one half, and by more where some are nearly certain and others hopeless. Few
are summed exactly with the new ones; of many the sum is taken for a gamma distribution, moved and turned to the same mean, variance and
skewness, which is off by less than 0.002.
"""

import numpy as np
from scipy.special import gammainc, ndtr

from indicators.counting import drawn_counts
from indicators.inputs import Floats
from indicators.reverse_funnel import binomial_like, chance_to_reach

_SPREAD = 8.0  # variance from which on the gamma's likeness is as good as the sum
_FEW = 100.0  # expected: fewer are summed exactly where their variance is smaller
_FAR = 8.0  # standard deviations beyond which there is nothing


def chance_of(wanted: int, mean: Floats, second: Floats, new: Floats) -> float:
    """The chance of `wanted` or more, never larger for a larger number.

    mean, second   [draws] sums of the chances, and of the squared chances, of those under way
    new            [draws] mean numbers of new ones
    """
    if wanted <= 0:
        return 1.0
    if _are_few(mean, second, new):
        return chance_to_reach(wanted, binomial_like(mean, second, min(wanted, _most(mean, second))), new)
    return float(np.clip(_like_gamma(wanted, mean, second, new).mean(), 0.0, 1.0))


def middle_of(rng: np.random.Generator, mean: Floats, second: Floats, new: Floats) -> tuple[int, int]:
    """The ends of the middle 80 % of the count, by one count of each draw."""
    if _are_few(mean, second, new):  # of few, a binomial of a whole number of trials would have another variance
        under = np.cumsum(binomial_like(mean, second, _most(mean, second)), axis=1)
        under_way = (rng.random(len(mean))[:, None] > under).sum(axis=1)
    else:
        under_way = drawn_counts(rng, mean, second)
    drawn = np.sort(under_way + rng.poisson(np.maximum(new, 0.0)))
    last = len(drawn) - 1
    return int(drawn[int(0.1 * last)]), int(drawn[int(np.ceil(0.9 * last))])


def _are_few(mean: Floats, second: Floats, new: Floats) -> bool:
    spread = np.maximum(mean - second, 0.0) + new
    return float(spread.mean()) < _SPREAD and float((mean + new).max()) < _FEW


def _most(mean: Floats, second: Floats) -> int:
    """More than ever come of those under way."""
    return int(np.ceil((mean + _FAR * np.sqrt(np.maximum(mean - second, 0.0))).max())) + int(_FAR)


def _like_gamma(wanted: int, mean: Floats, second: Floats, new: Floats) -> Floats:
    """[draws] by three moments: those of a binomial of the same mean and variance, and of the Poisson count beside it."""
    apart = np.maximum(mean - second, 0.0)
    # a binomial's chance is second / mean, and its third moment its variance times 1 - 2 of that
    share = np.divide(second, mean, out=np.zeros(len(mean)), where=mean > 1e-12)
    spread = np.maximum(apart + new, 1e-12)
    skew = (apart * (1.0 - 2.0 * share) + new) / spread**1.5
    z = (wanted - 0.5 - mean - new) / np.sqrt(spread)
    straight = np.abs(skew) < 1e-3
    shape = 4.0 / np.where(straight, 1.0, skew) ** 2
    under = gammainc(shape, np.maximum(shape + np.sign(skew) * np.sqrt(shape) * z, 0.0))
    return np.asarray(np.where(straight, 1.0 - ndtr(z), np.where(skew > 0, 1.0 - under, under)), np.float64)
