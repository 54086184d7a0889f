"""Confidence intervals of a rate. `level` is the share of intervals that should cover the truth, 0.95 unless said otherwise."""

import math
from dataclasses import dataclass

from scipy.special import betaincinv, ndtri


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both shares in [0, 1]."""

    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


WHOLE = Interval(0.0, 1.0)


def z_value(level: float = 0.95) -> float:
    """The two-sided standard normal quantile: 1.959964 at 0.95. ValueError outside (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval is {level}, expected a share between 0 and 1, such as 0.95")
    return float(ndtri(0.5 + level / 2))


def wilson(successes: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's score interval (1927), the one for plain counts. The whole of [0, 1] at n = 0; ValueError for impossible counts."""
    _check(successes, n)
    if n == 0:
        return WHOLE
    z = z_value(level)
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return Interval(low, 1.0 if successes == n else min(1.0, middle + half))


def clopper_pearson(successes: float, n: float, level: float = 0.95) -> Interval:
    """Clopper and Pearson's exact interval (1934); counts may be effective ones and need not be whole.

    The whole of [0, 1] at n = 0; ValueError for impossible counts.
    """
    _check(successes, n)
    if n == 0:
        return WHOLE
    tail = (1 - level) / 2
    z_value(level)
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return Interval(low, high)


def _check(successes: float, n: float) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} were given, expected 0 <= successes <= n")
