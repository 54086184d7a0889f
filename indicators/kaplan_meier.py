"""Share still waiting by day, with one kind of end: Kaplan and Meier (1958) on whole days, with Greenwood's variance."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from indicators.incidence import CONVERTED, at_risk_of, histograms
from indicators.inputs import Floats, Ints
from indicators.intervals import z_value


@dataclass(frozen=True, eq=False, slots=True)
class KaplanMeier:
    """Curves of one value a day from 0 to the last duration.

    s         share to which nothing has happened by the end of that day
    se        its standard error
    low, high log(-log) interval of s at `level`
    """

    at_risk: Ints
    events: Ints
    s: Floats
    se: Floats
    low: Floats
    high: Floats

    def median(self) -> int | None:
        """The first day on which half or fewer are left; None where more are."""
        return _first_below(self.s)

    def median_interval(self) -> tuple[int | None, int | None]:
        """Days on which the interval's ends pass one half (Brookmeyer and Crowley 1982)."""
        return _first_below(self.low), _first_below(self.high)


def kaplan_meier(duration: ArrayLike, happened: ArrayLike, level: float = 0.95) -> KaplanMeier:
    """Product-limit curve of whole-day durations [n] and flags [n] (1 = it happened, 0 = censored).

    ValueError for negative or broken numbers and for other flags.
    """
    days, flags = np.asarray(duration), np.asarray(happened)
    if flags.size and (flags.min() < 0 or flags.max() > CONVERTED):
        raise ValueError("a flag other than 0 (censored) and 1 (it happened) was given")
    counts = histograms(days, flags, int(days.max()) if days.size else 0)
    n, d = at_risk_of(counts), counts[CONVERTED].astype(np.float64)
    s = np.cumprod(1.0 - d / np.maximum(n, 1.0))
    left = n - d
    greenwood = np.cumsum(np.divide(d, n * left, out=np.zeros_like(n), where=left > 0))
    se = s * np.sqrt(greenwood)
    inner = (s > 0) & (s < 1)
    safe = np.where(inner, s, 0.5)
    w = z_value(level) * np.sqrt(greenwood) / np.abs(np.log(safe))
    low = np.where(inner, safe ** np.exp(w), s)
    high = np.where(inner, safe ** np.exp(-w), s)
    return KaplanMeier(n.astype(np.int64), counts[CONVERTED], s, se, low, high)


def log_rank(duration: ArrayLike, happened: ArrayLike, group: ArrayLike) -> float:
    """The log-rank chi-square (1 degree of freedom) between group 0 and group 1 (Mantel 1966); 0 where nothing can be compared."""
    days, flags, groups = np.asarray(duration), np.asarray(happened), np.asarray(group)
    horizon = int(days.max()) if days.size else 0
    both = histograms(days, flags, horizon)
    one = histograms(days[groups == 1], flags[groups == 1], horizon)
    n, n1 = at_risk_of(both), at_risk_of(one)
    d, d1 = both[CONVERTED].astype(np.float64), one[CONVERTED].astype(np.float64)
    below = np.maximum(n, 1.0)
    gap = float((d1 - d * n1 / below).sum())
    spread = float(
        np.divide(d * n1 * (n - n1) * (n - d), below**2 * (below - 1), out=np.zeros_like(n), where=below > 1).sum()
    )
    return 0.0 if math.isclose(spread, 0.0, abs_tol=1e-300) else gap * gap / spread


def _first_below(curve: Floats) -> int | None:
    days = np.flatnonzero(curve <= 0.5 + 1e-12)
    return int(days[0]) if days.size else None
