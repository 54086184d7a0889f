"""Cumulative incidence on whole days with a competing end: the Aalen-Johansen estimator from day histograms.

    n[t]   subjects still watched on day t           d1[t], d2[t]   those that convert, or are lost, on day t
    S[t]   = prod (1 - (d1 + d2) / n)                F1[t] = sum of S[t-1] d1 / n      F2 alike
    F1 + F2 + S = 1 on every day

On one day events come before censorings; day 0 counts; what happens after the horizon is censored at the horizon.
Ties are exact, which is why no library with jittered ties is used. With no competing end F1 is 1 minus Kaplan-Meier's S.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from indicators.inputs import Floats, Ints

CENSORED, CONVERTED, ENDED = 0, 1, 2
ROUNDED = 1e-12  # what rounding may take from a share


@dataclass(frozen=True, eq=False, slots=True)
class Incidence:
    """Curves of length horizon + 1, one value a day from 0.

    at_risk, converted, ended   counts a day
    f1, f2, s                   share converted, ended, still open by that day
    """

    at_risk: Ints
    converted: Ints
    ended: Ints
    f1: Floats
    f2: Floats
    s: Floats

    def variance(self, day: int | None = None) -> float:
        """Of f1 on that day, the last where None, by the delta method: the three sums of METHODS 3b."""
        upto = slice(0, None if day is None else day + 1)
        n, d1, f1 = self.at_risk[upto].astype(np.float64), self.converted[upto].astype(np.float64), self.f1[upto]
        d = d1 + self.ended[upto]
        survivors = n - d
        before = np.empty_like(n)
        before[0], before[1:] = 1.0, self.s[upto][:-1]
        further = f1[-1] - f1
        # where nobody is left after day u, F1(t) = F1(u) and the first sum has no part of u
        greenwood = np.divide(d, n * survivors, out=np.zeros_like(n), where=survivors > 0)
        each = np.maximum(n, 1.0)
        share = before * d1 / (each * each)
        parts = further * further * greenwood + share * before * (n - d1) / each - 2 * further * share
        return max(float(parts.sum()), 0.0)

    @property
    def n(self) -> int:
        return int(self.at_risk[0])

    @property
    def conversions(self) -> int:
        return int(self.converted.sum())

    @property
    def censored(self) -> Ints:
        """Subjects a day of whom no more is known; on the last day those that outlast the horizon."""
        return np.asarray(self.at_risk - self.converted - self.ended - np.r_[self.at_risk[1:], 0], np.int64)

    def watched_to(self, min_at_risk: int, max_unwatched: float) -> int:
        """The last day on which `min_at_risk` are still watched, or before which no larger share than `max_unwatched` was too young."""
        gone = np.cumsum(np.r_[0, self.censored[:-1]])
        return max(self.readable_to(min_at_risk), int(np.flatnonzero(gone <= max_unwatched * self.n)[-1]))

    def readable_to(self, min_at_risk: int) -> int:
        """The last day on which `min_at_risk` subjects are still watched, 0 if there never were (METHODS 3b, H_eff)."""
        days = np.flatnonzero(self.at_risk >= min_at_risk)
        return int(days[-1]) if days.size else 0


def histograms(duration: ArrayLike, ending: ArrayLike, horizon: int) -> Ints:
    """Counts [3, horizon + 1] of whole-day durations by ending (censored, converted, ended).

    ValueError for a negative duration, an unknown ending or columns of different lengths.
    """
    days, endings = checked(duration, ending)
    place, endings = np.minimum(days, horizon), np.where(days > horizon, CENSORED, endings)
    counts = np.bincount(endings * (horizon + 1) + place, minlength=3 * (horizon + 1))
    return counts.reshape(3, horizon + 1).astype(np.int64)


def checked(duration: ArrayLike, ending: ArrayLike) -> tuple[Ints, Ints]:
    """Both columns as whole numbers, refused with a sentence where they cannot be durations and endings."""
    days, endings = np.asarray(duration), np.asarray(ending)
    if days.shape != endings.shape or days.ndim != 1:
        raise ValueError(
            f"durations have shape {days.shape} and endings {endings.shape}, expected columns of one length"
        )
    if days.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if days.dtype.kind not in "iu" or endings.dtype.kind not in "iub":
        raise ValueError(f"durations hold {days.dtype} and endings {endings.dtype}, expected whole numbers")
    if days.min() < 0:
        raise ValueError(f"a duration of {days.min()} days was given, expected 0 or more")
    if endings.min() < CENSORED or endings.max() > ENDED:
        raise ValueError("an ending other than 0 (censored), 1 (converted), 2 (ended) was given")
    return days.astype(np.int64), endings.astype(np.int64)


def shares(counts: Ints | Floats) -> tuple[Floats, Floats, Floats]:
    """F1, F2 and S, each [..., days], from counts [..., 3, days]; many samples at once."""
    at_risk = at_risk_of(counts)
    free = at_risk > 0
    below = np.where(free, at_risk, 1.0)
    hazard1, hazard2 = counts[..., CONVERTED, :] / below, counts[..., ENDED, :] / below
    both = (counts[..., CONVERTED, :] + counts[..., ENDED, :]) / below  # exactly 1 where everybody leaves
    survival = np.cumprod(1.0 - both, axis=-1, dtype=np.float64)
    before = np.concatenate([np.ones_like(survival[..., :1]), survival[..., :-1]], axis=-1)
    return np.cumsum(before * hazard1, axis=-1), np.cumsum(before * hazard2, axis=-1), survival


def at_risk_of(counts: Ints | Floats) -> Floats:
    """Subjects still watched on each day, [..., days], from counts [..., 3, days]."""
    exits = counts.sum(axis=-2, dtype=np.float64)
    return np.asarray(np.cumsum(exits[..., ::-1], axis=-1)[..., ::-1], np.float64)


def aalen_johansen(duration: ArrayLike, ending: ArrayLike, horizon: int = 180) -> Incidence:
    """Share converted by each day, while `ended` competes, from whole-day durations [n] and endings [n] (0, 1, 2).

    O(n + horizon). The variance is the delta-method one of METHODS 3b; without censoring it is F1 (1 - F1) / n.
    ValueError as `histograms`. With no subject at all the curves are 0, 0, 1.
    """
    return incidence(histograms(duration, ending, horizon))


def incidence(counts: Ints) -> Incidence:
    """The curves of counts [3, days]."""
    return incidences(counts[None])[0]


def incidences(counts: Ints) -> list[Incidence]:
    """Those of many counts [n, 3, days]."""
    columns = np.asarray(at_risk_of(counts), np.int64), counts[:, CONVERTED], counts[:, ENDED], *shares(counts)
    return [Incidence(*of_one) for of_one in zip(*columns, strict=True)]


def quantile_days(f1: Floats, share: float, by: int) -> Ints:
    """The first day on which F1 reaches `share` of what it is on day `by`, along the last axis; -1 where nothing converts by then."""
    final = f1[..., by]
    reached = f1 >= (share * final)[..., None] - ROUNDED
    return np.asarray(np.where(final > 0, reached.argmax(axis=-1), -1), np.int64)
