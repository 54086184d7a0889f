"""From events to canonical paths: one row an attempt, with the day each milestone was first reached.

Rules (METHODS 3a, points 1 to 7; the reasons stand there):

- Of two records' tellings of one happening the earlier day counts.
- An attempt ends with `lost`. What follows within 30 days takes the loss back; what follows later, or a new `listed`, is the next
  attempt of the same entry. A loss before anything else was reached is set aside.
- First passage: T[k] is the first day on which milestone k or a later one was reached. A step back never converts twice.
- A milestone recorded up to 3 days after a later one was typed in late: it counts on the later one's day. Beyond 3 days it counts as
  skipped. A skipped milestone is reached with the next one recorded, and flagged `inferred`.
- The current milestone is the newest event; its age restarts at the last entry into it.
- Silence is not `lost`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indicators.inputs import (
    DEAL,
    FIRST_DAY,
    LAST_DAY,
    LISTED,
    LOST,
    NO_DAY,
    WON,
    Codes,
    Days,
    EntryTable,
    EventTable,
    Flags,
    Ints,
    PartnerTable,
)

REOPEN_DAYS = 30
CLAMP_DAYS = 3
_NEVER = LAST_DAY + 1
_DAY_BITS, _MILESTONE_BITS, _SOURCE_BITS, _VISIT_BITS = 16, 3, 8, 12


@dataclass(frozen=True, slots=True)
class PathIssues:
    """How often the events were not as they should be; each is a count.

    after_as_of       events dropped, since they occur after the as-of day
    before_2000       events dropped, since such a date is a typing error
    clamped           milestones moved back by at most 3 days to a later milestone's day
    inversions        milestones recorded more than 3 days after a later one, therefore taken as skipped
    lost_first        losses set aside, since nothing had been reached before
    reopened          losses taken back by an event within 30 days
    not_listed        attempts with milestones but none `listed`
    only_lost         attempts in which nothing but `lost` is known
    no_events         entries without any event
    before_history    attempts that began before the CRM's history, therefore left out of rates
    """

    after_as_of: int = 0
    before_2000: int = 0
    clamped: int = 0
    inversions: int = 0
    lost_first: int = 0
    reopened: int = 0
    not_listed: int = 0
    only_lost: int = 0
    no_events: int = 0
    before_history: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class PathTable:
    """Canonical paths, one row an attempt, ordered by entry and attempt.

    entry, partner, type   positions in EntryTable.ids, PartnerTable.ids, PartnerTable.types
    attempt                1 for the first attempt of its entry row
    reached    [n, 5]      T: the day milestone `listed` .. `deal` was first reached, NO_DAY where it was not
    inferred   [n, 5]      true where a later milestone implies it
    won, lost              day, or NO_DAY
    current, since         code of the newest milestone and the day of the last entry into it
    regressions            steps back to a milestone visited before
    excluded               began before the CRM's history: left out of rates and lead times
    last       [entries]   row of the newest attempt of each entry, -1 where it has none
    as_of                  day number
    """

    entry: Ints
    partner: Ints
    type: Ints
    attempt: Ints
    reached: Days
    inferred: Flags
    won: Days
    lost: Days
    current: Codes
    since: Days
    regressions: Ints
    excluded: Flags
    last: Ints
    as_of: int
    issues: PathIssues

    def __len__(self) -> int:
        return len(self.entry)


def canonical_paths(
    events: EventTable, entries: EntryTable, partners: PartnerTable, as_of: int, *, history_start: int | Days = NO_DAY
) -> PathTable:
    """The path of every attempt as it stands on day `as_of`; the order of the events, and repeats among them, do not matter.

    `history_start` is the first day the CRM's history tells of, for all entries or one day an entry: an attempt that began before
    is left out of rates (`excluded`), since its unseen steps cannot be dated. ValueError for an event of an unknown entry, an entry
    of an unknown partner, or an as-of day outside 2000 to 2149.
    """
    if not FIRST_DAY <= as_of <= LAST_DAY:
        raise ValueError(f"the as-of day is number {as_of}, expected a day from 2000 to 2149")
    _within("event.entry", events.entry, len(entries), "entries")
    _within("entry.partner", entries.partner, len(partners), "partners")
    after, ancient = events.day > as_of, events.day < FIRST_DAY
    kept = ~(after | ancient)
    entry, day, milestone = _in_order(*_one_telling(events, kept))
    entry, day, milestone, start, lost_first, reopened = _split_at_losses(entry, day, milestone)

    attempt = np.cumsum(start) - 1
    n = int(start.sum())
    first = np.full((n, WON + 1), _NEVER, np.int32)
    steps = milestone <= WON
    np.minimum.at(first.reshape(-1), attempt[steps] * (WON + 1) + milestone[steps], day[steps])
    earliest = np.minimum.accumulate(first[:, ::-1], axis=1)[:, ::-1]
    recorded, late = first < _NEVER, first - earliest
    inverted = recorded & (late > CLAMP_DAYS)
    clamped = recorded & (late > 0) & ~inverted
    reached = earliest < _NEVER
    lost = np.full(n, NO_DAY, np.int32)
    lost[attempt[milestone == LOST]] = day[milestone == LOST]
    current, since, regressions = _where_it_stands(attempt, day, milestone, first, earliest)

    heads = np.flatnonzero(start)
    of = entry[heads]
    began = np.broadcast_to(np.asarray(history_start, np.int32), (len(entries),))
    excluded: Flags = day[heads] < began[of]
    last = np.full(len(entries), -1, np.int64)
    last[of] = np.arange(n)  # a repeated index keeps the last one assigned, which is the newest attempt
    newest = np.maximum.accumulate(np.where(np.r_[True, of[1:] != of[:-1]], np.arange(n), 0)) if n else np.arange(0)
    funnel = slice(LISTED, DEAL + 1)
    return PathTable(
        entry=of,
        partner=entries.partner[of],
        type=partners.type[entries.partner[of]],
        attempt=np.arange(n) - newest + 1,
        reached=np.where(reached, earliest, NO_DAY)[:, funnel].astype(np.int32),
        inferred=(reached & (~recorded | inverted))[:, funnel],
        won=np.where(first[:, WON] < _NEVER, first[:, WON], NO_DAY).astype(np.int32),
        lost=lost,
        current=current,
        since=since,
        regressions=regressions,
        excluded=excluded,
        last=last,
        as_of=as_of,
        issues=PathIssues(
            after_as_of=int(after.sum()),
            before_2000=int(ancient.sum()),
            clamped=int(clamped.sum()),
            inversions=int(inverted.sum()),
            lost_first=lost_first,
            reopened=reopened,
            not_listed=int((~recorded[:, LISTED] & reached[:, LISTED]).sum()),
            only_lost=int((~reached[:, LISTED]).sum()),
            no_events=int((last < 0).sum()),
            before_history=int(excluded.sum()),
        ),
    )


def _within(name: str, positions: Ints, length: int, what: str) -> None:
    if positions.size and positions.max() >= length:
        raise ValueError(f"{name} holds {positions.max()}, but there are {length} {what}; number them from 0")


def _starts(*columns: NDArray[np.integer]) -> Flags:
    """True where a row differs from the one before it in any column."""
    n = len(columns[0])
    new = np.ones(n, bool)
    if n:
        new[1:] = np.logical_or.reduce([c[1:] != c[:-1] for c in columns])
    return new


def _sorted_once(keys: Ints) -> Ints:
    keys = np.sort(keys)
    return keys[_starts(keys)]


def _one_telling(events: EventTable, kept: Flags) -> tuple[Ints, Ints, Ints]:
    """Each happening once. The r-th visit of a milestone that one record tells is the r-th that another tells; the earlier day counts."""
    entry, day = events.entry[kept], events.day[kept].astype(np.int64)
    milestone, source = events.milestone[kept].astype(np.int64), events.source[kept]
    if not source.any():
        return entry, day, milestone
    place = ((entry << _SOURCE_BITS) | source) << _MILESTONE_BITS | milestone
    keys = _sorted_once((place << _DAY_BITS) | day)
    place, day = keys >> _DAY_BITS, keys & (2**_DAY_BITS - 1)
    index = np.arange(len(keys))
    visit = index - np.maximum.accumulate(np.where(_starts(place), index, 0))
    entry, milestone = place >> (_SOURCE_BITS + _MILESTONE_BITS), place & (2**_MILESTONE_BITS - 1)
    happening = ((entry << _MILESTONE_BITS) | milestone) << _VISIT_BITS | np.minimum(visit, 2**_VISIT_BITS - 1)
    keys = np.sort((happening << _DAY_BITS) | day)
    keys = keys[_starts(keys >> _DAY_BITS)]
    happening, day = keys >> (_DAY_BITS + _VISIT_BITS), keys & (2**_DAY_BITS - 1)
    return happening >> _MILESTONE_BITS, day, happening & (2**_MILESTONE_BITS - 1)


def _in_order(entry: Ints, day: Ints, milestone: Ints) -> tuple[Ints, Ints, Ints]:
    """By entry, day, milestone; `lost` comes last on its day. The key holds all there is, so that ties cannot matter."""
    keys = _sorted_once(((entry << _DAY_BITS) | day) << _MILESTONE_BITS | milestone)
    rest = keys >> _MILESTONE_BITS
    return rest >> _DAY_BITS, rest & (2**_DAY_BITS - 1), keys & (2**_MILESTONE_BITS - 1)


def _split_at_losses(entry: Ints, day: Ints, milestone: Ints) -> tuple[Ints, Ints, Ints, Flags, int, int]:
    """The events that stand, and where attempts start; then how many losses came first, and how many were taken back."""
    # a second loss in a row says nothing new
    repeat = (milestone == LOST) & np.r_[False, (milestone[:-1] == LOST)][: len(entry)] & ~_starts(entry)
    entry, day, milestone = entry[~repeat], day[~repeat], milestone[~repeat]
    opening = _starts(entry)
    followed = np.r_[~opening[1:], False][: len(entry)]
    early = (milestone == LOST) & opening & followed
    entry, day, milestone = entry[~early], day[~early], milestone[~early]
    start = _starts(entry)
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


def _where_it_stands(
    attempt: Ints, day: Ints, milestone: Ints, first: Days, earliest: Days
) -> tuple[Codes, Days, Ints]:
    """Current milestone, the day of the last entry into it, and steps back, for each attempt (a row of `first`)."""
    funnel = milestone <= WON
    column = np.where(funnel, milestone, 0)
    first_visit = funnel & (first[attempt, column] == day)
    typed_late = first_visit & (day - earliest[attempt, column] <= CLAMP_DAYS) & (day > earliest[attempt, column])
    attempt, day, milestone, first_visit = (c[~typed_late] for c in (attempt, day, milestone, first_visit))
    entered = _starts(attempt, milestone)
    attempt, day, milestone, first_visit = (c[entered] for c in (attempt, day, milestone, first_visit))
    back = ~_starts(attempt) & np.r_[False, milestone[1:] < milestone[:-1]][: len(attempt)] & ~first_visit
    tail = np.r_[_starts(attempt)[1:], True][: len(attempt)]
    return (
        milestone[tail].astype(np.int8),
        day[tail].astype(np.int32),
        np.bincount(attempt[back], minlength=len(first)).astype(np.int64),
    )
