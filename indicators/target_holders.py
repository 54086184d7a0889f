"""Who holds a target when, of all partners that have an open entry for it: the first that agreed, before that the first that listed it."""

from dataclasses import dataclass

import numpy as np

from indicators.inputs import AGREED, NO_DAY, Days, Flags, Ints
from indicators.spans import FAR, Spans, ranges, topmost

_DAY_BITS = 21
_AGREED, _LISTED = 0, 1


@dataclass(frozen=True, eq=False, slots=True)
class Attempts:
    """Attempts at targets, columns of one length.

    entry     -1 of another table's, whose rows are not asked about
    until     the day from which the entry is listed anew, `FAR` where it is not
    reached   [n, 5]
    """

    target: Ints
    entry: Ints
    partner: Ints
    until: Ints
    reached: Days
    won: Ints
    lost: Ints

    def __len__(self) -> int:
        return len(self.target)

    def only(self, rows: Ints) -> "Attempts":
        """The chosen rows, in their order."""
        return Attempts(*(getattr(self, name)[rows] for name in Attempts.__slots__))


@dataclass(frozen=True, eq=False, slots=True)
class Holders:
    """`held`: by target and day, of which the mark is the claim: since when, and whether by agreement. `until`: how long partners stand by it."""

    held: Spans
    _pair: Ints
    _until: Ints
    _partners: int

    def during(self, target: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints]:
        """Every pair of a row and a span of `held` of its target that may lie within [start, end): the places of both."""
        key = self.held.group << _DAY_BITS | self.held.start
        low, high = (np.searchsorted(key, target << _DAY_BITS | day, side="right") for day in (start, end))
        first = np.searchsorted(self.held.group, target)
        return ranges(np.maximum(low - 1, first), high)

    def own(self, claim: Ints, partner: Ints) -> Ints:
        """Until when each partner holds its target by that claim itself; -1 where it does not."""
        if not len(self._pair):
            return np.full(len(claim), -1, np.int64)
        sought = claim * self._partners + partner
        at = np.minimum(np.searchsorted(self._pair, sought), len(self._pair) - 1)
        return np.where(self._pair[at] == sought, self._until[at], -1)


def holders(attempts: Attempts, horizon: int) -> Holders:
    """Who holds each target; nobody does where no other partner ever tried. An entry that stood still for the horizon holds nothing."""
    row, kind, start, end = _claims(attempts, horizon)
    target, partner = attempts.target[row], attempts.partner[row]
    partners = int(partner.max(initial=-1)) + 1
    said, claim = np.unique((target * 2 + kind) << _DAY_BITS | start, return_inverse=True)
    pair, at = np.unique(claim * partners + partner, return_inverse=True)
    until = np.full(len(pair), -1, np.int64)
    np.maximum.at(until, at, end)
    ends = np.full(len(said), -1, np.int64)
    np.maximum.at(ends, claim, end)
    of, day = said >> _DAY_BITS, said & (2**_DAY_BITS - 1)
    start = np.maximum(day, _before(of, ends))  # of those that stand the oldest holds
    shared = _shared(target, partner)
    every = Spans(of >> 1, start, ends, of & 1, np.arange(len(said)))
    return Holders(topmost(every.only(shared[of >> 1]), 2), pair, until, partners)


def _claims(attempts: Attempts, horizon: int) -> tuple[Ints, Ints, Ints, Ints]:
    """(attempt, 0 agreed or 1 listed, start, end) of each claim. One that lapsed in silence begins anew with the next milestone."""
    n = len(attempts)
    over = np.minimum(*(np.where(day == NO_DAY, FAR, day) for day in (attempts.won, attempts.lost)))
    kind, start, end = (np.full(n, -1, np.int64) for _ in range(3))
    going = np.ones(n, np.bool_)
    found: list[tuple[Ints, Ints, Ints, Ints]] = []

    def tell(which: Flags, until: Ints) -> None:
        rows = np.flatnonzero(which)
        found.append((rows, kind[rows], start[rows], until[rows]))

    for milestone in range(attempts.reached.shape[1]):
        day = attempts.reached[:, milestone].astype(np.int64)
        going &= day != NO_DAY
        code = _AGREED if milestone >= AGREED else _LISTED
        anew = going & (kind >= 0) & ((day > end) | (kind > code))
        tell(anew, np.minimum(end, day))
        begins = going & (anew | (kind < 0))
        kind[begins], start[begins] = code, day[begins]
        end = np.where(going, np.minimum(day + horizon, over), end)
    tell(kind >= 0, end)
    row, kinds, since, until = (np.concatenate(column) for column in zip(*found, strict=True))
    return row, kinds, since, until


def _before(group: Ints, value: Ints) -> Ints:
    """The largest value of the rows of the same group before each row; -1 of the first. Groups are in order."""
    highest = np.maximum.accumulate(group << _DAY_BITS | value + 1)
    found = np.full(len(group), -1, np.int64)
    same = group[1:] == group[:-1]
    found[1:][same] = (highest[:-1][same] & (2**_DAY_BITS - 1)) - 1
    return found


def _shared(target: Ints, partner: Ints) -> Flags:
    """[targets]: whether more than one partner tried."""
    n = int(target.max(initial=-1)) + 1
    least, most = np.full(n, int(partner.max(initial=0)), np.int64), np.full(n, -1, np.int64)
    np.minimum.at(least, target, partner)
    np.maximum.at(most, target, partner)
    return np.asarray(least < most, np.bool_)
