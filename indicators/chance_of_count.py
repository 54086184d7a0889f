"""The chance that at least so many come: those under way, each with a chance of its own, and new ones, like a Poisson count (METHODS 3j).

Averaged over draws of what is not known. Where the variance is small the count's distribution is worked out by its Fourier transform, from
what `Happenings` tells of those under way: exactly of few. Where it is large the count is taken for a gamma distribution, moved and turned to
the same mean, variance and skewness, which is off by less than 0.004.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gammainc, ndtr

from indicators.happenings import Happenings, round_up
from indicators.inputs import Floats

_SPREAD = 8.0  # variance from which on the gamma's likeness is as good as the sum
_LONGEST = 256  # numbers between the least and the most that may come, up to which they are summed
_TENTH = 1.2816  # normal quantile
_FAR = 8.0  # standard deviations beyond which there is nothing


@dataclass(frozen=True, eq=False)
class Count:
    """Those under way and, [draws], the mean numbers of new ones."""

    under_way: Happenings
    new: Floats

    def chance(self, wanted: int) -> float:
        """The chance of `wanted` or more, never larger for a larger number."""
        if wanted <= 0:
            return 1.0
        if self._at_least is None:
            return float(np.clip(self._like_gamma(wanted).mean(), 0.0, 1.0))
        least, chances = self._at_least
        if wanted <= least:
            return 1.0
        return float(chances[wanted - least]) if wanted - least < len(chances) else 0.0

    def middle(self) -> tuple[int, int]:
        """The ends of the middle 80 %: each has a tenth or less beyond it."""
        mean = self.under_way.mean + self.new
        width = _TENTH * float(np.sqrt(self._spread.mean() + mean.var()))
        return self._last_with(0.9, float(mean.mean()) - width), self._last_with(0.1, float(mean.mean()) + width)

    def _last_with(self, share: float, near: float) -> int:
        """The largest number of which at least so many come with this chance or more; `near` is where it is looked for first."""
        low = high = max(round(near), 0)
        step = 1
        while low and self.chance(low) < share:
            high, low, step = low, max(low - step, 0), 2 * step
        if high == low:
            step, high = 1, low + 1
            while self.chance(high) >= share:
                low, high, step = high, high + step, 2 * step
        while high - low > 1:
            at = (low + high) // 2
            low, high = (at, high) if self.chance(at) >= share else (low, at)
        return low

    @cached_property
    def _spread(self) -> Floats:
        return self.under_way.variance + self.new

    @cached_property
    def _at_least(self) -> tuple[int, Floats] | None:
        """The chances of so many or more, and of how many the first of them is; None where there are too many to sum."""
        spread = self._spread
        if float(spread.mean()) >= _SPREAD:
            return None
        mean, far = self.under_way.mean + self.new, _FAR * np.sqrt(spread) + _FAR
        least = 0 if self.under_way.each is not None else max(int((mean - far).min()), 0)
        most = int(np.ceil((mean + far).max()))
        size = round_up(most - least + 1)
        if size > _LONGEST:
            return None
        # of a Poisson count: exp(m (e^-it - 1))
        turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size) - 1.0
        whole = (self.under_way.transform(size) * np.exp(self.new[:, None] * turn)).mean(axis=0)
        shares = np.maximum(np.roll(np.fft.irfft(whole, n=size), -least), 0.0)  # it begins anew at every `size`
        return least, np.asarray(np.minimum(np.cumsum(shares[::-1])[::-1], 1.0), np.float64)

    def _like_gamma(self, wanted: int) -> Floats:
        """[draws] by three moments."""
        spread = np.maximum(self._spread, 1e-12)
        skew = (self.under_way.third + self.new) / spread**1.5
        z = (wanted - 0.5 - self.under_way.mean - self.new) / np.sqrt(spread)
        straight = np.abs(skew) < 1e-3
        shape = 4.0 / np.where(straight, 1.0, skew) ** 2
        under = gammainc(shape, np.maximum(shape + np.sign(skew) * np.sqrt(shape) * z, 0.0))
        return np.asarray(np.where(straight, 1.0 - ndtr(z), np.where(skew > 0, 1.0 - under, under)), np.float64)
