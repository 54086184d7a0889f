"""From events to canonical paths: one row an attempt, with the day each milestone was first reached.

Rules (METHODS 3a, points 1 to 7; the reasons stand there):

- Which events are one happening, and where an attempt ends and the next begins, stands in telling.py.
- First passage: T[k] is the first day on which milestone k or a later one was reached. A step back never converts twice.
- A milestone recorded up to 3 days after a later one was typed in late: it counts on the later one's day. Beyond 3 days it counts as
  skipped. A skipped milestone is reached with the next one recorded, and flagged `inferred`.
- The current milestone is the newest event; its age restarts at the last entry into it.
- Silence is not `lost`.
"""

from dataclasses import dataclass

import numpy as np

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
from indicators.telling import in_order, one_telling, split_at_losses, starts

CLAMP_DAYS = 3
_NEVER = LAST_DAY + 1


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
    excluded               began before the CRM's history: left out of the whole way's rate and lead time, and of whatever its days before tell
    known_from             the first day of which the history tells everything, NO_DAY where it always did: a milestone reached before is left out
                           of rates and lead times of the steps from there on
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
    known_from: Days
    last: Ints
    as_of: int
    issues: PathIssues

    def __len__(self) -> int:
        return len(self.entry)


def canonical_paths(
    events: EventTable, entries: EntryTable, partners: PartnerTable, as_of: int, *, history_start: int | Days = NO_DAY
) -> PathTable:
    """The path of every attempt as it stands on day `as_of`; the order of the events, and repeats among them, do not matter.

    `history_start` is the first day the CRM's history tells of, for all entries or one day an entry: what an attempt reached before
    is left out of rates (`known_from`), since unseen steps cannot be dated. ValueError for an event of an unknown entry, an entry
    of an unknown partner, or an as-of day outside 2000 to 2149.
    """
    if not FIRST_DAY <= as_of <= LAST_DAY:
        raise ValueError(f"the as-of day is number {as_of}, expected a day from 2000 to 2149")
    _within("event.entry", events.entry, len(entries), "entries")
    _within("entry.partner", entries.partner, len(partners), "partners")
    after, ancient = events.day > as_of, events.day < FIRST_DAY
    kept = ~(after | ancient)
    entry, day, milestone = in_order(*one_telling(events, kept))
    entry, day, milestone, start, lost_first, reopened = split_at_losses(entry, day, milestone)

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
    known_from = began[of]
    excluded: Flags = day[heads] < known_from
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
        known_from=known_from,
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


def _where_it_stands(
    attempt: Ints, day: Ints, milestone: Ints, first: Days, earliest: Days
) -> tuple[Codes, Days, Ints]:
    """Current milestone, the day of the last entry into it, and steps back, for each attempt (a row of `first`)."""
    funnel = milestone <= WON
    column = np.where(funnel, milestone, 0)
    first_visit = funnel & (first[attempt, column] == day)
    typed_late = first_visit & (day - earliest[attempt, column] <= CLAMP_DAYS) & (day > earliest[attempt, column])
    attempt, day, milestone, first_visit = (c[~typed_late] for c in (attempt, day, milestone, first_visit))
    entered = starts(attempt, milestone)
    attempt, day, milestone, first_visit = (c[entered] for c in (attempt, day, milestone, first_visit))
    back = ~starts(attempt) & np.r_[False, milestone[1:] < milestone[:-1]][: len(attempt)] & ~first_visit
    tail = np.r_[starts(attempt)[1:], True][: len(attempt)]
    return (
        milestone[tail].astype(np.int8),
        day[tail].astype(np.int32),
        np.bincount(attempt[back], minlength=len(first)).astype(np.int64),
    )
