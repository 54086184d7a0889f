"""How many of many uncertain things happen: distributions of counts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from indicators.inputs import Floats, Ints


def poisson_binomial(chances: ArrayLike) -> Floats:
    """The chance of 0, 1, .. n of `n` independent happenings with these chances [n].

    Pairs of distributions are convolved, then pairs of pairs: O(n log^2 n) in practice. ValueError outside [0, 1].
    """
    q = np.asarray(chances, np.float64)
    if q.ndim != 1 or (q.size and not (q.min() >= 0 and q.max() <= 1)):
        raise ValueError("chances are a column of shares between 0 and 1")
    parts: list[Floats] = [np.array([1 - p, p]) for p in q[q > 0]] or [np.ones(1)]
    while len(parts) > 1:
        odd = parts[-1:] if len(parts) % 2 else []
        parts = [np.convolve(a, b) for a, b in zip(parts[0::2], parts[1::2], strict=False)] + odd
    return np.asarray(np.r_[parts[0], np.zeros(len(q) + 1 - len(parts[0]))], np.float64)


def drawn_counts(rng: np.random.Generator, mean: Floats, second: Floats) -> Ints:
    """One count drawn for each sum of chances `mean` and sum of squared chances `second` [...], of the same mean and variance.

    A sum of independent unlike happenings is close to a binomial of the same mean and variance (Ehm 1991), and exactly one where
    the chances are alike: n = mean^2 / second, p = second / mean. Of a number of trials that is not whole, the whole ones on either side are
    drawn by turns, so often that the variance is met; where the lower one is too few for the mean, it stands for as many that are certain.
    """
    some = mean > 1e-12
    trials = np.where(some, np.minimum(mean**2 / np.where(some, np.maximum(second, 1e-300), 1.0), 2.0**31), 1.0)
    upper = np.maximum(np.ceil(trials - 1e-9), 1.0)
    lower = np.maximum(upper - 1.0, 0.0)
    certain = np.where(some & (lower <= mean), np.floor(mean), 0.0)  # of the lower number; its rest is one more trial
    rest = mean - certain
    narrow = np.where(certain > 0, rest * (1 - rest), mean * (1 - mean / np.maximum(lower, 1.0)))
    wide = mean * (1 - np.minimum(mean / upper, 1.0))
    apart = wide - narrow
    often = np.where(
        apart > 1e-12, np.clip((wide - (mean - second)) / np.where(apart > 1e-12, apart, 1.0), 0.0, 1.0), 0.0
    )
    fewer = (rng.random(mean.shape) < often) & (lower > 0) & some
    sure = np.where(fewer, certain, 0.0)
    n = np.where(some, np.where(fewer, np.where(certain > 0, 1.0, lower), upper), 0.0)
    chance = np.where(some, np.clip((mean - sure) / np.maximum(n, 1.0), 0.0, 1.0), 0.0)
    return np.asarray(sure + rng.binomial(n.astype(np.int64), chance), np.int64)


def shared_out(total: int, weights: Sequence[float] | Floats) -> Ints:
    """`total` in whole parts in proportion to `weights` (not all 0), by largest remainder; ties go to the first. Parts sum to the total."""
    given = np.asarray(weights, np.float64)
    whole = given.sum()
    if total == 0 or not given.size or whole <= 0:
        return np.zeros(given.shape, np.int64)
    exact = total * given / whole
    parts = np.floor(exact + 1e-9).astype(np.int64)
    left = total - int(parts.sum())
    order = np.argsort(-(exact - parts).round(9), kind="stable")
    parts[order[:left]] += 1
    return np.asarray(parts, np.int64)


def per_group(group: Ints, values: Floats, groups: int) -> Floats:
    """The sum of `values` [n] in each group [groups]; rows of one group are summed in the order given."""
    return np.asarray(np.bincount(group, weights=values, minlength=groups), np.float64)
