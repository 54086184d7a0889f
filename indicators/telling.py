"""The events of an entry as one story: what two records tell of one happening counts once, and a loss ends an attempt (METHODS 3a, 1 and 5).

- The r-th visit of a milestone that one record tells of is the r-th that another tells of in the same attempt; the earlier day counts.
- An attempt ends with `lost`. What follows within 30 days takes the loss back; what follows later, or a new `listed`, is the next
  attempt of the same entry. A loss before anything else was reached is set aside.
- Where a record itself tells that a new attempt began, what others tell from then on is of that attempt.
"""

import numpy as np
from numpy.typing import NDArray

from indicators.inputs import LISTED, LOST, EventTable, Flags, Ints

REOPEN_DAYS = 30
_DAY_BITS, _MILESTONE_BITS, _SOURCE_BITS, _VISIT_BITS, _ATTEMPT_BITS = 16, 3, 8, 12, 6
_WHICH_BITS = _ATTEMPT_BITS + _MILESTONE_BITS


def starts(*columns: NDArray[np.integer]) -> Flags:
    """True where a row differs from the one before it in any column."""
    n = len(columns[0])
    new = np.ones(n, bool)
    if n:
        new[1:] = np.logical_or.reduce([c[1:] != c[:-1] for c in columns])
    return new


def _sorted_once(keys: Ints) -> Ints:
    keys = np.sort(keys)
    return keys[starts(keys)]


def one_telling(events: EventTable, kept: Flags) -> tuple[Ints, Ints, Ints]:
    """Each happening once: entry, day and milestone of what was told, in any order."""
    entry, day = events.entry[kept], events.day[kept].astype(np.int64)
    milestone, source = events.milestone[kept].astype(np.int64), events.source[kept]
    if not source.any():
        return entry, day, milestone
    several = np.flatnonzero(_told_by_several(entry, source)[entry])
    attempt = np.zeros(len(entry), np.int64)
    teller = (entry << _SOURCE_BITS) | source
    attempt[several] = _attempts_told(teller[several], day[several], milestone[several])
    place = (teller << _ATTEMPT_BITS | attempt) << _MILESTONE_BITS | milestone
    keys = _sorted_once((place << _DAY_BITS) | day)
    place, day = keys >> _DAY_BITS, keys & (2**_DAY_BITS - 1)
    index = np.arange(len(keys))
    visit = index - np.maximum.accumulate(np.where(starts(place), index, 0))
    entry, which = place >> (_SOURCE_BITS + _WHICH_BITS), place & (2**_WHICH_BITS - 1)
    happening = (entry << _WHICH_BITS | which) << _VISIT_BITS | np.minimum(visit, 2**_VISIT_BITS - 1)
    keys = np.sort((happening << _DAY_BITS) | day)
    keys = keys[starts(keys >> _DAY_BITS)]
    happening, day = keys >> (_DAY_BITS + _VISIT_BITS), keys & (2**_DAY_BITS - 1)
    return happening >> _WHICH_BITS, day, happening & (2**_MILESTONE_BITS - 1)


def _told_by_several(entry: Ints, source: Ints) -> Flags:
    """[entries]: whether more than one record tells of it."""
    one = np.zeros(int(entry.max(initial=0)) + 1, np.int64)
    one[entry] = source
    found = np.zeros(len(one), np.bool_)
    found[entry[source != one[entry]]] = True
    return found


def _attempts_told(teller: Ints, day: Ints, milestone: Ints) -> Ints:
    """Of which attempt each row [n] tells, from 0. `teller` is an entry's record.

    A record that is lost and goes on begins an attempt by its own story, whatever others say. Two records that begin one within 30 days tell
    of the same. One that begins none tells of the new attempt from the day on which another began it; but of the loss before it, late, for
    30 days after that loss.
    """
    whose, since, _, opens, *_ = split_at_losses(*in_order(teller, day, milestone))
    begun = np.flatnonzero(opens & ~starts(whose))
    begun = begun[np.lexsort((since[begun], whose[begun] >> _SOURCE_BITS))]
    whose, ended, since = whose[begun], since[begun - 1], since[begun]  # what stands before a new attempt is the loss
    entry = whose >> _SOURCE_BITS
    fresh = starts(entry) | (np.diff(since, prepend=since[:1]) > REOPEN_DAYS)
    first, number = np.flatnonzero(fresh), np.cumsum(fresh) - 1
    number = np.minimum(number - number[np.searchsorted(entry, entry)], 2**_ATTEMPT_BITS - 2)
    own, at = np.unique(whose << _ATTEMPT_BITS | number, return_index=True)
    told = np.zeros(len(teller), np.int64)
    low, high = (np.searchsorted(entry[first], teller >> _SOURCE_BITS, side=side) for side in ("left", "right"))
    for k in range(min(int((high - low).max(initial=0)), 2**_ATTEMPT_BITS - 1)):
        rows = np.flatnonzero(low + k < high)
        key = teller[rows] << _ATTEMPT_BITS | k
        place = np.minimum(np.searchsorted(own, key), len(own) - 1)
        others = first[low[rows] + k]
        late = np.where(milestone[rows] == LOST, ended[others] + REOPEN_DAYS + 1, 0)
        began = np.where(own[place] == key, since[at[place]], np.maximum(since[others], late))
        told[rows] += day[rows] >= began
    return told


def in_order(entry: Ints, day: Ints, milestone: Ints) -> tuple[Ints, Ints, Ints]:
    """By entry, day, milestone; `lost` comes last on its day. The key holds all there is, so that ties cannot matter."""
    keys = _sorted_once(((entry << _DAY_BITS) | day) << _MILESTONE_BITS | milestone)
    rest = keys >> _MILESTONE_BITS
    return rest >> _DAY_BITS, rest & (2**_DAY_BITS - 1), keys & (2**_MILESTONE_BITS - 1)


def split_at_losses(entry: Ints, day: Ints, milestone: Ints) -> tuple[Ints, Ints, Ints, Flags, int, int]:
    """The events that stand, and where attempts start; then how many losses came first, and how many were taken back."""
    # a second loss in a row says nothing new
    repeat = (milestone == LOST) & np.r_[False, (milestone[:-1] == LOST)][: len(entry)] & ~starts(entry)
    entry, day, milestone = entry[~repeat], day[~repeat], milestone[~repeat]
    opening = starts(entry)
    followed = np.r_[~opening[1:], False][: len(entry)]
    early = (milestone == LOST) & opening & followed
    entry, day, milestone = entry[~early], day[~early], milestone[~early]
    start = starts(entry)
    after_loss = ~start & np.r_[False, milestone[:-1] == LOST][: len(entry)]
    gap = np.diff(day, prepend=day[:1])
    again = after_loss & ((milestone == LISTED) | (gap > REOPEN_DAYS))
    reopens = after_loss & ~again
    taken_back = np.r_[reopens[1:], False][: len(entry)]
    start |= again
    return (
        entry[~taken_back],
        day[~taken_back],
        milestone[~taken_back],
        start[~taken_back],
        int(early.sum()),
        int(reopens.sum()),
    )
