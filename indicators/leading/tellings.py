"""One happening told several times: by two CRMs, with a corrected date, or as the same milestone reached again."""

import numpy as np

from indicators.inputs import Ints
from indicators.leading.series import Occurrences
from indicators.telling import starts


def one_telling(group: Ints, rows: Occurrences) -> tuple[Ints, Occurrences]:
    """At any time the one of the earliest day, of all tellings of a happening (rows of equal `group`) that are known then; with the groups.

    A telling that another one hides for a while becomes two rows, one before and one after.
    """
    known = np.flatnonzero(rows.known_from < rows.known_until)
    order = known[np.lexsort((rows.known_from[known], rows.day[known], group[known]))]
    group, rows = group[order], rows.only(order)
    new = starts(group)
    alone = new & np.r_[new[1:], True][: len(new)]
    several = np.flatnonzero(~alone)
    if not len(several):
        return group, rows
    place, came, went = _first_known(
        np.cumsum(new, dtype=np.int64)[several], rows.known_from[several], rows.known_until[several]
    )
    row = np.r_[np.flatnonzero(alone), several[place]]
    came, went = np.r_[rows.known_from[alone], came], np.r_[rows.known_until[alone], went]
    by_row = np.argsort(row, kind="stable")
    row = row[by_row]
    return group[row], Occurrences(rows.partner[row], rows.day[row], came[by_row], went[by_row])


def _first_known(number: Ints, came: Ints, went: Ints) -> tuple[Ints, Ints, Ints]:
    """Which row of each number stands first among those known, since when and until when. Rows come by number, in the order they count in."""
    low = int(came.min())
    long = int(went.max()) - low + 1
    since, until = number * long + came - low, number * long + went - low
    ends = np.unique(np.r_[since, until])  # from one of these to the next nothing changes
    a, b = np.searchsorted(ends, since), np.searchsorted(ends, until)
    row = np.repeat(np.arange(len(number)), b - a)
    stretch = np.arange(len(row)) - np.repeat(np.cumsum(b - a) - b, b - a)
    first = np.full(len(ends), -1, np.int64)
    first[stretch[::-1]] = row[::-1]  # a repeated index keeps the last one assigned
    turns = np.flatnonzero(starts(first))
    begun = turns[first[turns] >= 0]
    over = np.r_[turns, len(ends)][np.searchsorted(turns, begun) + 1]  # the last end of a number is in no row
    return first[begun], ends[begun] % long + low, ends[over] % long + low
