"""Partners drawn anew: intervals that know that the entries of one partner resemble each other.

Counts are whole numbers, so that no order of summing changes a byte; the seed is a text, spread by SHA-256.
"""

import hashlib

import numpy as np

from indicators.incidence import CENSORED, CONVERTED, ENDED, at_risk_of, checked
from indicators.inputs import Codes, Days, Floats, Ints

MOST_GROUPS = 500  # beyond, partners are dealt into this many groups: sums of independent partners are as good, and cost is bounded
_BLOCK = 64  # draws at once: small enough for a processor's cache
# A larger product makes BLAS start threads, which on a busy machine spin for seconds over what one thread does in milliseconds.
_PRODUCT = 200_000
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


def drawn_incidence(weights: Floats, counts: Floats) -> Floats:
    """F1 [replicates, days] of each draw of groups, from counts [groups, 3, days] (the estimator of incidence.py).

    Numbers at risk add up over groups like the counts do, so that one product of matrices gives all that is needed.
    """
    moves = np.flatnonzero(
        (counts[:, CONVERTED] + counts[:, ENDED]).any(axis=0)
    )  # on other days curves stay where they are
    days = len(moves)
    if not days:
        return np.zeros((len(weights), counts.shape[2]))
    converting, ending, watched = (
        counts[:, CONVERTED][:, moves],
        counts[:, ENDED][:, moves],
        at_risk_of(counts)[:, moves],
    )
    columns = np.concatenate([converting, converting + ending, watched], axis=1)
    # whole numbers, which either kind of float holds exactly as long as none is larger than it has digits for
    small = float(weights.max(initial=0.0)) * float(columns.sum(axis=0).max()) < _EXACT
    columns, weights = (
        columns.astype(np.float32 if small else np.float64),
        weights.astype(np.float32 if small else np.float64),
    )
    curves = np.empty((len(weights), days))
    sums, tile = np.empty((_BLOCK, 3 * days), columns.dtype), max(1, _PRODUCT // (_BLOCK * len(columns)))
    for block in range(0, len(weights), _BLOCK):
        drawn = weights[block : block + _BLOCK]
        for left_edge in range(0, 3 * days, tile):
            part = slice(left_edge, left_edge + tile)
            np.matmul(drawn, columns[:, part], out=sums[: len(drawn), part])
        whole = sums[: len(drawn)].astype(np.float64)
        converted, left, at_risk = whole[:, :days], whole[:, days : 2 * days], np.maximum(whole[:, 2 * days :], 1.0)
        left /= at_risk
        survival = np.cumprod(np.subtract(1.0, left, out=left), axis=1)
        converted /= at_risk
        converted[:, 1:] *= survival[:, :-1]
        np.cumsum(converted, axis=1, out=curves[block : block + _BLOCK])
    before = np.searchsorted(moves, np.arange(counts.shape[2]), side="right") - 1
    return np.asarray(np.where(before >= 0, curves[:, np.maximum(before, 0)], 0.0), np.float64)
