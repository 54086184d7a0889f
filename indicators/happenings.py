"""How many of many happenings with unlike chances come true, for each draw of what the chances may be.

Of few every chance is kept, and their count is exact. Of many four sums are kept, of the chances and of their squares, cubes and fourth
powers, and the count is taken for that of two groups of alike chances whose first two sums are the same and the others nearest: the nodes of a
Gauss quadrature of the chances tell how large the groups are (Golub and Welsch 1969). Groups that are two indeed are so met exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.inputs import Flags, Floats

POWERS = 4
FEW = 64  # happenings of which every chance is kept
_FAR = 8.0  # standard deviations
_NONE = 1e-12  # a sum of chances that is none
_MANY = 2.0**31  # of so many in a group more make no difference


@dataclass(frozen=True, eq=False, slots=True)
class Happenings:
    """sums [4, draws]: of the chances and of their powers. each [happenings, draws]: the chances, of few; None of many."""

    sums: Floats
    each: Floats | None = None

    @classmethod
    def of(cls, chances: Floats) -> "Happenings":
        """By their chances [happenings, draws]."""
        powers = chances[None] ** np.arange(1, POWERS + 1)[:, None, None]
        return cls(powers.sum(axis=1), chances if len(chances) <= FEW else None)

    @property
    def mean(self) -> Floats:
        """[draws]."""
        return np.asarray(self.sums[0], np.float64)

    @property
    def variance(self) -> Floats:
        """[draws]."""
        return np.asarray(np.maximum(self.sums[0] - self.sums[1], 0.0), np.float64)

    @property
    def third(self) -> Floats:
        """[draws] third central moment."""
        return np.asarray(self.sums[0] - 3 * self.sums[1] + 2 * self.sums[2], np.float64)

    def shares(self, below: int) -> Floats:
        """[draws, below]: the chance that 0, 1, .. `below` - 1 come true."""
        if self.each is not None:
            return exact_shares(self.each, below)
        size, reach = round_up(max(below, self.most() + 1)), self._reach()
        width = round_up(2 * reach + 1)
        if width >= size:
            return np.maximum(np.fft.irfft(self.transform(size), n=size, axis=1)[:, :below], 0.0)
        # beyond its reach a count never comes, so that a circle of that length holds it
        count, first = np.arange(below), np.maximum(np.floor(self.mean).astype(np.int64) - reach, 0)[:, None]
        inside = (count >= first) & (count < first + width)
        if not inside.any():
            return np.zeros(inside.shape)
        circle = np.fft.irfft(self.transform(width), n=width, axis=1)
        return np.where(inside, np.maximum(circle[:, count % width], 0.0), 0.0)

    def transform(self, size: int) -> Floats:
        """[draws, size / 2 + 1] discrete Fourier transform of the chances of 0 .. `size` - 1, as `numpy.fft.rfft` has it."""
        if self.each is not None:
            return np.asarray(np.fft.rfft(exact_shares(self.each, min(size, self.most() + 1)), n=size, axis=1))
        angle = 2 * np.pi * np.arange(size // 2 + 1) / size
        missing, turned = 1.0 - np.cos(angle), np.sin(angle)
        logarithm, phase = np.zeros((2, self.sums.shape[1], len(angle)))
        for count, chance in zip(*two_groups(self.sums), strict=True):
            if not count.any():
                continue
            p, n = chance[:, None], count[:, None]
            logarithm += 0.5 * n * np.log1p(-np.minimum(2 * p * (1 - p) * missing, 1 - 1e-15))
            phase += n * np.arctan2(p * turned, 1 - p * missing)
        return np.asarray(np.exp(logarithm - 1j * phase))

    def most(self) -> int:
        """More than ever come true."""
        far = int(np.ceil((self.mean + _FAR * np.sqrt(self.variance)).max(initial=0.0))) + 8
        return far if self.each is None else min(far, len(self.each))

    def _reach(self) -> int:
        """By more than this no count is ever off from its mean."""
        return int(np.ceil(_FAR * np.sqrt(self.variance).max(initial=0.0))) + 8


def together(parts: Sequence[Happenings]) -> Happenings:
    """All of them, independent of each other for given rates."""
    each = None
    known = [part.each for part in parts if part.each is not None]
    if len(known) == len(parts) and sum(len(one) for one in known) <= FEW:
        each = np.concatenate(known)
    return Happenings(np.sum([part.sums for part in parts], axis=0), each)


def exact_shares(chances: Floats, below: int) -> Floats:
    """[draws, below]: the chance that 0, 1, .. of the happenings with these chances [happenings, draws] come true, one after another."""
    found = np.zeros((below, chances.shape[1]))
    found[:1] = 1.0
    for at, chance in enumerate(chances):
        last = min(at + 2, below)
        one_more = found[: last - 1] * chance
        found[:last] *= 1.0 - chance
        found[1:last] += one_more
    return np.ascontiguousarray(found.T)


def two_groups(sums: Floats) -> tuple[Floats, Floats]:
    """(how many, with what chance) [2 groups, draws] each, whole numbers and shares, by sums of powers [4, draws].

    The first two sums are met, the other two as nearly as whole numbers can. A group may be empty.
    """
    one, two = sums[0], sums[1]
    some = one > _NONE
    alike = np.where(some, one**2 / np.where(some, np.maximum(two, 1e-300), 1.0), 0.0)  # how many, if all were alike
    fewest = np.ceil(np.minimum(alike, _MANY) - 1e-9)
    near, far = (np.minimum(nodes, _MANY) for nodes in _gauss(sums, alike))
    pairs = [
        (np.maximum(fewest - 1, 0.0), np.minimum(fewest, 1.0)),
        (np.minimum(fewest, 1.0), np.maximum(fewest - 1, 0.0)),
        (fewest, np.minimum(fewest, 1.0)),
        (np.minimum(fewest, 1.0), fewest),
        *((np.floor(near) + i, np.floor(far) + j) for i in (0.0, 1.0) for j in (0.0, 1.0)),
    ]
    best = np.full(one.shape, np.inf)
    counts, chances = np.zeros((2, *one.shape)), np.zeros((2, *one.shape))
    for first, second in pairs:
        low, high, fits = _shared(first, second, one, two)
        off = np.abs(first * low**3 + second * high**3 - sums[2])
        off += np.abs(first * low**4 + second * high**4 - sums[3])
        better = fits & some & (off < best - 1e-12)
        best = np.where(better, off, best)
        for group, (n, p) in enumerate(((first, low), (second, high))):
            counts[group] = np.where(better, n, counts[group])
            chances[group] = np.where(better, p, chances[group])
    return counts, chances


def _shared(first: Floats, second: Floats, one: Floats, two: Floats) -> tuple[Floats, Floats, Flags]:
    """The chances of two groups of so many with these first two sums, and where there are such chances."""
    n = np.maximum(first + second, 1.0)
    middle = one / n
    spread = two / n - middle**2
    fits = (first + second > 0) & (spread > -1e-9 * np.maximum(middle**2, _NONE)) & (middle <= 1 + 1e-9)
    spread = np.maximum(spread, 0.0)
    both = (first > 0) & (second > 0)
    fits &= both | (spread <= 1e-9 * np.maximum(middle**2, _NONE))
    low = middle - np.where(both, np.sqrt(spread * second / np.maximum(first, 1.0)), 0.0)
    high = middle + np.where(both, np.sqrt(spread * first / np.maximum(second, 1.0)), 0.0)
    fits &= (low >= -1e-6) & (high <= 1 + 1e-6)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0), fits


def _gauss(sums: Floats, alike: Floats) -> tuple[Floats, Floats]:
    """How many, not whole, stand at the two nodes of the quadrature of the chances, each weighted by itself; all at one where they are alike."""
    a, b, c, d = sums
    apart = a * c - b * b
    two = apart > 1e-9 * np.maximum(a * c, 1e-300)
    apart = np.where(two, apart, 1.0)
    half, product = (a * d - b * c) / apart / 2, (b * d - c * c) / apart
    reach = np.sqrt(np.maximum(half**2 - product, 0.0))
    low, high = np.maximum(half - reach, 1e-9), np.maximum(half + reach, 1e-9)
    two &= high - low > 1e-6
    weight = np.where(two, (b - low * a) / np.where(two, high - low, 1.0), 0.0)
    far = np.where(two, np.maximum(weight, 0.0) / high, 0.0)
    near = np.where(two, np.maximum(a - weight, 0.0) / low, alike)
    return near, far


def round_up(size: int) -> int:
    """The next power of two."""
    return 1 << max(size - 1, 1).bit_length()
