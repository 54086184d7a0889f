"""When rows do not count, target by target and span by span as it is said in words: the plain, slow way, for the quick one to be held against."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from indicators.inputs import (
    AGREED,
    DEAL,
    EXCLUSION_CODE,
    LISTED,
    NO_DAY,
    EntryTable,
    PartnerTable,
    Taken,
)
from indicators.paths import PathTable, canonical_paths

_FAR = 1 << 20  # later than any day
_EVER = -1  # a customer since nobody knows when
CUSTOMER, OWN_DEAL, ELSEWHERE = (EXCLUSION_CODE[why] for why in ("existing_customer", "open_deal", "open_elsewhere"))

Span = tuple[int, int]  # from a day to the day before another
_Key = tuple[int, int]  # what holds a target: 0 agreed or 1 listed, and the day since when


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt at a target. `entry` is -1 of another table's, whose rows are not asked about; `until` it was listed anew."""

    entry: int
    partner: int
    until: int
    reached: Sequence[int]
    won: int
    lost: int


def plain_spells(
    paths: PathTable, entries: EntryTable, *, valid_days: int = 180, horizon: int = 180
) -> list[tuple[int, int, int, int]]:
    """(entry, start, end, why) of every spell, in order."""
    taken = entries.taken
    groups: dict[int, list[_Attempt]] = defaultdict(list)
    for target, attempt in _attempts(paths, entries):
        groups[target].append(attempt)
    if taken.rivals is not None:
        for target, attempt in _rivals(taken, paths.as_of):
            groups[target].append(attempt)
    bought: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for target, start, end, why in zip(
        *(c.tolist() for c in (taken.target, taken.start, taken.end, taken.why)), strict=True
    ):
        bought[target].append((start, _FAR if end == NO_DAY else end, why))
    found: list[tuple[int, int, int, int]] = []
    for target in sorted(groups):
        found += _group(groups[target], bought.get(target, ()), valid_days, horizon)
    return sorted(found)


def _attempts(paths: PathTable, entries: EntryTable) -> Iterable[tuple[int, _Attempt]]:
    rows = np.flatnonzero(paths.reached[:, LISTED] != NO_DAY)
    entry = paths.entry[rows]
    listed = paths.reached[rows, LISTED].astype(np.int64)
    again = np.r_[entry[1:] == entry[:-1], False][: len(rows)]
    until = np.where(again, np.r_[listed[1:], 0][: len(rows)], _FAR)
    columns = (entry, paths.partner[rows], until, paths.won[rows], paths.lost[rows], entries.target[entry])
    for e, partner, end, won, lost, target, reached in zip(
        *(c.tolist() for c in columns), paths.reached[rows].tolist(), strict=True
    ):
        yield target, _Attempt(e, partner, end, reached, won, lost)


def _rivals(taken: Taken, as_of: int) -> Iterable[tuple[int, _Attempt]]:
    assert taken.rivals is not None
    assert taken.rival_events is not None
    rivals = replace(taken.rivals, partner=taken.rivals.partner - taken.rivals.partner.min(initial=0))
    n = int(rivals.partner.max(initial=-1)) + 1
    nobody = PartnerTable.of([str(i) for i in range(n)], ["all"], np.zeros(n, np.int64))
    paths = canonical_paths(taken.rival_events, rivals, nobody, as_of)
    for target, attempt in _attempts(paths, rivals):
        # told apart from the partners of the table by a number below zero
        yield target, replace(attempt, entry=-1, partner=-1 - attempt.partner)


