"""Days that people work, as a column of running counts, so that a million spans cost two look-ups each.

Which days are off is decided by whoever knows holidays and closures; here it is a list of day numbers. Saturdays and Sundays are off.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from indicators.inputs import FIRST_DAY, LAST_DAY, Ints

_MONDAY = 4  # day number 4 is 1970-01-05


@dataclass(frozen=True, eq=False, slots=True)
class BusinessDays:
    """`before[d - first]` is how many business days lie before day `d`."""

    before: Ints
    first: int = FIRST_DAY

    @classmethod
    def of(cls, off: Iterable[int] = ()) -> "BusinessDays":
        """All days from 2000 to 2149 but weekends and the days numbered in `off`; such days outside are ignored."""
        days = np.arange(FIRST_DAY, LAST_DAY + 1)
        works = (days - _MONDAY) % 7 < 5
        closed = np.fromiter(off, np.int64)
        works[closed[(closed >= FIRST_DAY) & (closed <= LAST_DAY)] - FIRST_DAY] = False
        return cls(np.r_[0, np.cumsum(works)])

    def between(self, start: ArrayLike, end: ArrayLike) -> Ints:
        """Business days from `start` up to but without `end` [n], as `numpy.busday_count` counts them."""
        return np.asarray(self._index(end) - self._index(start), np.int64)

    def _index(self, day: ArrayLike) -> Ints:
        place = np.clip(np.asarray(day, np.int64) - self.first, 0, len(self.before) - 1)
        return np.asarray(self.before[place], np.int64)


WEEKDAYS = BusinessDays.of()
