"""Partners drawn anew: intervals that know that the entries of one partner resemble each other.

Counts are whole numbers, so that no order of summing changes a byte; the seed is a text, spread by SHA-256.
"""

import hashlib

import numpy as np

from indicators.incidence import CENSORED, checked
from indicators.inputs import Floats, Ints

MOST_GROUPS = 500  # beyond, partners are dealt into this many groups: sums of independent partners are as good, and cost is bounded


def generator(seed: str, *names: str) -> np.random.Generator:
    """A random generator that depends on the texts alone."""
    digest = hashlib.sha256("|".join((seed, *names)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def groups_of(partners: Ints) -> tuple[Ints, int]:
    """The group of each row by its partner, and how many groups there are; partners are dealt out in their order."""
    present, place = np.unique(partners, return_inverse=True)
    return place % MOST_GROUPS, min(len(present), MOST_GROUPS)


def draws(rng: np.random.Generator, groups: int, replicates: int) -> Floats:
    """How often each group is drawn, [replicates, groups]; each row sums to `groups`."""
    picked = rng.integers(0, groups, (replicates, groups)) + groups * np.arange(replicates)[:, None]
    return np.bincount(picked.ravel(), minlength=replicates * groups).reshape(replicates, groups).astype(np.float64)


def group_histograms(group: Ints, groups: int, duration: Ints, ending: Ints, horizon: int) -> Floats:
    """Counts [groups, 3, horizon + 1] of durations by ending; what lies beyond the horizon is censored there."""
    days, endings = checked(duration, ending)
    place, endings = np.minimum(days, horizon), np.where(days > horizon, CENSORED, endings)
    width = horizon + 1
    counts = np.bincount((group * 3 + endings) * width + place, minlength=groups * 3 * width)
    return counts.reshape(groups, 3, width).astype(np.float64)


def resampled(weights: Floats, counts: Floats) -> Floats:
    """Counts [replicates, 3, days] of each draw of groups."""
    replicates, (groups, kinds, days) = len(weights), counts.shape
    return np.asarray((weights @ counts.reshape(groups, kinds * days)).reshape(replicates, kinds, days), np.float64)