def _group(
    attempts: Sequence[_Attempt], bought: Sequence[tuple[int, int, int]], valid_days: int, horizon: int
) -> Iterable[tuple[int, int, int, int]]:
    """(entry, start, end, why) of one target."""
    held, mine = _holders(attempts, horizon)
    begins = [start for start, _, _ in held]
    wins = [attempt for attempt in attempts if attempt.won != NO_DAY]
    for attempt in attempts:
        if attempt.entry < 0:
            continue
        listed, deal = attempt.reached[LISTED], attempt.reached[DEAL]
        shown = (listed, min(listed + valid_days, attempt.until))
        spent = _FAR if attempt.lost == NO_DAY else attempt.lost  # from then on it is no success of its own
        sold = [(other.won, _FAR, CUSTOMER) for other in wins if other is not attempt]
        for start, end, why in bought:
            through_it = deal != NO_DAY and (start == _EVER or start >= deal)
            sold.append((max(start, spent) if through_it else start, end, why))
        own = mine.get(attempt.partner, {})
        elsewhere: list[Span] = []
        for start, end, key in held[max(bisect_right(begins, shown[0]) - 1, 0) : bisect_right(begins, shown[1])]:
            elsewhere.append((max(start, own.get(key, start)), end if attempt.won == NO_DAY else min(end, attempt.won)))
        gone: list[Span] = []
        for why, offered in (
            (CUSTOMER, [(start, end) for start, end, code in sold if code == CUSTOMER]),
            (OWN_DEAL, [(start, end) for start, end, code in sold if code == OWN_DEAL]),
            (ELSEWHERE, elsewhere),
        ):
            spans = _without(_united(_cut(offered, shown)), gone)
            gone = _united([*gone, *spans])
            yield from ((attempt.entry, start, end, why) for start, end in spans)


def _holders(
    attempts: Sequence[_Attempt], horizon: int
) -> tuple[list[tuple[int, int, _Key]], dict[int, dict[_Key, int]]]:
    """Who holds the target when, one span after the other; and until when each partner holds it by a claim."""
    claims: dict[int, dict[_Key, int]] = defaultdict(dict)
    for attempt in attempts:
        for key, end in _claims(attempt, horizon):
            claims[attempt.partner][key] = max(claims[attempt.partner].get(key, end), end)
    if len(claims) < 2:
        return [], {}
    ends: dict[_Key, int] = {}
    for of in claims.values():
        for key, end in of.items():
            ends[key] = max(ends.get(key, end), end)
    agreed = _one_by_one([(key, end) for key, end in ends.items() if key[0] == 0])
    listed = _one_by_one([(key, end) for key, end in ends.items() if key[0] == 1])
    covered = _united([(start, end) for start, end, _ in agreed])
    held = agreed + [(*span, key) for start, end, key in listed for span in _without([(start, end)], covered)]
    return sorted(held), claims


def _claims(attempt: _Attempt, horizon: int) -> Iterable[tuple[_Key, int]]:
    """Each claim with the day it ends. One that lapsed in silence begins anew with the next milestone."""
    over = min((day for day in (attempt.won, attempt.lost) if day != NO_DAY), default=_FAR)
    key, end = None, NO_DAY
    for milestone, day in enumerate(attempt.reached):
        if day == NO_DAY:
            break
        agreed = milestone >= AGREED
        if key is not None and (day > end or (agreed and key[0] == 1)):
            yield key, min(end, day)
            key = None
        if key is None:
            key = (0 if agreed else 1, day)
        end = min(day + horizon, over)
    if key is not None:
        yield key, end


def _one_by_one(claims: Sequence[tuple[_Key, int]]) -> list[tuple[int, int, _Key]]:
    """The spans in which each claim is the oldest of those that stand."""
    found, free = [], NO_DAY
    for key, end in sorted(claims):
        start = max(key[1], free)
        if start < end:
            found.append((start, end, key))
            free = end
    return found


def _cut(spans: Iterable[Span], to: Span) -> list[Span]:
    low, high = to
    return [(max(start, low), min(end, high)) for start, end in spans if max(start, low) < min(end, high)]


def _united(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The spans less the others; both in order and apart."""
    found = []
    for start, end in spans:
        at = start
        for low, high in others:
            if high <= at:
                continue
            if low >= end:
                break
            if low > at:
                found.append((at, low))
            at = max(at, high)
        if at < end:
            found.append((at, end))
    return found
