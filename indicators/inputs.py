"""What the arithmetic is given: columns of whole numbers, filled by the pipeline from the database.

Days are whole days since 1970-01-01 in the workspace's time zone; `NO_DAY` stands where there is none. Entries and partners
are known by their position in `EntryTable.ids` and `PartnerTable.ids`. Give partners in the order of their ids: seeded
intervals are then the same bytes on every run and machine.

    events    one row an asserted event that still stands (retractions already taken out), in any order
    entries   one row an entry (one target on one partner's list, one attempt as the mapping sees it)
    partners  one row a partner
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.vocabulary import FUNNEL, Milestone, Tier, Willingness

Ints = NDArray[np.int64]
Days = NDArray[np.int32]
Codes = NDArray[np.int8]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NO_DAY = -1
FIRST_DAY = 10957  # 2000-01-01; an earlier milestone is a typing error
LAST_DAY = 65535  # 2149-06-06; what fits the sorting key of paths.py

MILESTONES: tuple[Milestone, ...] = (*FUNNEL, Milestone.WON, Milestone.LOST)
MILESTONE_CODE: dict[str, int] = {m.value: i for i, m in enumerate(MILESTONES)}
LISTED, REQUESTED, AGREED, EXECUTED, DEAL, WON, LOST = range(len(MILESTONES))

WILLINGNESS: tuple[Willingness, ...] = (Willingness.REFUSED, Willingness.UNKNOWN, Willingness.VERBAL_YES)
WILLINGNESS_CODE: dict[str, int] = {w.value: i for i, w in enumerate(WILLINGNESS)}

# Why a row of an attack list does not count for the tier; 0 = it counts.
EXCLUSIONS: tuple[str, ...] = ("valid", "existing_customer", "open_elsewhere", "duplicate", "open_deal")
EXCLUSION_CODE: dict[str, int] = {name: i for i, name in enumerate(EXCLUSIONS)}

_EPOCH = date(1970, 1, 1).toordinal()


def day_number(day: date | np.datetime64) -> int:
    """Whole days from 1970-01-01 to `day`."""
    if isinstance(day, np.datetime64):
        return int(day.astype("datetime64[D]").astype(np.int64))
    return day.toordinal() - _EPOCH


def day_date(number: int) -> date | None:
    """The date of a day number; None for `NO_DAY`."""
    return None if number == NO_DAY else date.fromordinal(int(number) + _EPOCH)


def day_numbers(days: Iterable[date | None]) -> Days:
    """Day numbers of dates, `NO_DAY` for None; a day before 1970 counts as the first of it, since before all data is before all data."""
    return np.fromiter((NO_DAY if d is None else max(d.toordinal() - _EPOCH, 0) for d in days), np.int32)


@dataclass(frozen=True, eq=False, slots=True)
class EventTable:
    """Events in any order. All arrays have one length, the number of events.

    entry      position in `EntryTable.ids`
    milestone  code, see `MILESTONE_CODE`
    day        the day it occurred
    source     which record of the entry told it, 0 to 255: 0 unless the entry stands in several CRMs. A second record's telling of
               the same happening is then one event and not a step back.
    told       twice the place in `histories` of the object whose record told it, and one more where the day is that of the record's making,
               since nothing is known of an earlier value than this one
    histories  names of the objects, with their connections; none where nobody looks at what is told how
    """

    entry: Ints
    milestone: Codes
    day: Days
    source: Ints
    told: Ints
    histories: tuple[str, ...]

    @classmethod
    def of(
        cls,
        entry: ArrayLike,
        milestone: ArrayLike,
        day: ArrayLike,
        *,
        source: ArrayLike | None = None,
        told: ArrayLike | None = None,
        histories: Sequence[str] = (),
    ) -> "EventTable":
        """Checked columns; ValueError names the column and what was met."""
        entries = _column("event.entry", entry, np.int64, length=None)
        n = len(entries)
        return cls(
            entries,
            _column("event.milestone", milestone, np.int8, length=n, high=len(MILESTONES) - 1),
            _column("event.day", day, np.int32, length=n, low=-(2**31)),
            _column("event.source", 0 if source is None else source, np.int64, length=n, high=255),
            _column("event.told", 0 if told is None else told, np.int64, length=n, high=max(2 * len(histories) - 1, 0)),
            tuple(histories),
        )

    def __len__(self) -> int:
        return len(self.entry)


@dataclass(frozen=True, eq=False, slots=True)
class EntryTable:
    """Entries, one row each.

    ids                entry ids
    partner            position in `PartnerTable.ids`
    last_activity_day  the newest logged activity about this entry, or `NO_DAY`
    target             number of the target company: equal numbers are one company; by default each entry has its own
    unplaced           stands in a stage that the mapping does not name: nobody knows where, so it is not called stalled
    taken              what is known of targets besides these entries
    """

    ids: Sequence[str]
    partner: Ints
    last_activity_day: Days
    target: Ints
    unplaced: Flags
    taken: "Taken"

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        partner: ArrayLike,
        *,
        last_activity_day: ArrayLike | None = None,
        target: ArrayLike | None = None,
        unplaced: ArrayLike | None = None,
        taken: "Taken | None" = None,
    ) -> "EntryTable":
        """Checked columns; ValueError names the column and what was met."""
        n = len(ids)
        activity = NO_DAY if last_activity_day is None else last_activity_day
        return cls(
            tuple(ids) if isinstance(ids, list) else ids,  # a list may change, and other sequences are large
            _column("entry.partner", partner, np.int64, length=n),
            _column("entry.last_activity_day", activity, np.int32, length=n, low=NO_DAY),
            _column("entry.target", np.arange(n) if target is None else target, np.int64, length=n),
            np.zeros(n, np.bool_) if unplaced is None else np.asarray(unplaced, np.bool_),
            taken or Taken.of(),
        )

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False, slots=True)
class Taken:
    """What is known of targets by others than a table's entries. Columns of one length, of companies that buy already:

    target   as in EntryTable
    start    the day since when, NO_DAY = always
    end      the day from which on no more, NO_DAY = still so
    why      `existing_customer` or, where the company has an open deal with it, `open_deal`: code in `EXCLUSION_CODE`

    `rivals` are entries of other partners for the same targets, with the events of their own, where the table holds a part of the partners.
    """

    target: Ints
    start: Ints
    end: Ints
    why: Ints
    rivals: EntryTable | None = None
    rival_events: EventTable | None = None

    @classmethod
    def of(
        cls,
        companies: Sequence[tuple[int, int, int, int]] = (),
        *,
        rivals: EntryTable | None = None,
        rival_events: EventTable | None = None,
    ) -> "Taken":
        """Of rows (target, start, end, why)."""
        columns = np.array(sorted(companies), np.int64).reshape(-1, 4)
        target, start, end, why = (np.ascontiguousarray(columns[:, i]) for i in range(4))
        return cls(target, start, end, why, rivals, rival_events)


@dataclass(frozen=True, slots=True)
class TierOverride:
    """A person's word on a partner's tier, from `start` up to and including `until` (day numbers); why, and who said so."""

    partner: int
    tier: Tier
    start: int
    until: int
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class PartnerTable:
    """Partners, one row each.

    ids              partner ids
    types            names of the partner types
    type             position in `types`
    willingness      code in `WILLINGNESS_CODE`
    willingness_day  the day since which that is so; `NO_DAY` = always
    submitted_day    the day the newest attack list was handed in, where the CRM says it; `NO_DAY` = take the newest `listed`
    joined_day       the day the partner joined, or `NO_DAY`
    ended_day        the last day of its contract, or `NO_DAY` while it goes on
    overrides        manual tiers, in any order; of two that hold on one day the later start wins
    """

    ids: tuple[str, ...]
    types: tuple[str, ...]
    type: Ints
    willingness: Codes
    willingness_day: Days
    submitted_day: Days
    joined_day: Days
    ended_day: Days
    overrides: tuple[TierOverride, ...]

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        types: Sequence[str],
        type_index: ArrayLike,
        *,
        willingness: ArrayLike | None = None,
        willingness_day: ArrayLike | None = None,
        submitted_day: ArrayLike | None = None,
        joined_day: ArrayLike | None = None,
        ended_day: ArrayLike | None = None,
        overrides: Iterable[TierOverride] = (),
    ) -> "PartnerTable":
        """Checked columns; ValueError names the column and what was met."""
        n = len(ids)

        def days(name: str, values: ArrayLike | None) -> Days:
            return _column(f"partner.{name}", NO_DAY if values is None else values, np.int32, length=n, low=NO_DAY)

        willing = WILLINGNESS_CODE[Willingness.UNKNOWN] if willingness is None else willingness
        return cls(
            tuple(ids),
            tuple(types),
            _column("partner.type", type_index, np.int64, length=n, high=len(types) - 1),
            _column("partner.willingness", willing, np.int8, length=n, high=len(WILLINGNESS) - 1),
            days("willingness_day", willingness_day),
            days("submitted_day", submitted_day),
            days("joined_day", joined_day),
            days("ended_day", ended_day),
            tuple(overrides),
        )

    def __len__(self) -> int:
        return len(self.ids)


def _column(
    name: str, values: ArrayLike, dtype: Any, *, length: int | None, low: int = 0, high: int = 2**31 - 1
) -> NDArray[Any]:
    """`values` as a read-only column of `dtype`; a single number fills a column of `length`."""
    given = np.asarray(values)
    if given.ndim == 0 and length is not None:
        given = np.full(length, given)
    if given.ndim != 1 or (length is not None and len(given) != length):
        raise ValueError(f"{name} has shape {given.shape}, expected a column of {length or 'whole'} numbers")
    if given.size and given.dtype.kind not in "iu":
        raise ValueError(f"{name} holds {given.dtype}, expected whole numbers")
    if given.size and given.min() < low:
        raise ValueError(f"{name} holds {given.min()}, expected {low} or more")
    if given.size and given.max() > high:
        raise ValueError(f"{name} holds {given.max()}, expected {high} or less")
    column = given.astype(dtype)
    column.setflags(write=False)
    return column
