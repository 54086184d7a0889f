"""How good forecasts of counts are, and whether one is better than another by more than chance."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, xlogy

from indicators.inputs import Floats

_BEYOND = math.log(1e5)  # no more than one in so many lies beyond what is told; squared, that adds nothing
_FAR = 20.0  # standard deviations, where weeks are so unlike that the table would grow without end
_DIGITS = 9  # of a loss: further down is what rounding leaves, on every machine something else
LEAST = 0.05  # a forecast of no deals at all would be infinitely wrong with the first one


def poisson_deviance(y: ArrayLike, forecast: ArrayLike) -> Floats:
    """Loss of each forecast: 2 (y ln(y / m) - (y - m)), 0 where they agree."""
    actual, mean = np.asarray(y, np.float64), np.maximum(np.asarray(forecast, np.float64), LEAST)
    return np.asarray(2 * (xlogy(actual, actual) - actual * np.log(mean) - (actual - mean)), np.float64)


def cumulative(mean: Floats, dispersion: Floats, longest: int) -> Floats:
    """[n, longest + 1]: chance of at most k, with variance `dispersion` x mean: negative binomial, or Poisson where that is 1 or less."""
    m = np.maximum(mean, LEAST)
    beyond = np.maximum(dispersion, 1.0) - 1.0
    wide = beyond > 1e-9
    nobody = -m * np.where(wide, np.log1p(beyond) / np.where(wide, beyond, 1.0), 1.0)
    # each count's chance is a + b / k times that of the one before (Panjer 1981), which is much quicker than the incomplete beta and gamma
    # functions that they sum to
    a, b = beyond / (1.0 + beyond), (m - beyond) / (1.0 + beyond)
    table = np.empty((len(m), longest + 1))
    table[:, 0] = nobody
    table[:, 1:] = np.log(a[:, None] + b[:, None] / np.arange(1, longest + 1))
    np.exp(np.cumsum(table, axis=1, out=table), out=table)
    return np.minimum(np.cumsum(table, axis=1, out=table), 1.0, out=table)


def cumulative_for(y: ArrayLike, mean: Floats, dispersion: Floats) -> Floats:
    """`cumulative` far enough into the tail for these outcomes that what lies beyond adds nothing that is shown.

    That is by the bound on sums whose tails are those of gamma distributions (Boucheron, Lugosi and Massart 2013, section 2.4).
    """
    m, over = np.maximum(mean, LEAST), np.maximum(dispersion, 1.0)
    spread = np.sqrt(over * m)
    far = m + np.minimum(math.sqrt(2 * _BEYOND) * spread + _BEYOND * over, _FAR * spread)
    return cumulative(mean, dispersion, int(max(np.max(np.asarray(y), initial=0), np.max(far, initial=0.0))) + 1)


def crps(y: ArrayLike, below: Floats) -> Floats:
    """Continuous ranked probability score: sum over k of (P(at most k) - [y <= k])^2 (Gneiting and Raftery 2007).

    `below` is what `cumulative` gives, one row an outcome.
    """
    step = np.arange(below.shape[1]) >= np.asarray(y)[:, None]
    return np.asarray(((below - step) ** 2).sum(axis=1), np.float64)


def pinball(y: ArrayLike, below: Floats, share: float) -> Floats:
    """Pinball loss of the `share` quantile of the predictive distribution `below`."""
    actual = np.asarray(y, np.float64)
    quantile = (below < share).sum(axis=1)
    return np.asarray(np.maximum(share * (actual - quantile), (share - 1) * (actual - quantile)), np.float64)


def mase(y: ArrayLike, forecast: ArrayLike, naive_error: float) -> float | None:
    """Mean absolute error over that of the naive forecast on the history (Hyndman and Koehler 2006); None where that one never erred."""
    if naive_error <= 0:
        return None
    return float(np.abs(np.asarray(y, np.float64) - np.asarray(forecast, np.float64)).mean() / naive_error)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Diebold and Mariano's statistic, negative where the first forecast lost less, and the one-sided p that it is no better."""

    statistic: float
    p: float
    n: int


def diebold_mariano(first_loss: ArrayLike, second_loss: ArrayLike, horizon: int) -> Comparison | None:
    """Is the first forecast better? Losses of the same occasions in their order, `horizon` steps ahead; None where that cannot be told.

    Diebold and Mariano (1995) with Harvey, Leybourne and Newbold's correction (1997): a rectangular window to horizon - 1, and t with
    n - 1 degrees of freedom. Where the rectangular window gives no positive variance, the triangular one is used, as they advise.
    """
    gap = np.asarray(first_loss, np.float64) - np.asarray(second_loss, np.float64)
    n = len(gap)
    if n <= max(horizon, 2):
        return None
    left = np.round(gap - gap.mean(), _DIGITS)
    products = [float((left[lag:] * left[: n - lag]).sum()) / n for lag in range(horizon)]
    variance = products[0] + 2 * sum(products[1:])
    if variance <= 0:
        variance = products[0] + 2 * sum((1 - lag / horizon) * g for lag, g in enumerate(products) if lag)
    if variance <= 1e-300:
        return None
    correction = math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = correction * float(gap.mean()) / math.sqrt(variance / n)
    return Comparison(statistic, float(stdtr(n - 1, statistic)), n)
