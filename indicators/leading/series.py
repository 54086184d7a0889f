"""Weekly counts per partner, and how they looked at any earlier week: what the question "does it lead?" is put to.

A week is Monday to Sunday. Only whole weeks count, so that the last number of a series is as complete as the others.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from indicators.inputs import FIRST_DAY, LAST_DAY, NO_DAY, Days, Flags, Ints

WEEK = 7
_MONDAY = 4  # day number 4 is 1970-01-05, a Monday
LONGEST = 520  # weeks: ten years say all there is to say, whatever a mistyped date claims
STRAY = 0.002  # share of dates that may be typing errors, so that one of them cannot begin the series decades too early


@dataclass(frozen=True, eq=False, slots=True)
class Occurrences:
    """Happenings of one kind, such as deals or co-visits; columns of one length.

    partner      place in PartnerTable
    day          the day it occurred
    known_from   the day since which it was known
    known_until  the first day on which it was known to be otherwise; LAST_DAY where it still stands
    """

    partner: Ints
    day: Ints
    known_from: Ints
    known_until: Ints

    @classmethod
    def of(
        cls,
        partner: ArrayLike,
        day: ArrayLike,
        known_from: ArrayLike | None = None,
        known_until: ArrayLike | None = None,
    ) -> "Occurrences":
        """Columns as given; known since the day it occurred, and standing, unless said otherwise. ValueError where lengths differ."""
        days = np.asarray(day, np.int64)
        columns = (
            np.asarray(partner, np.int64),
            days,
            days if known_from is None else np.maximum(np.asarray(known_from, np.int64), days),
            np.full(len(days), LAST_DAY, np.int64) if known_until is None else np.asarray(known_until, np.int64),
        )
        if len({len(c) for c in columns}) > 1:
            raise ValueError(f"columns of {[len(c) for c in columns]} rows were given, expected one length")
        return cls(*columns)

    def __len__(self) -> int:
        return len(self.day)

    def only(self, rows: Flags | Ints) -> "Occurrences":
        """The chosen rows."""
        return Occurrences(self.partner[rows], self.day[rows], self.known_from[rows], self.known_until[rows])

    def of_partners(self, mine: Flags) -> "Occurrences":
        """The rows of these partners [partners], as places among them."""
        of = self.only(np.flatnonzero(mine[self.partner]))
        return replace(of, partner=(np.cumsum(mine) - 1)[of.partner])


@dataclass(frozen=True, slots=True)
class Weeks:
    """`count` whole weeks from the Monday of day number `first`."""

    first: int
    count: int

    @property
    def last_day(self) -> int:
        """The Sunday that ends the last week."""
        return self.first + WEEK * self.count - 1

    def of(self, day: Ints) -> Ints:
        """The week of each day; negative before the first."""
        return (np.asarray(day, np.int64) - self.first) // WEEK


def whole_weeks(days: Ints, as_of: int) -> Weeks:
    """The whole weeks from the first data to `as_of`. Of the dates, 0.2 % may be strays that begin nothing; none where there are no dates."""
    known = np.sort(days[(days >= FIRST_DAY) & (days <= as_of)])
    end = (as_of + 1 - _MONDAY) // WEEK  # weeks since 1970 that were over by then
    if not len(known):
        return Weeks(end * WEEK + _MONDAY, 0)
    began = -(
        (_MONDAY - int(known[int(STRAY * len(known))])) // WEEK
    )  # a week that began before the first data is not whole
    count = min(max(end - began, 0), LONGEST)
    return Weeks((end - count) * WEEK + _MONDAY, count)


def counts(rows: Occurrences, weeks: Weeks, n_partners: int) -> Ints:
    """[partners, weeks]: what occurred in each week as it is known at the end."""
    week = weeks.of(rows.day)
    inside = (week >= 0) & (week < weeks.count) & (rows.known_until > weeks.last_day)
    place = rows.partner[inside] * weeks.count + week[inside]
    return np.bincount(place, minlength=n_partners * weeks.count).reshape(n_partners, weeks.count)


def vintages(rows: Occurrences, weeks: Weeks) -> Ints:
    """[weeks, weeks]: row o holds the weekly counts as they were known at the end of week o; later weeks are 0.

    The last row is what is known at the end, whatever was typed in late.
    """
    n = weeks.count
    if n == 0:
        return np.zeros((0, 0), np.int64)
    week = weeks.of(rows.day)
    came, went = np.maximum(weeks.of(rows.known_from), week), weeks.of(rows.known_until)
    inside = (week >= 0) & (week < n)
    seen, gone = inside & (came < n), inside & (came < n) & (went < n) & (went > came)
    never = seen & (went <= came)
    change = np.bincount(came[seen & ~never] * n + week[seen & ~never], minlength=n * n)
    change = change - np.bincount(went[gone] * n + week[gone], minlength=n * n)
    return np.asarray(np.cumsum(change.reshape(n, n), axis=0), np.int64)


def windows(joined: Days, weeks: Weeks) -> Ints:
    """The first whole week of each partner under contract, [partners]; 0 where it was there before the data began."""
    began = np.where(joined == NO_DAY, weeks.first, joined).astype(np.int64)
    return np.clip(-((weeks.first - began) // WEEK), 0, weeks.count)
