"""Partners drawn anew: intervals that know that the entries of one partner resemble each other.

Counts are whole numbers, so that no order of summing changes a byte; the seed is a text, spread by SHA-256.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from indicators.incidence import CENSORED, CONVERTED, ENDED, ROUNDED, at_risk_of, checked
from indicators.inputs import Codes, Days, Floats, Ints

MOST_GROUPS = 500  # beyond, partners are dealt into this many groups: sums of independent partners are as good, and cost is bounded
_BLOCK = 256  # draws at once: what is worked out for them stays in a processor's cache
_EXACT = 2.0**24  # up to which a float of 32 bits holds every whole number


def generator(seed: str, *names: str) -> np.random.Generator:
    """A random generator that depends on the texts alone."""
    digest = hashlib.sha256("|".join((seed, *names)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def groups_of(partners: Days) -> tuple[Ints, int]:
    """The group of each row by its partner, and how many groups there are; partners are dealt out in their order."""
    present, place = np.unique(partners, return_inverse=True)
    return place % MOST_GROUPS, min(len(present), MOST_GROUPS)


def draws(rng: np.random.Generator, groups: int, replicates: int) -> Floats:
    """How often each group is drawn, [replicates, groups]; each row sums to `groups`."""
    picked = rng.integers(0, groups, (replicates, groups)) + groups * np.arange(replicates)[:, None]
    return np.bincount(picked.ravel(), minlength=replicates * groups).reshape(replicates, groups).astype(np.float64)


def group_histograms(group: Ints, groups: int, duration: Days, ending: Codes, horizon: int) -> Floats:
    """Counts [groups, 3, horizon + 1] of durations by ending; what lies beyond the horizon is censored there."""
    days, endings = checked(duration, ending)
    place, endings = np.minimum(days, horizon), np.where(days > horizon, CENSORED, endings)
    width = horizon + 1
    counts = np.bincount((group * 3 + endings) * width + place, minlength=groups * 3 * width)
    return counts.reshape(groups, 3, width).astype(np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class DrawnCurves:
    """F1 of each draw: days [n] on which curves move, in order, and f1 [n, replicates] on them; it is 0 before the first."""

    days: Ints
    f1: Floats

    def on(self, day: int) -> Floats:
        """[replicates] F1 on that day."""
        last = int(np.searchsorted(self.days, day, side="right")) - 1
        return self.f1[last] if last >= 0 else np.zeros(self.f1.shape[1])

    def quantile_days(self, share: float, by: int) -> Ints:
        """[replicates] the same as `incidence.quantile_days` of each draw."""
        final = self.on(by)
        if not len(self.days):
            return np.full(len(final), -1)
        before = (self.f1 < share * final - ROUNDED).sum(axis=0)
        return np.asarray(np.where(final > 0, self.days[np.minimum(before, len(self.days) - 1)], -1), np.int64)


def drawn_incidence(weights: Floats, counts: Floats) -> DrawnCurves:
    """The curves of each draw of groups, by weights [replicates, groups] and counts [groups, 3, days] (the estimator of incidence.py).

    Numbers at risk add up over groups like the counts do, so that one product of matrices gives all that is needed.
    """
    moves = np.flatnonzero((counts[:, CONVERTED] + counts[:, ENDED]).any(axis=0))
    f1, n = np.empty((len(moves), len(weights))), len(moves)
    if not n:
        return DrawnCurves(moves, f1)
    converting, ending, watched = (
        of[:, moves].T for of in (counts[:, CONVERTED], counts[:, ENDED], at_risk_of(counts))
    )
    rows = np.concatenate([converting, converting + ending, watched])
    # whole numbers, which either kind of float holds exactly as long as none is larger than it has digits for
    small = float(weights.max(initial=0.0)) * float(rows.sum(axis=1).max()) < _EXACT
    kind: DTypeLike = np.float32 if small else np.float64
    rows, drawn = rows.astype(kind), weights.T.astype(kind)
    for left_edge in range(0, len(weights), _BLOCK):
        block = slice(left_edge, left_edge + _BLOCK)
        converted, left, at_risk = (rows @ drawn[:, block]).astype(np.float64).reshape(3, n, -1)
        np.maximum(at_risk, 1.0, out=at_risk)
        converted /= at_risk
        left /= at_risk
        stays = np.subtract(1.0, left, out=left)
        survival, so_far = np.ones(converted.shape[1]), np.zeros(converted.shape[1])
        for now, of_those in zip(converted, stays, strict=True):  # day by day, of all draws at once
            now *= survival
            now += so_far
            so_far = now
            survival *= of_those
        f1[:, block] = converted
    return DrawnCurves(moves, f1)
