"""Since when a CRM's history tells of everything, found in the events themselves: attempts begun before are left out of rates (METHODS 3a, 6).

A CRM keeps the history of a stage field for so long only, or since somebody turned it on. Of a record that is older the first value known is
not its first value: it counts as reached on the day the record was made, which is a guess. So of the records begun before a history's first
changes many stand further than `listed` when they are first heard of, and of those begun later hardly any.

    begun     the day of the 10th change known of an object: a few changes, as of a trial, make no history
    found     where the share that stood further is higher among those begun by that day than among those begun later: by a tenth or more,
              and so that the hypergeometric tail is .001 or less (Fisher's exact test)

All that began by that day is left out, also what had not moved yet: of its cohort those would be the only ones that are seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from indicators.inputs import FIRST_DAY, LAST_DAY, LISTED, NO_DAY, Days, EntryTable, EventTable, Flags, PartnerTable
from indicators.paths import PathTable, canonical_paths

STRAY = 10
APART = 0.1
SIGNIFICANT = 0.001


@dataclass(frozen=True, slots=True)
class LateHistory:
    """A history that begins later than the records whose history it is.

    history    connection and object
    start      the first day from which on it tells of everything
    before, further_before   entries begun before, and how many of them stood further than `listed` when first heard of
    since, further_since     the same of those begun from that day on
    """

    history: str
    start: int
    before: int
    further_before: int
    since: int
    further_since: int


def late_histories(events: EventTable, n_entries: int, as_of: int) -> tuple[LateHistory, ...]:
    """The histories that do not reach back to the beginning, in the order of their names; none where everything is known."""
    seen = (events.day >= FIRST_DAY) & (events.day <= as_of)
    made = (events.told & 1).astype(np.bool_)
    further = seen & made & (events.milestone > LISTED)
    if not further.any():
        return ()
    history = events.told >> 1
    start = np.full(n_entries, LAST_DAY, np.int32)
    np.minimum.at(start, events.entry[seen], events.day[seen])
    found = []
    for place in np.unique(history[further]).tolist():
        late = _judged(events, seen & (history == place), made, start, events.histories[place])
        if late is not None:
            found.append(late)
    return tuple(sorted(found, key=lambda late: late.history))


def starts_of(events: EventTable, n_entries: int, found: Sequence[LateHistory]) -> int | Days:
    """The first day of which all is known [entries], by the histories that tell of each; NO_DAY where that is ever since."""
    late = {one.history: one.start for one in found}
    if not set(late) & set(events.histories):
        return NO_DAY
    by_place = np.array([late.get(name, NO_DAY) for name in events.histories], np.int32)
    days = np.full(n_entries, NO_DAY, np.int32)
    np.maximum.at(days, events.entry, by_place[events.told >> 1])
    return days


def paths_by_histories(
    events: EventTable, entries: EntryTable, partners: PartnerTable, as_of: int, history_start: int | Days | None
) -> tuple[PathTable, tuple[LateHistory, ...]]:
    """The paths as `canonical_paths` makes them; where no `history_start` is set (None) by the histories found to begin late, which are told."""
    if history_start is not None:
        return canonical_paths(events, entries, partners, as_of, history_start=history_start), ()
    late = late_histories(events, len(entries), as_of)
    began = starts_of(events, len(entries), late)
    return canonical_paths(events, entries, partners, as_of, history_start=began), late


def _judged(events: EventTable, mine: Flags, made: Flags, start: Days, name: str) -> LateHistory | None:
    """One history; `mine` are its events up to the day."""
    ahead = mine & made & (events.milestone > LISTED)
    stages = np.unique(events.milestone[ahead])  # milestones that a date field tells say nothing of the history
    changes = events.day[mine & ~made & np.isin(events.milestone, stages)]
    if len(changes) < STRAY:
        return None
    begun = int(np.partition(changes, STRAY - 1)[STRAY - 1])
    told, further = (np.zeros(len(start), np.bool_) for _ in range(2))
    told[events.entry[mine]] = True
    further[events.entry[ahead]] = True
    early = start <= begun
    before, since = int((told & early).sum()), int((told & ~early).sum())
    further_before, further_since = int((further & early).sum()), int((further & ~early).sum())
    if not before or not since or further_before / before < further_since / since + APART:
        return None
    if _tail(further_before, before, further_before + further_since, before + since) > SIGNIFICANT:
        return None
    return LateHistory(name, begun + 1, before, further_before, since, further_since)


def _tail(k: int, drawn: int, marked: int, of: int) -> float:
    """The chance that among `drawn` of `of` things, of which `marked` are marked, k or more are."""
    i = np.arange(k, min(drawn, marked) + 1)
    logs = _choose(marked, i) + _choose(of - marked, drawn - i) - _choose(of, np.array([drawn]))
    return min(1.0, math.fsum(np.exp(logs).tolist()))


def _choose(n: int, k: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    valid = (k >= 0) & (k <= n)
    within = np.where(valid, k, 0)
    logs = gammaln(n + 1) - gammaln(within + 1) - gammaln(n - within + 1)
    return np.asarray(np.where(valid, logs, -np.inf), np.float64)
